"""Do the 95 % intervals cover? On AR(1) series of 1000 calls whose truth is known, and on the recorded series.

    python benchmarks/coverage.py --tries 500

A recording's truth is its own quantile; tries are rounds drawn from all over it, as interleaving spreads them. The last
column is what an interval for independent calls would cover. Goal: 90 %.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import zipfile
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import NormalDist

from benchfleet.core import statistics as st

RECORDED = Path(__file__).parents[1] / "tests" / "fixtures" / "series"
Rounds = list[list[float]]


def autoregressive(phi: float, source: random.Random) -> Rounds:
    """20 rounds of 50 calls."""
    level, step, found = source.gauss(0, 1), math.sqrt(1 - phi * phi), []
    for _ in range(1000):
        found.append(math.exp(0.1 * level))
        level = phi * level + step * source.gauss(0, 1)
    return [found[i * 50 : (i + 1) * 50] for i in range(20)]


def recorded(path: Path) -> Rounds:
    """The rounds of a recording."""
    with zipfile.ZipFile(path) as archive:
        entries = json.loads(archive.read("manifest.json"))["rounds"]["model"]
        held = {n: array("q", archive.read(f"model/{n}/wall_ns.i64")) for n in {e[0] for e in entries}}
    found, start = [], dict.fromkeys(held, 0)
    for launch, _, calls, *_ in entries:
        found.append(list(held[launch][start[launch] : start[launch] + calls]))
        start[launch] += calls
    return found


def independent(rounds: Sequence[Sequence[float]], q: float) -> tuple[float, float]:
    """The order statistics that would do for independent calls."""
    ordered = sorted(x for r in rounds for x in r)
    n, half = len(ordered), 1.96 * math.sqrt(q * (1 - q) * len(ordered))
    return ordered[max(1, math.floor(n * q - half)) - 1], ordered[min(n, math.ceil(n * q + half) + 1) - 1]


def row(name: str, draw: Callable[[], Rounds], truth: Callable[[float], float], tries: int) -> None:
    """One line: coverage of p50, p90 and p99, ours and that for independent calls."""
    ours, naive = dict.fromkeys((0.5, 0.9, 0.99), 0), dict.fromkeys((0.5, 0.9, 0.99), 0)
    for _ in range(tries):
        rounds = draw()
        for q in ours:
            found = st.median_of_rounds(rounds) if q == 0.5 else st.tail_of_rounds(rounds, q)
            low, high = found.ci95 if found and found.ci95 else (math.inf, -math.inf)
            ours[q] += low <= truth(q) <= high
            low, high = independent(rounds, q)
            naive[q] += low <= truth(q) <= high
    told = "  ".join(f"p{q * 100:.0f} {ours[q] / tries:.0%} ({naive[q] / tries:.0%})" for q in ours)
    print(f"coverage: {name:36} {told}")


def main() -> None:
    """All series."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tries", type=int, default=500)
    tries = parser.parse_args().tries
    source = random.Random(0)
    print("ours (for independent calls)")
    normal = NormalDist()
    for phi in (0.0, 0.5, 0.9):
        row(
            f"AR(1), phi {phi}, 20 rounds of 50",
            lambda phi=phi: autoregressive(phi, source),
            lambda q: math.exp(0.1 * normal.inv_cdf(q)),
            tries,
        )
    for path in sorted(RECORDED.glob("*.zip")):
        rounds = recorded(path)
        ordered = sorted(x for r in rounds for x in r)
        row(
            f"{path.stem}, 20 rounds",
            lambda rounds=rounds: [rounds[i] for i in sorted(source.sample(range(len(rounds)), 20))],
            lambda q, ordered=ordered: st.quantile(ordered, q),
            tries,
        )


if __name__ == "__main__":
    main()
