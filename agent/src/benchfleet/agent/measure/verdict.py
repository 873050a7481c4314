"""From what was seen to the reasons of a verdict: every family of flags is asked, and the worst comes first."""

from __future__ import annotations

from typing import Any

from benchfleet.agent.measure import flags
from benchfleet.agent.measure.profiles import Profile
from benchfleet.core import plugins
from benchfleet.core.evidence import Evidence
from benchfleet.core.results import Reason, Value


def reasons(
    evidence: Evidence, metrics: dict[str, Value], profile: Profile, host: dict[str, Any]
) -> tuple[Reason, ...]:
    """Every flag that applies, worst first."""
    seen = flags.Seen(evidence=evidence, metrics=metrics, profile=profile, host=host)
    families = plugins.load_all(flags.PACKAGE, flags.GROUP).values()
    first = sorted(families, key=lambda family: getattr(family, "ORDER", flags.ORDER))
    found = [reason for family in first for reason in family.find(seen)]
    return tuple(sorted(found, key=lambda reason: reason.severity != "invalid"))
