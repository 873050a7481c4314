"""A policy over a campaign: which cells are gated, what each constraint found, and the outcome a pipeline acts on.

Hard constraints decide; soft ones give a score and never fail. docs/gates.md and decision 0004 say why.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from benchfleet.controller.catalog import CampaignRecord, RunRecord
from benchfleet.controller.comparison.baselines import Baselines
from benchfleet.controller.comparison.labels import labels
from benchfleet.controller.comparison.ratio import is_ranked
from benchfleet.controller.gates import Outcome, Verdict
from benchfleet.controller.policies.document import Constraint, Policy
from benchfleet.core.errors import EXIT_GATE_FAILED, EXIT_NO_EVIDENCE, EXIT_OK, DocumentError

EXIT_CODES: dict[Outcome, int] = {"pass": EXIT_OK, "fail": EXIT_GATE_FAILED, "no_evidence": EXIT_NO_EVIDENCE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One constraint on one cell."""

    constraint: Constraint
    verdict: Verdict

    @property
    def hard(self) -> bool:
        """Whether it decides the outcome."""
        return self.constraint.weight is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gated:
    """One cell on one device with all its checks. `score`: weighted share of soft constraints met, 0 to 1."""

    run: RunRecord
    label: str
    checks: tuple[Check, ...]
    outcome: Outcome
    score: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the gate says of the campaign."""

    policy: Policy
    campaign: CampaignRecord
    cells: tuple[Gated, ...]
    outcome: Outcome

    @property
    def exit_code(self) -> int:
        """0 pass, 1 fail, 3 no evidence."""
        return EXIT_CODES[self.outcome]

    @property
    def why(self) -> str:
        """The first thing that decided, in one sentence."""
        for cell in self.cells:
            for check in cell.checks:
                if check.hard and check.verdict.outcome == self.outcome != "pass":
                    return f"{cell.label}: {check.constraint.name}: {check.verdict.why}"
        for cell in self.cells:
            for check in cell.checks:
                if check.hard and check.verdict.outcome == "no_evidence" and self.outcome != "pass":
                    return f"{cell.label}: {check.constraint.name}: {check.verdict.why}"
        count = sum(check.hard for cell in self.cells for check in cell.checks)
        return f"{count} hard constraints hold on {len(self.cells)} cells"


def evaluate(policy: Policy, campaign: CampaignRecord) -> Decision:
    """Checks every gated cell; DocumentError when the scope selects none."""
    names = labels(campaign.runs)
    chosen = gated_runs(policy, campaign)
    if not chosen:
        scope = ", ".join(f"{key}={value}" for key, value in policy.scope.items()) or "every cell but the baseline's"
        raise DocumentError(f"policy {policy.name}: its scope ({scope}) selects no cell of campaign {campaign.id}")
    baselines = Baselines(campaign)
    cells = tuple(_gated(policy, campaign, run, names[run.run_id], baselines) for run in chosen)
    return Decision(policy=policy, campaign=campaign, cells=cells, outcome=_overall([c.outcome for c in cells]))


def gated_runs(policy: Policy, campaign: CampaignRecord) -> list[RunRecord]:
    """The runs that the policy speaks of. A campaign of the baseline alone is gated as a whole."""
    if policy.scope:
        return [run for run in campaign.runs if _in_scope(run, policy)]
    others = [run for run in campaign.runs if run.model != campaign.baseline_model]
    return others or list(campaign.runs)


def _in_scope(run: RunRecord, policy: Policy) -> bool:
    return all(fnmatchcase(str(getattr(run, key)), pattern) for key, pattern in policy.scope.items())


def _gated(policy: Policy, campaign: CampaignRecord, run: RunRecord, label: str, baselines: Baselines) -> Gated:
    baseline = _nearest_baseline(run, campaign, baselines)
    checks = tuple(Check(constraint=c, verdict=_verdict(policy, c, run, baseline)) for c in policy.constraints)
    outcomes = [_decided(check.verdict.outcome, policy) for check in checks if check.hard]
    return Gated(run=run, label=label, checks=checks, outcome=_overall(outcomes), score=_score(checks))


def _verdict(policy: Policy, constraint: Constraint, run: RunRecord, baseline: RunRecord | None) -> Verdict:
    found = constraint.gate.check((run,), baseline, constraint.params)
    fake = _fake(run, constraint.params.get("metric"))
    if fake is None or policy.allow_simulated or found.outcome == "no_evidence":
        return found
    return replace(found, outcome="no_evidence", why=f"simulated: {fake}; only a policy with allow_simulated takes it")


def _fake(run: RunRecord, metric: str | None) -> str | None:
    """What made up the number that a constraint asks for; None when it was measured."""
    if run.result is None:
        return None
    if run.result.provenance.get("simulated"):
        board = run.result.provenance.get("simulated_board")
        return f"no {board} was there" if board else f"{run.runtime} ran no model"
    value = run.result.metrics.get(metric) if metric else None
    fakes = run.result.provenance.get("simulated_sensors") or ()
    return value.source if value is not None and value.source in fakes else None


def _nearest_baseline(run: RunRecord, campaign: CampaignRecord, baselines: Baselines) -> RunRecord | None:
    """The baseline's run under like conditions; else any of it on this device, enough for what a file alone decides."""
    base = baselines.of(run)
    if isinstance(base, RunRecord):
        return base
    others = [r for r in campaign.runs if r.device == run.device and r.model == campaign.baseline_model]
    return next(filter(is_ranked, others), next((r for r in others if r.result is not None), None))


def _decided(outcome: Outcome, policy: Policy) -> Outcome:
    return policy.on_no_evidence if outcome == "no_evidence" else outcome


def _overall(outcomes: list[Outcome]) -> Outcome:
    """A fail is certain whatever else is missing; without any hard constraint nothing can fail."""
    if "fail" in outcomes:
        return "fail"
    return "no_evidence" if "no_evidence" in outcomes else "pass"


def _score(checks: tuple[Check, ...]) -> float | None:
    soft = [(c.constraint.weight or 0.0, c.verdict.outcome) for c in checks if not c.hard]
    if all(outcome == "no_evidence" for _, outcome in soft):
        return None
    total = sum(weight for weight, _ in soft)
    return sum(weight for weight, outcome in soft if outcome == "pass") / total if total else None
