"""A fresh process each time: loading the model and its first inference, as an app that is opened sees it.

    scenarios: [cold_start]

The files are warm in the page cache after the first launch: dropping it would need root and disturb the device. What
the interpreter and the import of the runtime take is not in it: an app pays that in its own language.
"""

from typing import Any, Dict, Optional

SAMPLE = "one launch: loading the model and its first inference"
SHOWS = ("cold_start_ms_p50", "cold_start_ms_min", "cold_start_ms_max", "load_ms", "first_inference_ms")
PARAMS: Dict[str, Dict[str, Any]] = {
    "launches": {"kind": "count", "max": 100, "default": None, "help": "fresh processes; else by the profile"},
}
LAUNCHES = {"quick": 6, "standard": 10, "gate": 20}
"""Below six no interval of the median holds it in 95 %."""
WARM = False
WIDTH = 0.05
"""Of the interval of the median: fresh processes differ more than calls of one."""


def refuse(batch: int, params: Dict[str, Any]) -> Optional[str]:
    """Any batch goes."""
    return None


def pace(profile: str, params: Dict[str, Any]) -> Dict[str, Any]:
    """One round a launch, and it has been over since loading."""
    launches = params["launches"] or LAUNCHES[profile]
    return {
        "launches": launches,
        "rounds_min": 1,
        "rounds_max": 1,
        "round_span_s": 0.0,
        "launch_span_s": 10.0,
        "half_width": WIDTH,
    }


def drive(load: Any) -> Any:
    """What loading took."""
    return load.start_up()
