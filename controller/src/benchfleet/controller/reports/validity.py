"""Why results are degraded or invalid, with every run each reason touches."""

from __future__ import annotations

from markupsafe import Markup

from benchfleet.controller.reports import Subject
from benchfleet.controller.reports._page import render as template

TITLE = "How far to trust it"
ORDER = 60

EXPLAINED = {
    "background_load": "Other programs ran on the device meanwhile; latencies include waiting for them.",
    "steal": "The hypervisor gave the processor to others during the measurement.",
    "throttled": "The device lowered its clocks; the numbers describe a throttled device.",
    "thermal_drift": "The device warmed while measuring; a longer run would be slower.",
    "unstable": "Rounds disagree more than noise explains; the median hides several regimes.",
    "slow_regime": "The reference model was slower than its own baseline on this device.",
    "noisy_tail": "The tail comes from the scheduler, not from the model.",
    "launch_spread": "Fresh processes disagree; memory layout or placement matters here.",
    "single_launch": "One process only: differences between launches are unknown.",
    "warmup_not_converged": "Warm-up never settled; early inferences may be in the numbers.",
    "ci_target_not_met": "The interval stayed wider than the target when time ran out.",
    "sampler_overrun": "The sensors' own reading may have disturbed the measurement.",
    "clock_suspect": "The clock of the device is not known to be steady.",
    "overhead_significant": "The call is so short that the harness is part of it.",
    "nan_inf": "Outputs hold NaN or infinity; the model does not work here.",
    "output_unstable": "The same input gave different outputs; accuracies may differ from run to run.",
    "outputs_unchecked": "Nobody looked at the outputs, so nothing says that the model works.",
    "too_few_samples": "Too little was measured for any statement.",
    "simulated": "A runtime that runs no model; the numbers are those of the harness.",
}


def render(subject: Subject) -> Markup:
    """One entry a flag."""
    flags: dict[str, list[tuple[str, str, str]]] = {}
    for row in subject.comparison.rows:
        for reason in row.run.result.reasons if row.run.result else ():
            flags.setdefault(reason.flag, []).append((row.label, reason.severity, reason.detail))
    return template("validity.html", flags=sorted(flags.items()), explained=EXPLAINED)
