"""Files of a device under a root folder: every path is the device's own, every link is resolved inside.

An absolute link of a recorded tree points into that tree, as it would after chroot(2). A recording that went through a
file system or an archive without links holds a file with the target in place of each; it is followed as well. `errors`
makes reading a path fail, as its recording says; patterns of fnmatch are allowed. Only what is this machine's may be
written: a recording and another root are looked at.
"""

from __future__ import annotations

import errno
import fnmatch
import os
from collections.abc import Mapping
from pathlib import Path

LINKS_MAX = 40
"""Of one path, as Linux has it (path_resolution(7))."""
LINK_BYTES = 256
"""Of a file that stands for a link; those of sysfs are half as long."""
TEXT_BYTES = 4096
"""Read of a file: sysfs gives a page at most, and what is parsed of /proc fits."""


class Tree:
    """`mounts` names other places for some folders: {"/sys": Path("/host/sys")}; None leaves one where it is."""

    def __init__(
        self,
        root: Path = Path("/"),
        mounts: Mapping[str, Path | None] | None = None,
        errors: Mapping[str, str] | None = None,
        *,
        writable: bool = False,
    ) -> None:
        self.root = root
        self._mounts = {at: place for at, place in (mounts or {}).items() if place is not None}
        self._errors = dict(errors or {})
        self.native = root == Path("/") and not self._mounts and not self._errors
        self._writable = writable

    @property
    def here(self) -> bool:
        """Whether its /proc is that of this machine, so that what a process asks the kernel is of the same device."""
        return self.root == Path("/") and "/proc" not in self._mounts and not self._errors

    def open(self, path: str) -> int:
        """A descriptor to read; OSError. One that is no file of data (a pipe) is not waited for."""
        self._may_fail(path)
        return os.open(self.real(path), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)

    def read(self, path: str, limit: int = TEXT_BYTES) -> bytes:
        """Its first bytes; OSError."""
        handle = self.open(path)
        try:
            return os.read(handle, limit)
        finally:
            os.close(handle)

    def write(self, path: str, text: str) -> None:
        """Sets a file that is there; OSError, EROFS where nothing may be written."""
        self._may_fail(path)
        if not self._writable:
            raise OSError(errno.EROFS, f"{self.root} is only looked at", path)
        handle = os.open(self.real(path), os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC)
        try:
            os.write(handle, text.encode())
        finally:
            os.close(handle)

    def text(self, path: str, default: str | None = None) -> str:
        """Stripped text, NULs as spaces; without a default OSError where it cannot be read."""
        try:
            return self.read(path).replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            if default is None:
                raise
            return default

    def exists(self, path: str) -> bool:
        """Whether there is something; what may not be read is there all the same, links in a circle are not."""
        try:
            return os.path.exists(self.real(path))
        except OSError:
            return False

    def names(self, path: str) -> list[str]:
        """What a folder holds, sorted; empty where there is none."""
        try:
            return sorted(os.listdir(self.real(path)), key=_natural)
        except OSError:
            return []

    def glob(self, pattern: str) -> list[str]:
        """Paths of the device that match, in natural order (cpu2 before cpu10); `*` does not cross a slash."""
        found = [""]
        for part in pattern.strip("/").split("/"):
            if any(c in part for c in "*?["):
                found = [f"{at}/{n}" for at in found for n in self.names(at or "/") if fnmatch.fnmatchcase(n, part)]
            else:
                found = [f"{at}/{part}" for at in found]
        return [path for path in found if self.exists(path)]

    def link(self, path: str) -> str:
        """Where a path leads after its links, as a path of the device; the path itself where it leads nowhere."""
        if self.native:
            return os.path.realpath(path)
        try:
            return self._resolved(path)
        except OSError:  # links in a circle
            return path

    def real(self, path: str) -> str:
        """Where this process finds it."""
        return path if self.native else self._place(self._resolved(path))

    def _place(self, path: str) -> str:
        for at, place in self._mounts.items():
            if path == at or path.startswith(f"{at}/"):
                return f"{place}{path[len(at) :]}"
        return os.path.normpath(f"{self.root}/{path.lstrip('/')}")

    def _resolved(self, path: str) -> str:
        left, at, links = path.strip("/").split("/")[::-1], "", 0
        while left:
            part = left.pop()
            if part in ("", "."):
                continue
            if part == "..":
                at = at.rpartition("/")[0]
                continue
            try:
                target = os.readlink(self._place(f"{at}/{part}"))
            except OSError:
                target = self._written_link(at, part)
            if not target:
                at = f"{at}/{part}"
                continue
            links += 1
            if links > LINKS_MAX:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
            if target.startswith("/"):
                at = ""
            left += target.strip("/").split("/")[::-1]
        return at or "/"

    def _written_link(self, at: str, part: str) -> str:
        """The target that a file holds in place of a link; empty where it is no such file."""
        place = self._place(f"{at}/{part}")
        try:
            if not os.path.isfile(place) or not 0 < os.path.getsize(place) <= LINK_BYTES:
                return ""  # those of a kernel that runs show a size of 0 or of a page, and are not opened
            with open(place, encoding="utf-8") as file:
                target = file.read().strip()
        except (OSError, ValueError):
            return ""
        below = os.path.normpath(f"{at}/{target}")
        return target if target.startswith("../") and os.path.lexists(self._place(below)) else ""

    def _may_fail(self, path: str) -> None:
        if not self._errors:
            return
        resolved = self._resolved(path)
        for pattern, name in self._errors.items():
            if resolved == self._resolved(pattern) or any(fnmatch.fnmatchcase(p, pattern) for p in (path, resolved)):
                code = getattr(errno, name, errno.EIO)
                raise OSError(code, os.strerror(code), path)


def _natural(name: str) -> tuple[str, int, str]:
    head = name.rstrip("0123456789")
    digits = name[len(head) :]
    return head, int(digits) if digits else -1, name
