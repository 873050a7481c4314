"""MLCommons LoadGen in the place of our own loop: it decides when queries come, times them, and writes its logs.

https://github.com/mlcommons/inference/tree/master/loadgen. Its own settings file (user.conf) is written beside the
logs, so that what was asked for can be read there. In SingleStream and MultiStream the call is made where LoadGen asks
for it; in Server a thread of ours takes queries in order, since LoadGen's must come back at once.
"""

import hashlib
import json
import os
import queue
import struct
import threading
from array import array
from typing import Any, Callable, Dict, List

from benchfleet.agent.runner.contract import RuntimeFault

NAMES = {
    "single_stream": "SingleStream", "multi_stream": "MultiStream", "offline": "Offline", "server": "Server",
}  # fmt: skip
ACCURACY_LOG = "mlperf_log_accuracy.json"
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
    served = _Served(lg, run, batch)
    _test(lg, served, scenario, folder, asked, LIBRARY_SAMPLES, lg.TestMode.PerformanceOnly)
    return {"calls": served.calls}


def score(predict: Callable[[int], int], labels: List[int], scenario: str, folder: str, asked: Dict[str, Any]) -> Any:
    """One LoadGen test in accuracy mode over every sample; the accuracy of what its log holds, beside that log.

    An answer is the class as a float32, which MLPerf's own scripts for image classification read.
    """
    lg = library()
    served = _Answered(lg, predict)
    _test(lg, served, scenario, folder, asked, len(labels), lg.TestMode.AccuracyOnly)
    path = os.path.join(folder, ACCURACY_LOG)
    with open(path, "rb") as file:
        held = file.read()
    logged = {row["qsl_idx"]: struct.unpack("<f", bytes.fromhex(row["data"]))[0] for row in json.loads(held)}
    good = sum(int(label == logged.get(i)) for i, label in enumerate(labels))
    with open(os.path.join(folder, "accuracy.txt"), "w") as file:
        file.write("accuracy=%.3f%%, good=%d, total=%d\n" % (100.0 * good / len(labels), good, len(labels)))
        file.write("hash=%s\n" % hashlib.sha256(held).hexdigest())
    return {"calls": served.calls, "good": good, "samples": len(labels), "answered": len(logged)}


def _test(lg: Any, served: Any, scenario: str, folder: str, asked: Dict[str, Any], samples: int, mode: Any) -> None:
    os.makedirs(folder, exist_ok=True)
    conf = os.path.join(folder, "user.conf")
    with open(conf, "w") as file:
        file.write(settings_text(scenario, asked))
    settings = lg.TestSettings()
    settings.FromConfig(conf, "benchfleet", NAMES[scenario], 1)
    settings.scenario = getattr(lg.TestScenario, NAMES[scenario])
    settings.mode = mode
    output = lg.LogOutputSettings()
    output.outdir = folder
    output.copy_summary_to_stdout = False
    logs = lg.LogSettings()
    logs.log_output = output
    logs.enable_trace = False
    issue = served.later if scenario == "server" else served.now
    sut = lg.ConstructSUT(issue, lambda: None)
    library_ = lg.ConstructQSL(samples, min(samples, LIBRARY_SAMPLES), lambda indexes: None, lambda indexes: None)
    try:
        lg.StartTestWithLogSettings(sut, library_, settings, logs, os.path.join(folder, "audit.config"))
    finally:
        served.end()
        lg.DestroyQSL(library_)
        lg.DestroySUT(sut)
    if served.error is not None:
        raise served.error


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


class _Answered(_Served):
    """The same with an answer to each sample, one call after the other."""

    def __init__(self, lg: Any, predict: Callable[[int], int]) -> None:
        super().__init__(lg, lambda: None, 1)
        self._predict = predict

    def now(self, asked: List[Any]) -> None:
        """Each sample by its index."""
        for sample in asked:
            answer = array("f", [-1.0])
            if self.error is None:
                try:
                    answer[0] = self._predict(sample.index)
                except BaseException as error:
                    self.error = error
            self.calls += 1
            address, count = answer.buffer_info()
            response = self._lg.QuerySampleResponse(sample.id, address, count * answer.itemsize)
            self._lg.QuerySamplesComplete([response])
