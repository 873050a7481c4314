"""Finds plug-ins without the packages around them: the runner may run under an interpreter that has none of ours."""

import importlib
import importlib.util
from typing import Any, Optional

from benchfleet.agent.runner.contract import Options, RuntimeFault


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


def check_options(name: str, runtime: Any, options: Options) -> None:
    """RuntimeFault for an option that the runtime does not know: a misspelt one would silently measure another cell."""
    known = tuple(getattr(runtime, "OPTIONS", ()))
    strange = sorted(set(options.extra) - set(known))
    if strange:
        raise RuntimeFault(
            "unsupported_option",
            "runtime %s has no option %s; it has: %s" % (name, ", ".join(strange), ", ".join(known) or "none"),
        )
