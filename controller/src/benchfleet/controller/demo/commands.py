"""The two programs as a user runs them: each step of the demo is a command that is shown before it runs."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from benchfleet.core.errors import DocumentError, RunFailedError


def program(name: str) -> str:
    """The path of a program beside this interpreter or in PATH; DocumentError says how to get it."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.is_file() else shutil.which(name)
    if found is None:
        raise DocumentError(f"demo: {name} is not installed here; pip install 'benchfleet[demo]'")
    return found


def tied(command: Sequence[str]) -> list[str]:
    """The command that runs `command` and ends with this process."""
    return [sys.executable, "-m", "benchfleet.controller.demo.tied", str(os.getpid()), *command]


class Commands:
    """Runs benchfleet's own commands against the fleet named in `environment`."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self._benchfleet = program("benchfleet")

    def show(self, *arguments: str, allowed: Sequence[int] = (0,)) -> int:
        """Runs a command with its output on ours; RunFailedError for an exit code not in `allowed`."""
        click.secho("\n$ " + shlex.join(["benchfleet", *arguments]), bold=True, err=True)
        code = subprocess.run(
            tied([self._benchfleet, *arguments]), env=self._environment, stdin=subprocess.DEVNULL, check=False
        ).returncode
        if code not in allowed:
            raise RunFailedError(f"demo: `benchfleet {arguments[0]}` ended with code {code}")
        return code

    def data(self, *arguments: str) -> Any:
        """The JSON that a command prints; RunFailedError with its message when it fails."""
        done = subprocess.run(
            tied([self._benchfleet, *arguments]),
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RunFailedError(f"demo: `benchfleet {' '.join(arguments)}`: {done.stderr.strip() or done.returncode}")
        return json.loads(done.stdout)
