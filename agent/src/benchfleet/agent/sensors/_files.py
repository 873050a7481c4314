"""Files of /proc and /sys, opened once and read in place: opening costs several times what reading does.

The kernel makes the text anew for each pread at offset 0. One whose device has gone fails with ENODEV; it is opened
once more at each reading, so a sensor that comes back is read again.
https://docs.kernel.org/filesystems/seq_file.html
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Callable
from pathlib import Path

from benchfleet.agent.sensors import Reading, Sensor

TEXT_BYTES = 4096
"""Read of each file: one page holds all that is parsed here (/proc/meminfo has 1.5 KiB)."""

Parse = Callable[[Sensor, bytes], float]
"""Text to value in the sensor's unit. LookupError: no such field. ValueError: no sane number. Pending: not yet."""


class Pending(Exception):  # noqa: N818
    """A difference of two readings, and there is only one."""


class Files:
    """A reader of sensors that are files; a path that several sensors share is read once for all."""

    def __init__(self, root: Path, sensors: list[Sensor], parse: Parse) -> None:
        self._sensors, self._parse = sensors, parse
        self._paths = {sensor.path: str(root / sensor.path.lstrip("/")) for sensor in sensors}
        self._handles: dict[str, int] = {}

    def read(self) -> list[Reading]:
        """One reading per sensor; what cannot be read is None with its quality."""
        texts = {path: self._text(path) for path in self._paths}
        return [self._reading(sensor, texts[sensor.path]) for sensor in self._sensors]

    def close(self) -> None:
        """Closes what is open."""
        for path in list(self._handles):
            self._drop(path)

    def _reading(self, sensor: Sensor, text: bytes | str) -> Reading:
        value, quality = None, "ok"
        if isinstance(text, str):
            quality = text
        else:
            try:
                value = self._parse(sensor, text)
            except Pending:
                quality = "pending"
            except LookupError:
                quality = "lost"
            except ValueError:
                quality = "implausible"
            else:
                if not math.isfinite(value):
                    value, quality = None, "implausible"
        return Reading(sensor_id=sensor.id, value=value, quality=quality)

    def _text(self, path: str) -> bytes | str:
        """The file's text, or the quality of its absence."""
        handle = self._handles.get(path)
        if handle is not None:
            try:
                text = os.pread(handle, TEXT_BYTES, 0)
            except OSError:
                text = b""
            if text:
                return text
            self._drop(path)
        try:
            handle = self._handles[path] = os.open(self._paths[path], os.O_RDONLY | os.O_CLOEXEC)
            return os.pread(handle, TEXT_BYTES, 0) or "lost"
        except PermissionError:
            return "denied"
        except OSError:
            return "lost"

    def _drop(self, path: str) -> None:
        with contextlib.suppress(OSError):
            os.close(self._handles.pop(path))


def first_number(sensor: Sensor, text: bytes) -> float:
    """The number a file begins with."""
    return float(text.split(None, 1)[0])
