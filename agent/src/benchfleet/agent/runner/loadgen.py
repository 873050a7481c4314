"""MLCommons LoadGen in the place of our own loop: it decides when queries come, times them, and writes its logs.

https://github.com/mlcommons/inference/tree/master/loadgen. Its own settings file (user.conf) is written beside the
logs, so that what was asked for can be read there. In SingleStream and MultiStream the call is made where LoadGen asks
for it; in Server a thread of ours takes queries in order, since LoadGen's must come back at once.
"""

import os
import queue
import threading
from typing import Any, Callable, Dict, List

from benchfleet.agent.runner.contract import RuntimeFault

NAMES = {
    "single_stream": "SingleStream", "multi_stream": "MultiStream", "offline": "Offline", "server": "Server",
}  # fmt: skip
LIBRARY_SAMPLES = 1024
"""What LoadGen draws from; which sample it names does not change what a call costs."""


def library() -> Any:
    """The binding; RuntimeFault says what to install."""
    try:
        import mlperf_loadgen
    except ImportError as error:
        raise RuntimeFault(
            "unsupported_option", "%s; install it with: pip install 'benchfleet-agent[loadgen]'" % error
        ) from error
    return mlperf_loadgen


def settings_text(scenario: str, asked: Dict[str, Any]) -> str:
    """The user.conf for a scenario: `asked` has duration_ms, queries_min, and what the scenario needs."""
    values = {"min_duration": asked["duration_ms"], "min_query_count": asked["queries_min"]}
    for name in ("target_qps", "target_latency", "samples_per_query"):
        if asked.get(name) is not None:
            values[name] = asked[name]
    return "".join("*.%s.%s = %s\n" % (NAMES[scenario], name, value) for name, value in values.items())


def drive(run: Callable[[], None], batch: int, scenario: str, folder: str, asked: Dict[str, Any]) -> Dict[str, Any]:
    """One LoadGen test in performance mode; its logs are in the folder when it returns."""
    lg = library()
    os.makedirs(folder, exist_ok=True)
    conf = os.path.join(folder, "user.conf")
    with open(conf, "w") as file:
        file.write(settings_text(scenario, asked))
    settings = lg.TestSettings()
    settings.FromConfig(conf, "benchfleet", NAMES[scenario], 1)
    settings.scenario = getattr(lg.TestScenario, NAMES[scenario])
    settings.mode = lg.TestMode.PerformanceOnly
    output = lg.LogOutputSettings()
    output.outdir = folder
    output.copy_summary_to_stdout = False
    logs = lg.LogSettings()
    logs.log_output = output
    logs.enable_trace = False
    served = _Served(lg, run, batch)
    issue = served.later if scenario == "server" else served.now
    sut = lg.ConstructSUT(issue, lambda: None)
    samples = lg.ConstructQSL(LIBRARY_SAMPLES, LIBRARY_SAMPLES, lambda indexes: None, lambda indexes: None)
    try:
        lg.StartTestWithLogSettings(sut, samples, settings, logs, os.path.join(folder, "audit.config"))
    finally:
        served.end()
        lg.DestroyQSL(samples)
        lg.DestroySUT(sut)
    if served.error is not None:
        raise served.error
    return {"calls": served.calls}


class _Served:
    """What LoadGen asks, answered by calls; what a call raises is kept, and the rest answered at once."""

    def __init__(self, lg: Any, run: Callable[[], None], batch: int) -> None:
        self._lg, self._run, self._batch = lg, run, batch
        self._waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._worker = threading.Thread(target=self._work, daemon=True)
        self._worker.start()
        self.calls = 0
        self.error: Any = None

    def now(self, asked: List[Any]) -> None:
        """In LoadGen's own thread, batch by batch."""
        for start in range(0, len(asked), self._batch):
            part = asked[start : start + self._batch]
            if self.error is None:
                try:
                    self._run()
                except BaseException as error:  # an exception must not cross LoadGen: it would end the process
                    self.error = error
            self.calls += 1
            response = self._lg.QuerySampleResponse
            self._lg.QuerySamplesComplete([response(sample.id, 0, 0) for sample in part])

    def later(self, asked: List[Any]) -> None:
        """In order, by the thread that serves."""
        self._waiting.put(asked)

    def _work(self) -> None:
        while True:
            asked = self._waiting.get()
            if asked is None:
                return
            self.now(asked)

    def end(self) -> None:
        """The thread is gone when it returns."""
        self._waiting.put(None)
        self._worker.join()
