"""One sample after the other, the next as soon as the last is done (MLPerf SingleStream).

https://github.com/mlcommons/inference_policies/blob/master/inference_rules.adoc#scenarios
"""

from typing import Any, Dict, Optional

SAMPLE = "one call of one sample, from its start to its end"
SHOWS = ("latency_ms_p50", "latency_ms_p99")
PARAMS: Dict[str, Dict[str, Any]] = {}


def refuse(batch: int, params: Dict[str, Any]) -> Optional[str]:
    """Why a batch does not go with this scenario; None when it does."""
    return None if batch == 1 else "single_stream is one sample at a time; use offline for a batch of %d" % batch


def drive(load: Any) -> Any:
    """Back to back."""
    return load.closed_loop()
