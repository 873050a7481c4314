"""Blocks begin as cool as the first, and a device that nears its limit is relieved before it ends itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchfleet.agent.measure import heat, settling
from benchfleet.agent.measure.block import measure_block
from benchfleet.agent.measure.heat import LIMIT_C, MARGIN_C, REST_HOLDS_S, Rest, too_hot
from benchfleet.core.samples import SensorSeries
from tests.agent.measure.test_block import around, cell


def temperature(value_c: float | None, **more: Any) -> SensorSeries:
    facts = {"sensor": "thermal_zone/cpu", "scope": "component", "source": "synthetic", "part": "cpu", **more}
    return SensorSeries(kind="temperature_c", times_ns=(1,), values=(value_c,), **facts)


class Chips:
    """Telemetry of temperatures that a list gives, one look after the other; the last one stays."""

    def __init__(self, *looks: list[SensorSeries]) -> None:
        self.looks = list(looks)

    def series(self, start_ns: int, end_ns: int) -> tuple[SensorSeries, ...]:
        return tuple(self.looks.pop(0) if len(self.looks) > 1 else self.looks[0])

    def pause(self, paused: bool) -> None: ...

    def simulated(self) -> list[str]:
        return []

    def cpu_ratio(self, start_ns: int, end_ns: int) -> float | None:
        return None

    def late_ratio(self, start_ns: int, end_ns: int) -> float | None:
        return None


@pytest.mark.parametrize(
    ("series", "limit_c", "hot"),
    [
        (temperature(97.5, critical=100.0), None, True),
        (temperature(96.5, critical=100.0), None, False),
        (temperature(LIMIT_C), None, True),
        (temperature(LIMIT_C - 1), None, False),
        (temperature(81.0), 80.0, True),
        (temperature(98.0, critical=100.0), 120.0, True),  # an operator's limit does not lift the chip's own
        (temperature(None), None, False),
        (temperature(140.0, part="network"), None, False),
    ],
)
def test_a_chip_is_too_hot_some_degrees_below_its_critical_temperature(
    series: SensorSeries, limit_c: float | None, hot: bool
) -> None:
    said = too_hot(Chips([series]), 10**9, limit_c)
    assert bool(said) == hot
    assert not hot or "degC" in said


def test_a_host_without_thermometers_is_never_too_hot() -> None:
    assert too_hot(None, 0) == ""
    assert too_hot(Chips([]), 0) == ""


async def test_a_block_on_a_device_that_gets_too_hot_is_stopped_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heat, "LOOK_S", 0.01)
    cells = [cell("a", runtime_options={"latency_us": 2000}), cell("b", runtime_options={"latency_us": 3000})]
    chips = Chips(*[[temperature(60.0)]] * 40, [temperature(99.0, critical=100.0)])
    found = await measure_block(cells, around(tmp_path, telemetry=chips))
    for one in found:
        assert one.result.outcome == "failed"
        assert one.result.failure is not None
        assert one.result.failure.reason == "over_temperature"
        assert "thermal_zone/cpu is at 99.0 degC" in one.result.failure.detail


async def test_the_next_block_begins_as_cool_as_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "COOL_POLL_S", 0.0)
    rest = Rest()
    (first,) = await measure_block([cell("a")], around(tmp_path, telemetry=Chips([temperature(40.0)]), rest=rest))
    assert "cooling" not in first.result.provenance["host"]
    warm = Chips([temperature(55.0)], [temperature(50.0)], [temperature(45.0)], [temperature(41.0)])
    (second,) = await measure_block([cell("b")], around(tmp_path, telemetry=warm, rest=rest))
    (cooled,) = second.result.provenance["host"]["cooling"]
    assert cooled["cooled_to_c"] == 41.0


def test_what_to_come_back_to_is_the_coolest_start_unless_the_room_got_warmer() -> None:
    rest = Rest()
    assert rest.target_c(0) is None
    rest.began(50.0, 0)
    rest.began(45.0, 10)
    assert rest.target_c(20) == 45.0
    rest.began(46.0, 30)
    assert rest.target_c(40) == 45.0
    rest.began(45.0 + MARGIN_C + 1, 50)  # cooling did not come further down
    assert rest.target_c(60) == 45.0 + MARGIN_C + 1
    rest.began(None, 70)
    assert rest.target_c(50 + REST_HOLDS_S + 1) is None


@pytest.mark.parametrize(
    ("scope", "update_s", "span_s"),
    [("board", None, 10.5), ("board", 0.1, 10.5), ("wall", 1.0, 21.5), ("wall", 30.0, 60.0), ("rail", 0.1, 0.0)],
)
def test_an_idle_baseline_takes_as_long_as_its_sensor_needs_for_twenty_values(
    scope: str, update_s: float | None, span_s: float
) -> None:
    power = SensorSeries(
        sensor="m/a/power", kind="power_w", scope=scope, source="s", times_ns=(), values=(), update_s=update_s
    )
    assert settling._baseline_s(Chips([power]), 0) == pytest.approx(span_s)
