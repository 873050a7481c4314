"""Text with numbers of the moment in it: `"{die_mdegc}\\n"`.

Not str.format: its fields reach into objects, and a board's file may come from anybody.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_FIELD = re.compile(r"\{([A-Za-z0-9_]+)\}")


def names(text: str) -> list[str]:
    """The fields of a text."""
    return _FIELD.findall(text)


def filled(text: str, values: Mapping[str, str]) -> str:
    """The text with its values."""
    return _FIELD.sub(lambda match: values[match[1]], text)
