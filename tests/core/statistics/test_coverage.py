"""The intervals cover what they claim: on series whose truth is known, and on recorded ones cut into short pieces."""

from __future__ import annotations

import math
import random
import zipfile
from array import array
from json import loads
from pathlib import Path
from statistics import NormalDist

import pytest

from benchfleet.core import statistics as st

RECORDED = sorted((Path(__file__).parents[2] / "fixtures" / "series").glob("*.zip"))


def autoregressive(n, phi, source):
    """n values of a stationary AR(1) with mean 0 and variance 1."""
    level, step, found = source.gauss(0, 1), math.sqrt(1 - phi * phi), []
    for _ in range(n):
        found.append(level)
        level = phi * level + step * source.gauss(0, 1)
    return found


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("q", [0.9, 0.99])
def test_the_interval_of_a_tail_covers_on_correlated_series(q, phi):
    source = random.Random(f"{q} {phi}")
    truth, hits, tries = NormalDist().inv_cdf(q), 0, 300
    for _ in range(tries):
        low, high = st.tail(autoregressive(1000, phi, source), q).ci95
        hits += low <= truth <= high
    assert hits / tries >= 0.90


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.9])
@pytest.mark.parametrize(("rounds", "calls"), [(10, 100), (20, 50), (60, 20)])
def test_the_interval_of_the_median_covers_on_correlated_series(rounds, calls, phi):
    source = random.Random(f"{rounds} {phi}")
    hits, tries = 0, 200
    for _ in range(tries):
        series = [math.exp(0.1 * x) for x in autoregressive(rounds * calls, phi, source)]
        low, high = st.median_of_rounds([series[i * calls : (i + 1) * calls] for i in range(rounds)]).ci95
        hits += low <= 1.0 <= high
    assert hits / tries >= 0.90


def test_without_the_correction_a_correlated_tail_would_not_be_covered(monkeypatch):
    monkeypatch.setattr(st, "autocorrelation_time", lambda indicator: (1.0, 1.0))
    source = random.Random(7)
    truth, hits = NormalDist().inv_cdf(0.9), 0
    for _ in range(100):
        low, high = st.tail(autoregressive(1000, 0.9, source), 0.9).ci95
        hits += low <= truth <= high
    assert hits < 75


def rounds_of(path):
    """The rounds of a recorded series, in order."""
    with zipfile.ZipFile(path) as archive:
        found, manifest = [], loads(archive.read("manifest.json"))["rounds"]["model"]
        held = {n: array("q", archive.read(f"model/{n}/wall_ns.i64")) for n in {r[0] for r in manifest}}
        start = dict.fromkeys(held, 0)
        for launch, _, calls, *_ in manifest:
            found.append(list(held[launch][start[launch] : start[launch] + calls]))
            start[launch] += calls
    return found


@pytest.mark.parametrize("path", RECORDED, ids=lambda p: p.stem)
@pytest.mark.parametrize("count", [10, 20, 40])
@pytest.mark.parametrize("q", [0.5, 0.9, 0.99])
def test_intervals_of_a_few_rounds_cover_what_the_whole_recording_says(path, count, q):
    """Rounds drawn from all over the recording, as interleaving with other models spreads them."""
    rounds, source = rounds_of(path), random.Random(f"{path.stem} {count} {q}")
    truth, hits, tries = st.quantile(sorted(x for r in rounds for x in r), q), 0, 200
    for _ in range(tries):
        chosen = [rounds[i] for i in sorted(source.sample(range(len(rounds)), count))]
        found = st.median_of_rounds(chosen) if q == 0.5 else st.tail_of_rounds(chosen, q)
        hits += found.ci95[0] <= truth <= found.ci95[1]
    assert hits / tries >= 0.90


def test_there_are_recordings():
    assert len(RECORDED) >= 3
