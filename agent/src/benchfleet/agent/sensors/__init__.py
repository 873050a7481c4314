"""What can be read on a device, one file per mechanism. See sensors/contract below for the whole contract.

A sensor file holds `probe(root) -> list[Sensor]` and `read(root, sensors) -> list[Reading]`; `root` is where /proc and
/sys are looked for, so that recorded trees of real boards are the tests. A reading that is lost is None with a quality.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PACKAGE = "benchfleet.agent.sensors"
GROUP = "benchfleet.sensors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensor:
    """One readable quantity: `id` is stable, `kind` carries the unit, `scope` says what it covers."""

    id: str
    kind: str
    scope: str
    source: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """`value` None: not measured; `quality` says why (lost, denied, implausible)."""

    sensor_id: str
    value: float | None
    quality: str = "ok"


def read_number(root: Path, path: str) -> tuple[float | None, str]:
    """The number in a file and its quality; never raises."""
    try:
        return float((root / path.lstrip("/")).read_text().split()[0]), "ok"
    except PermissionError:
        return None, "denied"
    except (OSError, IndexError):
        return None, "lost"
    except ValueError:
        return None, "implausible"
