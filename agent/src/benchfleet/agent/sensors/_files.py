"""Files of /proc and /sys, opened once and read in place: opening costs several times what reading does.

The kernel makes the text anew for each pread at offset 0. One whose device has gone fails with ENODEV; it is opened
once more at each reading, so a sensor that comes back is read again. A plain file of another root would stay readable
after it was removed or replaced: it is dropped as soon as no folder holds it.
https://docs.kernel.org/filesystems/seq_file.html
"""

from __future__ import annotations

import contextlib
import errno
import math
import os
import re
from collections.abc import Callable, Sequence

from benchfleet.agent.env import Env
from benchfleet.agent.env.tree import TEXT_BYTES
from benchfleet.agent.sensors import Reading, Sensor

Parse = Callable[..., "float | str"]
"""The sensor and the text of each of its paths, to its value in its unit.

LookupError: no such field. ValueError: no sane number. Or Unread, with a quality.
"""

NUMBER = re.compile(rb"[+-]?\d+(\.\d+)?")
"""Python takes 1_000, nan and 1e9 for numbers, too."""

QUALITY_OF_ERROR = {
    errno.EACCES: "denied",
    errno.EPERM: "denied",
    errno.EAGAIN: "gated",  # what the kernel says of a block without power
    errno.ETIMEDOUT: "timeout",
    errno.EOPNOTSUPP: "unsupported",
    errno.ENOSYS: "unsupported",
    errno.ENODATA: "unsupported",  # hwmon: the channel is switched off
}
"""What else fails is lost."""


class Unread(Exception):  # noqa: N818
    """Nothing was measured, or only with a reserve: the quality says why."""

    def __init__(self, quality: str, detail: str, value: float | str | None = None) -> None:
        super().__init__(detail)
        self.quality, self.detail, self.value = quality, detail, value


def unread(sensor: Sensor, error: Exception) -> Reading:
    """The reading that an error stands for."""
    if isinstance(error, Unread):
        return Reading(sensor_id=sensor.id, value=error.value, quality=error.quality, detail=error.detail)
    if isinstance(error, OSError):
        quality = "timeout" if isinstance(error, TimeoutError) else QUALITY_OF_ERROR.get(error.errno or 0, "lost")
        name = errno.errorcode.get(error.errno or 0, "")
        what = " ".join(part for part in (name, error.strerror or str(error), str(error.filename or "")) if part)
        return Reading(sensor_id=sensor.id, value=None, quality=quality, detail=what)
    quality = "lost" if isinstance(error, LookupError) else "implausible"
    return Reading(sensor_id=sensor.id, value=None, quality=quality, detail=str(error)[:200])


def checked(sensor: Sensor, value: float | str) -> Reading:
    """The reading of a value: one that is no number of this world is implausible, one below the step says so."""
    if isinstance(value, str):
        return Reading(sensor_id=sensor.id, value=value)
    if not math.isfinite(value):
        return Reading(sensor_id=sensor.id, value=None, quality="implausible", detail=f"{value} is no number")
    if sensor.wrap is not None and value > sensor.wrap:
        detail = f"{value:g} is beyond {sensor.wrap:g} {sensor.unit}, where the counter begins again"
        return Reading(sensor_id=sensor.id, value=None, quality="implausible", detail=detail)
    if sensor.resolution and sensor.semantics == "gauge" and 0 < abs(value) < sensor.resolution:
        detail = f"a step of this sensor is {sensor.resolution:g} {sensor.unit}"
        return Reading(sensor_id=sensor.id, value=value, quality="below_resolution", detail=detail)
    return Reading(sensor_id=sensor.id, value=value)


class Files:
    """A reader of sensors that are files; a path that several sensors share is read once for all."""

    def __init__(self, env: Env, sensors: Sequence[Sensor], parse: Parse) -> None:
        self._env, self._sensors, self._parse = env, sensors, parse
        self._native = env.files.native
        self._paths = list(dict.fromkeys(path for sensor in sensors for path in sensor.paths))
        self._handles: dict[str, int] = {}

    def read(self) -> list[Reading]:
        """One reading per sensor; what cannot be read is None with its quality."""
        texts = {path: self._text(path) for path in self._paths}
        return [self._reading(sensor, [texts[path] for path in sensor.paths]) for sensor in self._sensors]

    def close(self) -> None:
        """Closes what is open."""
        for path in list(self._handles):
            self._drop(path)

    def _reading(self, sensor: Sensor, texts: Sequence[bytes | OSError]) -> Reading:
        failed = next((text for text in texts if isinstance(text, OSError)), None)
        if failed is not None:
            return unread(sensor, failed)
        try:
            return checked(sensor, self._parse(sensor, *texts))
        except (LookupError, ValueError, ArithmeticError, Unread) as error:
            return unread(sensor, error)

    def _text(self, path: str) -> bytes | OSError:
        """The file's text, or why there is none."""
        handle = self._handles.get(path)
        if handle is not None:
            try:
                text = os.pread(handle, TEXT_BYTES, 0)
            except OSError:
                text = b""
            if text and (self._native or os.fstat(handle).st_nlink):
                return text
            self._drop(path)
        try:
            handle = self._handles[path] = self._env.files.open(path)
            text = os.pread(handle, TEXT_BYTES, 0)
        except OSError as error:
            return OSError(error.errno, error.strerror, path)
        return text or OSError(0, "it is empty", path)

    def _drop(self, path: str) -> None:
        with contextlib.suppress(OSError):
            os.close(self._handles.pop(path))


def first_number(sensor: Sensor, text: bytes) -> float:
    """The number a file begins with, in decimal digits as a kernel writes it."""
    words = text.split(None, 1)
    if not words:
        raise LookupError("it is empty")
    if not NUMBER.fullmatch(words[0]):
        raise ValueError(f"{words[0][:40].decode(errors='replace')!r} is no number")
    return float(words[0])
