"""The reference work of a device: a lane in every block, and what it took here before.

Its ratio to the median of earlier blocks tells a slow host from a slow model. The last medians are kept in a file of
the agent's state; only those of the same work and interpreter are compared.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchfleet.agent.measure.track import Track
from benchfleet.core.runspec import Artifact, ModelRef, RunSpec

EARLIER_MIN = 3
"""Fewer earlier blocks are no baseline: one of them may have met a slow host itself."""

KEPT_MAX = 20
FILE_BYTES_MAX = 64 * 1024
BUDGET_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Whether the work is run, and where its earlier medians are kept (None: nowhere).

    `under` is the power mode that was set: what the work takes in one says nothing of another.
    """

    file: Path | None = None
    run: bool = True
    under: str = ""

    def track(self) -> Track | None:
        """The lane of the reference work; None where it is not wanted."""
        if not self.run:
            return None
        nothing = ModelRef(
            name="reference", format="reference", precision=None, artifact=Artifact(digest="0" * 64, size_bytes=0)
        )
        spec = RunSpec(model=nothing, runtime="reference")
        return Track(name="reference", spec=spec, model=nothing, path=Path(), dataset=None, budget_s=BUDGET_S)

    def baseline_ns(self, track: Track | None) -> float | None:
        """The median of earlier blocks' medians of the same work; None when there are too few."""
        earlier = self._earlier().get(self._key(track), []) if track is not None else []
        return median(earlier) if len(earlier) >= EARLIER_MIN else None

    def remember(self, track: Track | None) -> None:
        """Adds this block's median; a file that cannot be written is no fault of the measurement."""
        if self.file is None or track is None or track.fault is not None or not track.rounds:
            return
        known = self._earlier()
        now_ns = float(median(median(r.wall_ns) for r in track.rounds))
        key = self._key(track)
        known[key] = [*known.get(key, []), now_ns][-KEPT_MAX:]
        with contextlib.suppress(OSError):
            self.file.parent.mkdir(parents=True, exist_ok=True)
            scratch = self.file.with_suffix(f".{os.getpid()}")
            scratch.write_text(json.dumps(known))
            scratch.replace(self.file)

    def _key(self, track: Track) -> str:
        return " ".join(part for part in (_work(track), self.under) if part)

    def _earlier(self) -> dict[str, list[float]]:
        """What the file says; one that is damaged says nothing."""
        try:
            if self.file is None or self.file.stat().st_size > FILE_BYTES_MAX:
                return {}
            found = json.loads(self.file.read_text())
            return {str(work): [float(ns) for ns in medians if float(ns) > 0] for work, medians in found.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}


NO_REFERENCE = Reference(run=False)


def state_file() -> Path:
    """Where a measurement without an agent keeps it (XDG base directories)."""
    home = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(home) / "benchfleet" / "reference.json"


def _work(track: Track | None) -> str:
    launches = track.launches if track is not None else []
    return str(launches[0].facts.get("work", "")) if launches else ""
