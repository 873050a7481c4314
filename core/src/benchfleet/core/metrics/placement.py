"""Where a model's nodes run: the share that runs on the provider, delegate or device that was asked for.

By nodes from the engine's own assignment at load; by time from the separate profile pass, since a few nodes may take
most of it. Shares of all providers are in the provenance of the result.
"""

from __future__ import annotations

from benchfleet.core.evidence import Evidence
from benchfleet.core.metric import Metric
from benchfleet.core.results import Value, missing


def _nodes(evidence: Evidence) -> Value:
    found = [launch.facts.get("placement") for launch in evidence.model.launches]
    told = [each for each in found if isinstance(each, dict)]
    if not told:
        return missing("this runtime says nothing of placement")
    unknown = [each for each in told if not each.get("nodes")]
    if unknown:
        return missing(str(unknown[0].get("reason") or "the library does not tell"))
    return Value(
        value=min(float(each["nodes"].get(each["asked"], 0.0)) for each in told),
        n=len(told),
        method="nodes assigned / nodes, least over launches",
        source="runtime",
        scope=str(told[0]["asked"]),
    )


def _time(evidence: Evidence) -> Value:
    found = evidence.model.operators
    asked = next((x.facts["placement"]["asked"] for x in evidence.model.launches if x.facts.get("placement")), None)
    if found is None:
        return missing("operators were not profiled (measure: {operators: true}, or bench --profile-operators)")
    if "reason" in found:
        return missing(str(found["reason"]))
    if asked is None or not found["time_shares"]:
        return missing("this runtime says nothing of placement")
    return Value(
        value=float(found["time_shares"].get(asked, 0.0)),
        n=int(found["runs"]),
        method="time of its operators / time of all, in the profile pass",
        source="profiler",
        scope=str(asked),
    )


METRICS = (
    Metric(
        name="placement_share", unit="ratio", better="higher", help="share of nodes on what was asked for",
        how="the engine's own assignment", compute=_nodes, high=1,
    ),
    Metric(
        name="placement_time_share", unit="ratio", better="higher", help="share of time on what was asked for",
        how="profile pass, apart from the timed one", compute=_time, high=1,
    ),
)  # fmt: skip
