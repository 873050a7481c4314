"""Engines that could run models here."""

from __future__ import annotations

from collections.abc import Iterator

from benchfleet.agent.checks import Finding, Seen, note, problem

NO_ENGINES = ("null", "fake", "reference")
"""They run no model of anybody's."""


def find(seen: Seen) -> Iterator[Finding]:
    """A problem where there is none at all; else a note for each that is not there. A recording does not tell."""
    engines = [runtime for runtime in seen.inventory.runtimes if runtime.name not in NO_ENGINES]
    if engines and not any(runtime.available for runtime in engines):
        yield problem(
            "runtimes",
            *(runtime.name for runtime in engines),
            why="no engine is installed, so no model can be measured",
            fix="pip install 'benchfleet-agent[onnxruntime]'",
        )
    for runtime in engines:
        if not runtime.available:
            why, _, fix = runtime.reason.partition("; install it with: ")
            yield note("runtime", runtime.name, why=why, fix=fix or "see docs/runtimes.md")
