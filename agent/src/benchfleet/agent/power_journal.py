"""What a device was set to before we changed it, on disk before the first change.

    STATE/power_modes/journal.json    there while something is changed, and while it could not be put back
    STATE/power_modes/unreadable.json a journal that could not be read; kept for a person to look at

The file is written beside, synced, renamed, and its folder synced; its digest is in it. So after a kill or a loss of
power it is either whole or not there, and one that is neither is not believed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchfleet.agent.power_modes import Mode

log = logging.getLogger(__name__)

VERSION = 1
BYTES_MAX = 64 * 1024
"""A mixed state of 256 policies is 8 KiB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """`found` is the mode of each mechanism before; `failed` says why it is not what it was again."""

    wanted: str
    boot_id: str
    found: Mapping[str, Mode]
    failed: str = ""


class Journal:
    """One change at a time: whoever makes it holds the turn of the host."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path, self.aside = folder / "journal.json", folder / "unreadable.json"

    def peek(self) -> tuple[Change | None, str]:
        """What is open, and why that cannot be told; touches nothing."""
        try:
            with self.path.open("rb") as file:
                data = file.read(BYTES_MAX + 1)
        except FileNotFoundError:
            return None, ""
        except OSError as error:
            return None, f"{self.path} cannot be read ({error.strerror})"
        try:
            return _parsed(data), ""
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None, f"{self.path} is damaged"

    def read(self) -> tuple[Change | None, str]:
        """What is open, and what a person must see to: one that is damaged is kept aside, nothing is put back by it."""
        change, why = self.peek()
        if why:
            with contextlib.suppress(OSError):
                os.replace(self.path, self.aside)
                why = self.lost()
            log.error("power_mode event=journal_unreadable error=%s", why)
        return change, why or self.lost()

    def lost(self) -> str:
        """What to do about a journal that was kept aside; empty when there is none."""
        if not self.aside.exists():
            return ""
        return (
            f"a journal of power modes was damaged and is kept as {self.aside}: what was set before a run is not "
            "known; set the device as you want it, then remove that file"
        )

    def write(self, change: Change) -> None:
        """Safe on disk when it returns; OSError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        scratch = self.folder / "journal.part"
        with open(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(_text(change))
            file.flush()
            os.fsync(file.fileno())
        os.replace(scratch, self.path)
        self._sync()

    def remove(self) -> None:
        """Nothing is changed any more; OSError."""
        self.path.unlink(missing_ok=True)
        self._sync()

    def _sync(self) -> None:
        handle = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _text(change: Change) -> bytes:
    held = {
        "version": VERSION,
        "wanted": change.wanted,
        "boot_id": change.boot_id,
        "found": {name: {"name": mode.name, "id": mode.id} for name, mode in change.found.items()},
        "failed": change.failed,
    }
    return json.dumps({**held, "sha256": _digest(held)}, indent=1).encode()


def _parsed(data: bytes) -> Change:
    if len(data) > BYTES_MAX:
        raise ValueError("longer than any that was written")
    held: dict[str, Any] = json.loads(data)
    if held.pop("sha256") != _digest(held) or held["version"] != VERSION:
        raise ValueError("not what was written")
    return Change(
        wanted=held["wanted"],
        boot_id=held["boot_id"],
        found={name: Mode(name=mode["name"], id=mode["id"]) for name, mode in held["found"].items()},
        failed=held["failed"],
    )


def _digest(held: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(held, sort_keys=True).encode()).hexdigest()
