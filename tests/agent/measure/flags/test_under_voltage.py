"""A supply that sagged during the run, and not one that did once since boot."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from benchfleet.agent.measure.flags import under_voltage
from benchfleet.core.samples import SensorSeries

NOW, EVER = "raspberry_pi/throttled/under_voltage", "raspberry_pi/throttled/under_voltage_since_boot"


@pytest.mark.parametrize(
    ("sensor", "kind", "values", "flagged"),
    [
        (NOW, "throttle_state", [0, 1, 0], True),
        (NOW, "throttle_state", [0, 0, None], False),
        (NOW, "throttle_state", [None], False),
        (EVER, "throttle_count", [1, 1, 1], False),
        (EVER, "throttle_count", [0, 0, 1], True),
        ("raspberry_pi/throttled/throttled", "throttle_state", [1, 1], False),
    ],
)
def test_it_is_what_changed_meanwhile(sensor: str, kind: str, values: list[float | None], flagged: bool) -> None:
    series = SensorSeries(
        sensor=sensor, kind=kind, scope="board", source="synthetic", times_ns=(1,) * len(values), values=tuple(values)
    )
    seen = SimpleNamespace(evidence=SimpleNamespace(telemetry=(series,)))
    found = list(under_voltage.find(seen))  # type: ignore[arg-type]
    assert [reason.flag for reason in found] == ["under_voltage"] * flagged
    assert all(sensor in reason.detail for reason in found)
