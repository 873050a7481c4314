"""Commands of a device: run here, or not at all."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

TIMEOUT_S = 2.0
"""A firmware that answers at all does so in 25 ms; a command that hangs must not hold a probe for long."""
OUTPUT_MAX = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a command said."""

    stdout: str
    code: int = 0


class Installed:
    """What the PATH has; English and without colours, whatever the user's language."""

    def run(self, argv: Sequence[str], timeout_s: float = TIMEOUT_S) -> Answer:
        """Its output; FileNotFoundError where it is not installed, TimeoutError when it did not end."""
        try:
            done = subprocess.run(
                list(argv),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=timeout_s,
                check=False,
                env={**os.environ, "LC_ALL": "C", "TERM": "dumb"},
            )
        except subprocess.TimeoutExpired as error:
            raise TimeoutError(f"{argv[0]} did not end within {timeout_s:g} s") from error
        return Answer(stdout=done.stdout[:OUTPUT_MAX].decode(errors="replace"), code=done.returncode)


class NoCommands:
    """None can be run, for the reason given."""

    def __init__(self, why: str) -> None:
        self._why = why

    def run(self, argv: Sequence[str], timeout_s: float = TIMEOUT_S) -> NoReturn:
        """FileNotFoundError."""
        raise FileNotFoundError(f"{argv[0]}: {self._why}")
