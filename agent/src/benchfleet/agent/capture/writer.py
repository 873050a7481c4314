"""Writes the tree of a recording: files of a device path for path, links as links, and what could not be read as such.

Bounded in files, bytes and time; a file that hangs is one that timed out. Of a program the header is enough, and of the
list of packages those that a driver asks about.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import time
from collections import Counter
from pathlib import Path

from benchfleet.agent.capture.allowed import PLACES
from benchfleet.agent.capture.identities import Identities
from benchfleet.agent.env.tree import LINKS_MAX, Tree
from benchfleet.agent.sensors._deadline import Gone, within

FILES_MAX = 20_000
BYTES_MAX = 32 * 1024 * 1024
FILE_BYTES = 1024 * 1024
"""/proc/cpuinfo of a server of 256 CPUs has 400 kB; sysfs gives 4 kB."""
READ_S = 1.0
"""Of one file, before it counts as one that hangs."""
HANGS_MAX = 20
"""Each that hangs leaves a thread behind."""
SPAN_S = 120.0
ELF_BYTES = 64
STATUS = "/var/lib/dpkg/status"
STATUS_BYTES = 32 * 1024 * 1024
PACKAGES = re.compile(r"Package: (nvidia-l4t-core|nvidia-jetpack|libedgetpu|gasket|hailo|rknpu|librknn|intel-.*npu)")
PACKAGE_FIELDS = ("Package: ", "Status: ", "Version: ", "Architecture: ")
READABLE = 0o444
"""Some of these; what is but for writing (a file that unbinds a driver) is never opened."""
OPEN_TO_ALL = 0o004
FOLDER_OPEN_TO_ALL = 0o001


class Writer:
    """`add` each path; then `errors`, `modes` and `left_out` say what came of them."""

    def __init__(self, files: Tree, root: Path, identities: Identities) -> None:
        self._files, self._root, self._identities = files, root, identities
        self._done: set[str] = set()
        self._ends_s = time.monotonic() + SPAN_S
        self._bytes = self._hung = 0
        self.errors: dict[str, str] = {}
        self.modes: dict[str, str] = {}
        self.left_out: Counter[str] = Counter()
        self.count = 0

    def add(self, path: str, *, folders: bool) -> None:
        """A path of the device with the links on its way; a folder only where that was looked for itself."""
        if path in self._done:
            return
        self._done.add(path)
        if not path.startswith(PLACES):
            self._leave(f"{path}: not among the places that are recorded")
        elif self._identities.of_file(path):
            self._leave("files whose name says that they hold an identity")
        elif self.count >= FILES_MAX or self._bytes >= BYTES_MAX or time.monotonic() > self._ends_s:
            self._leave(f"files beyond {FILES_MAX}, {BYTES_MAX} bytes or {SPAN_S:g} s")
        else:
            self._place(path, folders=folders)

    def _place(self, path: str, *, folders: bool) -> None:
        if self._identities.of_file(self._files.link(path)):
            self._leave("files whose name says that they hold an identity")
            return
        try:
            mode = os.stat(self._files.real(path)).st_mode
        except OSError:
            self._leads_nowhere(path)
            return
        if stat.S_ISDIR(mode):
            if folders:
                self._inside(self._way(path)).mkdir(parents=True, exist_ok=True)
        elif not stat.S_ISREG(mode):
            self._leave("devices and sockets")
        elif mode & READABLE:
            way = self._way(path)
            if way == path or way not in self._done:
                self._done.add(way)
                self._write(way, mode)

    def _leads_nowhere(self, path: str) -> None:
        """A link whose end is not there: the name of its end is what it says (a driver, a bus)."""
        parent, _, name = path.rpartition("/")
        place = f"{self._files.real(self._files.link(parent or '/')).rstrip('/')}/{name}"
        if os.path.islink(place):
            self._link(f"{self._way(parent)}/{name}", os.readlink(place))

    def _way(self, path: str) -> str:
        """Where a path leads; the links on the way are made."""
        left, at, links = path.strip("/").split("/")[::-1], "", 0
        while left and links <= LINKS_MAX:
            part = left.pop()
            if part in ("", "."):
                continue
            if part == "..":
                at = at.rpartition("/")[0]
                continue
            place = f"{self._files.real(at or '/').rstrip('/')}/{part}"
            if not os.path.islink(place):
                at = f"{at}/{part}"
                continue
            target, links = os.readlink(place), links + 1
            self._link(f"{at}/{part}", target)
            at = "" if target.startswith("/") else at
            left += target.strip("/").split("/")[::-1]
        return at or "/"

    def _link(self, path: str, target: str) -> None:
        link = self._inside(path)
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.is_symlink() and not link.exists():
            link.symlink_to(self._identities.out_of_path(target))

    def _write(self, path: str, mode: int) -> None:
        content = self._content(path)
        if not self._readable_by_all(path, mode):
            self.modes[path] = f"{mode & 0o777:04o}"
        file = self._inside(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        self.count += 1
        self._bytes += len(content)

    def _content(self, path: str) -> bytes:
        """Its text without identities; empty, with the error noted, where it cannot be read."""
        if self._hung >= HANGS_MAX:
            self.errors[path] = "ETIMEDOUT"
            return b""
        limit = STATUS_BYTES if path == STATUS else FILE_BYTES
        try:
            content = within(lambda: self._all(path, limit), READ_S)
        except Gone:
            self._hung += 1
            self.errors[path] = "ETIMEDOUT"
            return b""
        except OSError as error:
            self.errors[path] = errno.errorcode.get(error.errno or errno.EIO, "EIO")
            return b""
        if content.startswith(b"\x7fELF"):
            return content[:ELF_BYTES]
        if path == STATUS:
            blocks = content.decode(errors="replace").split("\n\n")
            content = "\n\n".join(_of_interest(block) for block in blocks if PACKAGES.match(block)).encode()
        return self._identities.out_of_file(path, content)

    def _all(self, path: str, limit: int) -> bytes:
        handle = self._files.open(path)
        parts, left = [], limit
        try:
            while left > 0 and (part := os.read(handle, min(left, 1 << 16))):
                parts.append(part)
                left -= len(part)
        finally:
            os.close(handle)
        return b"".join(parts)

    def _readable_by_all(self, path: str, mode: int) -> bool:
        if not mode & OPEN_TO_ALL:
            return False
        at = path.rpartition("/")[0]
        while at:
            try:
                if not os.stat(self._files.real(at)).st_mode & FOLDER_OPEN_TO_ALL:
                    return False
            except OSError:
                return True
            at = at.rpartition("/")[0]
        return True

    def _inside(self, path: str) -> Path:
        return self._root / self._identities.out_of_path(path).lstrip("/")

    def _leave(self, why: str) -> None:
        self.left_out[why] += 1


def _of_interest(block: str) -> str:
    """Of a package what is asked: maintainers and descriptions may name whoever built it."""
    return "\n".join(line for line in block.splitlines() if line.startswith(PACKAGE_FIELDS))
