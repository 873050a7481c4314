"""Text that UTF-8 can hold: what came from the kernel, a command line or a file name may carry half a surrogate pair.

Python reads bytes that are no UTF-8 as lone surrogates (https://peps.python.org/pep-0383/), which no message, no data
base and no page can hold. They are replaced once, where a fact is read.
"""

from __future__ import annotations

import re
from typing import Any

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_HALF = re.compile("[\ud800-\udfff]")


def utf8(text: str) -> str:
    """`text` with a replacement character for whatever UTF-8 cannot hold."""
    return _HALF.sub(REPLACEMENT, text)


def utf8_all(data: Any) -> Any:
    """The same for every text in plain data, keys of maps too."""
    if isinstance(data, str):
        return utf8(data)
    if isinstance(data, dict):
        return {utf8_all(key): utf8_all(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return type(data)(utf8_all(value) for value in data)
    return data
