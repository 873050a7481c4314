"""What makes a power or energy figure less than it looks: too few readings, too short, computed, through a battery.

A battery between the point that is measured and the device takes or gives power of its own; MLPerf Power allows none.
https://github.com/mlcommons/inference_policies/blob/master/power_measurement.adoc
"""

from __future__ import annotations

from collections.abc import Iterator

from benchfleet.agent.measure.flags import Seen, degraded
from benchfleet.core import energy
from benchfleet.core.results import Reason

NAMED_MAX = 3
"""Of fakes: a simulated board has a dozen rails."""
POWER = ("power_w", "energy_j")
BEHIND_A_BATTERY = ("wall", "system", "board")
"""Scopes that a battery of the device can stand behind; modules and components are measured past it."""

DISAGREEMENT = 0.10
"""Between two sensors of one scope; healthy ones are within some percent."""

IDLE_DRIFT = 0.10
"""Of the power before; warm chips leak some percent more."""


def find(seen: Seen) -> Iterator[Reason]:
    """Nothing of a device without a power sensor: what was never there is not undersampled."""
    telemetry, spans = seen.evidence.telemetry, energy.windows(seen.evidence.model.rounds)
    fakes = [series.sensor for series in telemetry if series.simulated and series.kind in POWER]
    if fakes:
        more = f" and {len(fakes) - NAMED_MAX} more" if len(fakes) > NAMED_MAX else ""
        named = f"{', '.join(fakes[:NAMED_MAX])}{more}"
        yield degraded("power_simulated", f"{named}: a fake, power and energy here are made up")
    if isinstance(energy.candidates(telemetry), str) or not spans:
        return
    found = energy.over(telemetry, spans)
    if isinstance(found, str):
        span_s = sum(end - start for start, end in spans) * 1e-9
        if span_s < energy.SPAN_S_MIN:
            yield degraded(
                "window_too_short",
                f"the rounds took {span_s:.1f} s and {energy.SPAN_S_MIN:.0f} s are needed for power and energy: "
                "use a longer profile",
            )
        else:
            yield degraded("power_undersampled", f"no power and energy figures: {found}")
        return
    apart = seen.metrics.get("energy_disagreement_ratio")
    if apart is not None and apart.value is not None and apart.value > DISAGREEMENT:
        yield degraded(
            "power_sensors_disagree",
            f"{apart.source} says {apart.value:.0%} other than {found.series.sensor}, which was taken: find out which "
            "of them is wrong before you quote either",
        )
    if found.series.estimated:
        yield degraded(
            "power_estimated", f"{found.series.sensor} computes power from something else: do not rank by it"
        )
    before, after = seen.number("idle_power_w"), seen.number("idle_after_power_w")
    if before and after is not None and abs(after - before) > IDLE_DRIFT * before:
        yield degraded(
            "idle_power_drift",
            f"the idle device drew {before:.3g} W before and {after:.3g} W after: net energy is between the two; "
            "stop what runs beside it, or let it cool",
        )
    batteries = seen.host.get("batteries")
    if batteries and found.series.scope in BEHIND_A_BATTERY:
        listed = ", ".join(f"{name} ({status})" for name, status in sorted(batteries.items()))
        yield degraded(
            "battery_in_path",
            f"the device has a battery, {listed}, and was measured before it: take it out, or measure behind it",
        )
