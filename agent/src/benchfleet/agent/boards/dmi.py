"""PCs and servers, by what their firmware says of them (DMI): the maker and the product, never a serial number.

What is no board with a name of its own is a `host`, whoever made it; its product is a fact.
https://docs.kernel.org/admin-guide/abi-testing.html (/sys/class/dmi/id), https://www.dmtf.org/standards/smbios
"""

from __future__ import annotations

from benchfleet.agent.boards import Board
from benchfleet.agent.env import Env

RANK = 80
FOLDER = "/sys/class/dmi/id"
PLACEHOLDERS = ("to be filled by o.e.m.", "default string", "system product name", "system manufacturer", "none", "n/a")
"""What makers leave in."""


def detect(env: Env) -> Board | None:
    """None without DMI."""
    vendor, product, board = (_said(env, name) for name in ("sys_vendor", "product_name", "board_name"))
    model = " ".join(dict.fromkeys(part for part in (vendor, product or board) if part))
    if not model:
        return None
    return Board(slug="host", model=model, evidence=f"{FOLDER}: no family recognises it")


def _said(env: Env, name: str) -> str:
    text = env.files.text(f"{FOLDER}/{name}", "")
    return "" if text.lower() in PLACEHOLDERS else text
