"""Names of power modes, as documents write them and as devices offer them.

    power_mode: [15W, MAXN, MAXN+jetson_clocks, cpufreq:performance, performance+cpu_clock:1200MHz]

Boards have several mechanisms side by side (nvpmodel, jetson_clocks, a cpufreq governor); a mode of a campaign is one
of a mechanism's, or several joined by `+`, one of each mechanism. A mode is meant by its name or by its id; a name
comes first, and `MECHANISM:` before it tells two of one name apart. What is not named is left as it was found.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

TEXT_MAX = 100
SHOWN_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedMode:
    """A mode that a mechanism of a device can set: `id` is what the mechanism calls it."""

    mechanism: str
    name: str
    id: str


def check(text: str) -> str:
    """`text` when it can be a power mode of some device; ValueError otherwise."""
    if not text or len(text) > TEXT_MAX or not text.isprintable() or any(c.isspace() for c in text):
        raise ValueError(
            f"a power mode is a name or id of the device, like 15W, MAXN or MAXN+jetson_clocks, not {text[:40]!r}"
        )
    if not all(part.rpartition(":")[2] for part in text.split("+")):
        raise ValueError(f"power mode {text!r}: a name is missing beside + or :")
    return text


def chosen(text: str, offered: Sequence[OfferedMode]) -> tuple[OfferedMode, ...]:
    """The modes that a text means on a device; ValueError says what it has instead."""
    found: list[OfferedMode] = []
    for part in check(text).split("+"):
        mode = _one(part, offered)
        if any(mode.mechanism == other.mechanism for other in found):
            raise ValueError(f"power mode {text!r} names two modes of {mode.mechanism}; one can be set at a time")
        found.append(mode)
    return tuple(found)


def _one(text: str, offered: Sequence[OfferedMode]) -> OfferedMode:
    mechanism, qualified, name = text.partition(":")
    among = [m for m in offered if m.mechanism == mechanism] if qualified else list(offered)
    wanted = name if qualified else text
    for matching in ([m for m in among if m.name == wanted], [m for m in among if m.id == wanted]):
        if len({m.mechanism for m in matching}) > 1:
            names = ", ".join(f"{m.mechanism}:{wanted}" for m in matching)
            raise ValueError(f"power mode {text!r} is one of several mechanisms; say which: {names}")
        if matching:
            return matching[0]
    has = [m.name for m in among][:SHOWN_MAX]
    near = difflib.get_close_matches(wanted, has, 1)
    hint = f"; did you mean {near[0]!r}?" if near else f" (it has: {', '.join(has) or 'none'})"
    raise ValueError(f"there is no power mode {text!r}{hint}")
