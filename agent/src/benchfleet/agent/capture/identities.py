"""What tells whose device it is: files that are left out by their name, texts that are replaced wherever they stand.

Numbers of a product (a board's part number, PCI ids) are no identities; numbers of one piece of it are.
"""

from __future__ import annotations

import contextlib
import json
import re
from typing import Any

from benchfleet.agent.env import Env

NAMES = re.compile(
    r"serial|uuid|guid|unique_id|machine-id|boot_id|wwid|wwn|^eui$|asset_tag|mac-addr|^address$|^hostname$|^domainname$"
    r"|bootargs|ssid|psk|passw|secret|^uevent$",
    re.IGNORECASE,
)
"""Of a file; uevent holds serial numbers of batteries among others."""
FOLDERS = re.compile(r"^/proc/(self|\d+)/|^/sys/class/net/|/chosen/|/enx[0-9a-f]{12}|^/etc/(ssh|ssl|shadow|passwd)")
"""Left out whole; an interface may be called by its address."""
KEPT = re.compile(r"^/proc/(self|\d+)/cgroup$")
"""Of them, what tells of containers and their limits."""

MAC = re.compile(r"(?<![0-9A-Fa-f:])(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}(?![0-9A-Fa-f:])")
UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
DIGEST = re.compile(r"(?<![0-9A-Fa-f])[0-9A-Fa-f]{32,}(?![0-9A-Fa-f])")
IPV4 = re.compile(r"(?<![\d.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\d.])")
IPV6 = re.compile(
    r"(?<![0-9A-Fa-f:.])(?!00:00:00:00:00:00)"
    r"(?:(?:[0-9A-Fa-f]{1,4}:){4,7}[0-9A-Fa-f]{1,4}|(?:[0-9A-Fa-f]{1,4}:){1,6}(?::[0-9A-Fa-f]{1,4}){1,6})"
    r"(?![0-9A-Fa-f:])"
)
"""Of five groups and more, or with a gap: an address of PCI or a time of day has three."""
PLAIN_MAC = re.compile(r"(?<![0-9A-Za-z])(?=[0-9]*[A-Fa-f])[0-9A-Fa-f]{12}(?![0-9A-Za-z])")
FIELDS = re.compile(
    r"^(.*?(?:serial|uuid|ssid|mac addr|host ?name)[^:=\n]*[:=]\s*)(\S[^,\n]*)$", re.IGNORECASE | re.MULTILINE
)
TAGS = re.compile(r"(<[^<>/]*(?:serial|uuid|ssid)[^<>/]*>)[^<]*", re.IGNORECASE)
BUILDER = re.compile(r"\([^()\s@]+@[^()\s@]+\)")
"""Who built a kernel, and where: /proc/version."""
KEYS = re.compile(
    r"^(.*ssid.*|.*mac|ip|ipv4|.*_ip|.*serial.*|.*uuid.*|host(name)?|name|device_?name|friendlyname|.*topic|user|login"
    r"|.*passw.*|.*token|key|id|lat|lng|lon|.*gateway|dns.*|ipaddress.*|server|src|mqtt.*host|busid_legacy)$",
    re.IGNORECASE,
)
"""Of JSON that came from a network or a library; texts under them are emptied."""
KNOWN_FILES = (
    "/etc/machine-id", "/var/lib/dbus/machine-id", "/proc/sys/kernel/random/boot_id",
    "/proc/device-tree/serial-number", "/sys/firmware/devicetree/base/serial-number", "/sys/class/dmi/id/*serial",
    "/sys/class/dmi/id/product_uuid", "/sys/class/dmi/id/*asset_tag", "/sys/class/net/*/address",
    "/sys/bus/usb/devices/*/serial", "/sys/class/power_supply/*/serial_number",
)  # fmt: skip
"""What this device is called: replaced in every text, in whatever form it is written there."""
KNOWN_MIN = 6
"""A serial number of less is no identity, and may be a number of something else."""
DEVICE_TREE = ("/proc/device-tree/", "/sys/firmware/devicetree/")
"""Its names stay: a host may be called as its maker is."""
PASSWD_BYTES = 1024 * 1024
LOGIN_UIDS = range(1000, 60_000)
USERS_OF_IMAGES = frozenset(
    (
        "user",
        "pi",
        "ubuntu",
        "debian",
        "nvidia",
        "jetson",
        "mendel",
        "rock",
        "radxa",
        "orangepi",
        "khadas",
        "odroid",
        "admin",
    )
)
"""Of whoever made the image, and words of its files."""
USER_MIN = 3

