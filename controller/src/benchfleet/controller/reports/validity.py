"""Why results are degraded or invalid, with every run each reason touches."""

from __future__ import annotations

from markupsafe import Markup

from benchfleet.controller.reports import Subject
from benchfleet.controller.reports._page import render as template

TITLE = "How far to trust it"
ORDER = 60

EXPLAINED = {
    "background_load": "Other programs ran on the device meanwhile; stop them, or measure later.",
    "dispatch_lag": "The host began calls late by itself: stop other work on the device, or ask for longer inferences.",
    "overloaded": "More arrived than the model does, and waiting grows without end: lower the rate, or speed it up.",
    "near_capacity": "Close to what the model can do, waiting varies much: measure longer, or leave it more room.",
    "baseline_failed": "The baseline did not run here; see its own row, or choose one that this runtime loads.",
    "baseline_unlike": "The baseline takes or gives something else: its ratio says little; name the model's parent.",
    "turn_not_taken": "Agents of one host may have measured at once; give them one writable folder for their lock.",
    "steal": "The hypervisor gave the processor to other guests; use a host with fewer guests.",
    "throttled": "The device lowered its clocks; cool it, or take this as its sustained speed.",
    "under_voltage": "The supply sagged, and firmware lowers clocks for it; use a stronger adapter and a better cable.",
    "power_mode_changed": "Somebody set another power mode or governor meanwhile; stop what does it, measure again.",
    "thermal_drift": "The device warmed while measuring; let it cool, or use a longer profile.",
    "unstable": "The device changed speed between rounds; fix its governor or clocks, or use a longer profile.",
    "slow_regime": "The device was slower than its own reference; look for throttling and for other programs on it.",
    "noisy_tail": "The model waited for a CPU: part of the tail is the host's; stop other programs to judge it.",
    "launch_spread": "Fresh processes disagree by how memory fell; use profile gate, whose five launches average it.",
    "single_launch": "Nothing says how much launches differ; use profile standard or gate before you decide on it.",
    "warmup_not_converged": "Early inferences may be in the numbers; use a longer profile.",
    "ci_target_not_met": "The interval stayed wider than the target; use a longer profile, or a quieter device.",
    "sampler_overrun": "Reading the sensors took time from the model; read fewer of them, or less often.",
    "pause": "The runner or the machine stood still during a call; keep both awake, and measure again.",
    "clock_suspect": "Durations may be off; use the processor's own counter as clock source, and let NTP settle first.",
    "power_undersampled": "The power sensor was not read often enough; see why it fell silent, or measure longer.",
    "window_too_short": "Too short for power and energy, and they are left out; use a longer profile.",
    "power_estimated": "Power was computed, not measured; do not rank by it.",
    "power_simulated": "Power came from a fake sensor; run without --simulate-power or --simulate.",
    "power_sensors_disagree": "Two sensors of one scope tell unlike energies; find out which one is wrong.",
    "idle_power_drift": "Idle power was not the same before and after; net energy is uncertain by the difference.",
    "battery_in_path": "A battery may have given or taken power; take it out, or measure behind it.",
    "overhead_significant": "The call is so short that calling is part of it; compare by ratio, or use larger batches.",
    "nan_inf": "The model does not work here; check its weights, its precision and the preparation of its inputs.",
    "output_unstable": "The same input gave different outputs; look for random layers, or races in the runtime.",
    "output_mismatch": "Outputs are farther from the reference than the data set allows; look at the precision.",
    "call_errors": "The runtime raised on some samples; run those alone with `bench`, and read what it says.",
    "feed_implausible": "The model was fed numbers it was not made for; mend `wants` in dataset.json.",
    "accuracy_near_chance": "The accuracy is that of guessing; check labels, pre-processing and class_offset.",
    "outputs_unchecked": "Nothing says that the model works; give the campaign a data set.",
    "too_few_samples": "Too few calls for what was asked; use a longer profile.",
    "partial_placement": "Part of the model ran elsewhere than asked; require_placement refuses or allows it.",
    "reduced_precision": "The engine computed in fewer bits than the model has; set its option precision to be clear.",
    "emulated": "An emulator played the processor, and the times are its; measure on the device itself.",
    "simulated": "The board was not there (--simulate), or a fake runtime took the model's place: never quote it.",
}
"""What each flag means and what to do about it; a test holds this against every flag that an agent can raise."""


def render(subject: Subject) -> Markup:
    """One entry a flag; those that made a result invalid come first."""
    flags: dict[str, list[tuple[str, str, str]]] = {}
    for row in subject.comparison.rows:
        for reason in row.run.result.reasons if row.run.result else ():
            flags.setdefault(reason.flag, []).append((row.label, reason.severity, reason.detail))
    worst = sorted(flags.items(), key=lambda item: (all(entry[1] != "invalid" for entry in item[1]), item[0]))
    return template("validity.html", flags=worst, explained=EXPLAINED)
