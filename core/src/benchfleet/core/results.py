"""A result: what one attempt measured, with a verdict, and the JSON schema it travels in.

Schema history
    1  first version: verdict, reasons, metrics, provenance, cell, outcome; later: a reason says what it `touches`

`None` is never a measurement: a Value without a number carries the reason. Readers accept every schema listed above.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, field
from typing import Any, Literal

from benchfleet.core.errors import DocumentError
from benchfleet.core.text import utf8_all

SCHEMA = 1

Verdict = Literal["valid", "degraded", "invalid"]
Outcome = Literal["ok", "failed", "stopped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One metric of one result. `value` None means not measured and `reason` says why."""

    value: float | None
    ci95: tuple[float, float] | None = None
    n: int | None = None
    method: str | None = None
    source: str | None = None
    scope: str | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        if self.value is None and not self.reason:
            raise ValueError("a value that is missing needs its reason")
        if self.value is not None and not math.isfinite(self.value):
            raise ValueError(f"a metric is finite or missing, not {self.value}")


def missing(reason: str) -> Value:
    """A metric that was not measured."""
    return Value(value=None, reason=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a verdict is not plainly valid: a stable flag, its weight, and what the user can do.

    `touches` names the families of metrics (core/metric.py) that it speaks of; empty means all of them.
    """

    flag: str
    severity: Literal["degraded", "invalid"]
    detail: str
    touches: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """How an attempt failed: FAILED(reason) with the phase and the last lines of the runner's stderr."""

    reason: str
    phase: str
    detail: str
    stderr_tail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What an attempt measured. `cell` is RunSpec.to_json(); `provenance` is everything needed to judge the numbers."""

    outcome: Outcome
    verdict: Verdict
    reasons: tuple[Reason, ...] = ()
    metrics: dict[str, Value] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)
    cell: dict[str, Any] = field(default_factory=dict)
    failure: Failure | None = None


def spoils(result: Result, family: str) -> bool:
    """Whether what made a result invalid touches a family of metrics; a reason that does not say touches all."""
    if result.verdict != "invalid":
        return False
    deciding = [reason for reason in result.reasons if reason.severity == "invalid"]
    return not deciding or any(not reason.touches or family in reason.touches for reason in deciding)


def verdict_of(reasons: tuple[Reason, ...]) -> Verdict:
    """The worst severity of all reasons."""
    if any(r.severity == "invalid" for r in reasons):
        return "invalid"
    return "degraded" if reasons else "valid"


def to_json(result: Result) -> dict[str, Any]:
    """The stable JSON form (DESIGN: `--json` of bench and results)."""
    return {
        "schema": SCHEMA,
        "outcome": result.outcome,
        "verdict": result.verdict,
        "reasons": [
            {"flag": r.flag, "severity": r.severity, "detail": r.detail, "touches": list(r.touches)}
            for r in result.reasons
        ],
        "metrics": {name: _value_json(v) for name, v in sorted(result.metrics.items())},
        "cell": result.cell,
        "failure": None
        if result.failure is None
        else {
            "reason": result.failure.reason,
            "phase": result.failure.phase,
            "detail": result.failure.detail,
            "stderr_tail": result.failure.stderr_tail,
        },
        "provenance": result.provenance,
    }


def _value_json(value: Value) -> dict[str, Any]:
    return {
        "value": value.value,
        "ci95": list(value.ci95) if value.ci95 is not None else None,
        "n": value.n,
        "method": value.method,
        "source": value.source,
        "scope": value.scope,
        "reason": value.reason,
    }


def from_json(data: Any) -> Result:
    """Reads any known schema; DocumentError says what is wrong with the rest, and which number cannot be."""
    from benchfleet.core.metric import first_impossible  # the catalogue is made of what is here

    result = _read(data)
    if why := first_impossible(result.metrics):
        raise DocumentError(f"result: {why}", reason="IMPLAUSIBLE")
    return result


def _read(data: Any) -> Result:
    try:
        if data["schema"] != SCHEMA:
            raise DocumentError(f"result: schema {data['schema']!r} is not known here; upgrade benchfleet")
        failure = data.get("failure")
        outcome, verdict = data["outcome"], data["verdict"]
        if outcome not in ("ok", "failed", "stopped") or verdict not in ("valid", "degraded", "invalid"):
            raise DocumentError(f"result: outcome {outcome!r} or verdict {verdict!r} is not known")
        return Result(
            outcome=outcome,
            verdict=verdict,
            reasons=tuple(
                Reason(
                    flag=str(r["flag"]),
                    severity=_severity(r["severity"]),
                    detail=str(r["detail"]),
                    touches=tuple(map(str, r.get("touches", ()))),
                )
                for r in data["reasons"]
            ),
            metrics={str(name): _value(v) for name, v in data["metrics"].items()},
            provenance=dict(data["provenance"]),
            cell=dict(data["cell"]),
            failure=None if failure is None else Failure(**{k: str(v) for k, v in failure.items()}),
        )
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise DocumentError(f"result: not in the result schema ({error})") from error


def _severity(text: Any) -> Literal["degraded", "invalid"]:
    if text not in ("degraded", "invalid"):
        raise ValueError(f"severity {text!r}")
    return "invalid" if text == "invalid" else "degraded"


def _value(data: Any) -> Value:
    ci95 = data.get("ci95")
    return Value(
        value=None if data["value"] is None else float(data["value"]),
        ci95=None if ci95 is None else (float(ci95[0]), float(ci95[1])),
        n=None if data.get("n") is None else int(data["n"]),
        method=data.get("method"),
        source=data.get("source"),
        scope=data.get("scope"),
        reason=data.get("reason"),
    )


def dumps(result: Result) -> bytes:
    """Canonical bytes: the digest of a result is the sha256 of these."""
    return json.dumps(
        utf8_all(to_json(result)), sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=True
    ).encode("ascii")


def loads(payload: bytes) -> Result:
    """The result in canonical or other JSON bytes; DocumentError when it is not one."""
    try:
        data = utf8_all(json.loads(payload))
    except (ValueError, RecursionError) as error:
        raise DocumentError(f"result: not JSON ({error})") from error
    return from_json(data)


def digest(payload: bytes) -> str:
    """sha256 in hex."""
    return hashlib.sha256(payload).hexdigest()
