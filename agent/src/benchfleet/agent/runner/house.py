"""Finds plug-ins without the packages around them: the runner may run under an interpreter that has none of ours."""

import importlib
import importlib.util
from typing import Any, Dict, Optional, Tuple

from benchfleet.agent.runner.contract import Options, RuntimeFault

COMMON = ("require_placement",)
"""Options that every runtime has, since they are checked here."""


def plugin(folder: str, name: str, file: Optional[str]) -> Any:
    """The module of a runtime of ours by name; a scenario, or a third party's runtime, by the path of its file."""
    if file is None:
        return importlib.import_module("benchfleet.agent.%s.%s" % (folder, name))
    spec = importlib.util.spec_from_file_location("benchfleet_plugin_%s" % name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def options_of(runtime: Any) -> Tuple[str, ...]:
    """Every option that a runtime takes; none but the common ones of a file that lists none."""
    return tuple(getattr(runtime, "OPTIONS", ())) + COMMON


def check_options(name: str, runtime: Any, options: Options) -> None:
    """RuntimeFault for an option that the runtime does not know: a misspelt one would silently measure another cell."""
    known = options_of(runtime)
    strange = sorted(set(options.extra) - set(known))
    if strange:
        raise RuntimeFault(
            "unsupported_option",
            "runtime %s has no option %s; it has: %s" % (name, ", ".join(strange), ", ".join(known)),
        )
    required_share(options)


def required_share(options: Options) -> Optional[float]:
    """The least share of nodes that must run on what was asked for; None when nothing is required."""
    value = options.extra.get("require_placement", False)
    if value is False:
        return None
    if isinstance(value, (int, float)) and 0 < value <= 1:
        return float(value)
    raise RuntimeFault("unsupported_option", "require_placement is true or a share above 0 and up to 1, not %r" % value)


def check_placement(options: Options, facts: Dict[str, Any]) -> None:
    """RuntimeFault when fewer nodes than required run on what was asked for, or nobody knows."""
    required = required_share(options)
    if required is None:
        return
    found = facts.get("placement") or {"asked": "what was asked for", "nodes": None, "reason": "the runtime is silent"}
    if found["nodes"] is None:
        raise RuntimeFault(
            "placement", "placement on %s is required but unknown: %s" % (found["asked"], found["reason"])
        )
    share = found["nodes"].get(found["asked"], 0.0)
    if share < required:
        others = ", ".join("%s %.1f %%" % (k, 100 * v) for k, v in found["nodes"].items() if k != found["asked"])
        raise RuntimeFault(
            "placement",
            "%.1f %% of the nodes run on %s, %.1f %% are required; the rest: %s"
            % (100 * share, found["asked"], 100 * required, others or "nowhere"),
        )
