"""Reports: one file a section, one self-contained HTML page.

Contract of a section module: `TITLE: str`, `ORDER: int`, `render(subject: Subject) -> Markup | None`. None leaves the
section out; missing evidence is said where the picture would be. A section returns Markup that it built from a template
or with `Markup.format`, so names of users are escaped; a plain str is escaped as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchfleet.controller.catalog import CampaignRecord
from benchfleet.controller.comparison.compare import Comparison, compare
from benchfleet.controller.comparison.past import Track
from benchfleet.controller.policies.document import Policy
from benchfleet.controller.policies.evaluate import Decision, evaluate

PACKAGE = "benchfleet.controller.reports"
GROUP = "benchfleet.reports"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a report is about."""

    comparison: Comparison
    decision: Decision | None = None
    history: tuple[Track, ...] = ()


def report_html(
    campaign: CampaignRecord,
    policy: Policy | None = None,
    baseline_cell: str | None = None,
    history: Sequence[Track] = (),
) -> str:
    """The page; the same text for the same records. DocumentError as of `evaluate`, NotFoundError as of `compare`."""
    from benchfleet.controller.reports._page import page  # Jinja and the sections load matplotlib

    decision = evaluate(policy, campaign) if policy is not None else None
    return page(Subject(comparison=compare(campaign, baseline_cell), decision=decision, history=tuple(history)))