FILLERS = ("00:00:00:00:00:00", "unknown", "not specified", "default string", "to be filled by o.e.m.", "none")


class Identities:
    """Those of one device; knows them, and takes them out of texts."""

    def __init__(self, env: Env) -> None:
        files = env.files
        found = {files.text(path, "") for pattern in KNOWN_FILES for path in files.glob(pattern)}
        self._known = sorted((k for k in found if _telling(k)), key=len, reverse=True)
        hosts = {files.text("/proc/sys/kernel/hostname", ""), files.text("/etc/hostname", "")}
        names = dict.fromkeys(hosts, "host") | dict.fromkeys(_users(env), "user")
        self._names = [
            (n, re.compile(rf"(?<![\w.-]){re.escape(n)}(?![\w-])"), f) for n, f in names.items() if len(n) > 1
        ]

    def of_file(self, path: str) -> bool:
        """Whether a file is left out for what it holds."""
        if KEPT.search(path):
            return False
        return bool(FOLDERS.search(path) or NAMES.search(path.rpartition("/")[2]))

    def out_of_path(self, path: str) -> str:
        """The name of a file or a folder: that of a group may be the number of a container."""
        return self._common(path)

    def out_of_file(self, path: str, content: bytes) -> bytes:
        """A file's content without them."""
        text = self._common(content.decode("utf-8", "surrogateescape"))
        if path.startswith("/proc/"):
            text = BUILDER.sub("(builder)", FIELDS.sub(r"\g<1>0", text))
        if path.startswith("/etc/"):
            text = _without_addresses(text)
        if not path.startswith(DEVICE_TREE):
            text = self._without_names(text)
        return text.encode("utf-8", "surrogateescape")

    def out_of_answer(self, text: str) -> str:
        """What a command or a network said, without them."""
        return _without_addresses(self._without_names(TAGS.sub(r"\g<1>0", FIELDS.sub(r"\g<1>0", self._common(text)))))

    def out_of_body(self, body: bytes) -> bytes:
        """A body of HTTP, by the keys of its JSON where it is that."""
        text = body.decode("utf-8", "replace")
        try:
            data = json.loads(text)
        except ValueError:
            return self.out_of_answer(text).encode()
        return json.dumps(self.out_of_data(data)).encode()

    def out_of_data(self, data: Any, key: str = "") -> Any:
        """The same for plain data."""
        if isinstance(data, dict):
            return {k: self.out_of_data(v, key if str(k).isdigit() else str(k)) for k, v in data.items()}
        if isinstance(data, list):
            return [self.out_of_data(each, key) for each in data]
        if isinstance(data, str):
            return "" if KEYS.fullmatch(key) else self.out_of_answer(data)
        return data

    def _common(self, text: str) -> str:
        for known in self._known:
            text = text.replace(known, "0" * len(known))
        text = MAC.sub("00:00:00:00:00:00", UUID.sub("00000000-0000-0000-0000-000000000000", text))
        return DIGEST.sub(lambda found: "0" * len(found[0]), text)

    def _without_names(self, text: str) -> str:
        """Of hosts and users; a text that is one word alone, as that of a chip or a zone, is the kernel's."""
        if text.strip() in (name for name, _, _ in self._names):
            return text
        for _, pattern, filler in self._names:
            text = pattern.sub(filler, text)
        return text


def _users(env: Env) -> set[str]:
    """Those who log in to the device."""
    found = set(env.files.names("/home"))
    with contextlib.suppress(OSError):
        for line in env.files.read("/etc/passwd", PASSWD_BYTES).decode(errors="replace").splitlines():
            fields = line.split(":")
            if len(fields) > 2 and fields[2].isdigit() and int(fields[2]) in LOGIN_UIDS:
                found.add(fields[0])
    return {name for name in found if len(name) >= USER_MIN and name.lower() not in USERS_OF_IMAGES}


def _without_addresses(text: str) -> str:
    return IPV6.sub("::", PLAIN_MAC.sub("0" * 12, IPV4.sub("0.0.0.0", text)))


def _telling(text: str) -> bool:
    return len(text) >= KNOWN_MIN and text.lower() not in FILLERS and len(set(text)) > 1 and "\n" not in text
