"""The command loop: one JSON line in, one JSON line out, the model in between.

Commands (stdin)             answers (the event pipe)
    {"do": "load"}               load and first-inference time, inputs, facts, memory
    {"do": "warm", ...}          whether two windows agreed
    {"do": "round", ...}         calls, times, CPU, run-queue wait; raw nanoseconds are in the series file
    {"do": "check"}              what the outputs say
    {"do": "stop"}               ends the process
Every command carries `alarm_s`, after which the process is gone, whatever the model does.
"""

import json
import sys
import time
from array import array
from statistics import median
from typing import Any, Dict, Optional, TextIO

from benchfleet.agent.runner import checks, house, loop, process
from benchfleet.agent.runner.contract import Options, RuntimeFault
from benchfleet.agent.runner.feeds import Feeder
from benchfleet.agent.runner.tensors import DataSet

WARM_CALLS_MIN = 20
WARM_AGREE = 0.03


class Runner:
    """One model in one process."""

    def __init__(self, spec: Dict[str, Any]) -> None:
        self.spec = spec
        self.session: Any = None
        self.feeder: Optional[Feeder] = None
        self.dataset: Optional[DataSet] = None
        self.drive: Any = None
        self.out = array("q", bytes(8 * loop.CALLS_MAX))

    def load(self, command: Dict[str, Any]) -> Dict[str, Any]:
        """Imports the runtime, loads the model, and times its first inference."""
        spec = self.spec
        runtime = house.plugin("runtimes", spec["runtime"], spec.get("runtime_file"))
        self.drive = house.plugin("scenarios", spec["scenario"], spec.get("scenario_file")).drive
        found = runtime.probe()
        if not hasattr(found, "version"):
            raise RuntimeFault("unsupported_option", "runtime %s is not available: %s" % (spec["runtime"], found.why))
        if spec["dataset"]:
            self.dataset = DataSet(spec["dataset"])
        process.settle()
        base, _ = process.memory_bytes()
        options = Options(int(spec["threads"]), int(spec["batch"]), dict(spec["runtime_options"]))
        started = time.perf_counter_ns()
        self.session = runtime.load(spec["model"], options)
        load_ns = time.perf_counter_ns() - started
        loaded, _ = process.memory_bytes()
        self.feeder = Feeder(self.session.inputs, spec, self.dataset)
        self.session.prepare(self.feeder.feed(0))
        started = time.perf_counter_ns()
        self.session.run()
        first_ns = time.perf_counter_ns() - started
        return {
            "load_ns": load_ns,
            "first_inference_ns": first_ns,
            "memory_base_bytes": base,
            "memory_loaded_bytes": loaded,
            "facts": {**self.session.facts, "version": found.version, "python": sys.version.split()[0]},
            "feed_steps": self.feeder.steps,
            "inputs": [{"name": s.name, "dtype": s.dtype, "shape": s.shape} for s in self.session.inputs],
        }

    def warm(self, command: Dict[str, Any]) -> Dict[str, Any]:
        """Windows until two in a row agree, at least `span_s`; says so when they never do."""
        self.session.prepare(self.feeder.feed(0))  # type: ignore[union-attr]
        window_ns = int(command["window_s"] * 1e9)
        started = time.monotonic()
        before: Optional[float] = None
        calls = 0
        while True:
            n, _, _ = loop.closed_loop(self.session.run, self.out, WARM_CALLS_MIN, window_ns)
            calls += n
            now = median(self.out[:n])
            spent = time.monotonic() - started
            agree = before is not None and abs(now / before - 1) <= WARM_AGREE
            if (agree and spent >= command["span_s"]) or spent >= command["cap_s"]:
                return {"converged": agree, "calls": calls, "spent_s": spent, "median_ns": now}
            before = now

    def round(self, command: Dict[str, Any]) -> Dict[str, Any]:
        """One timed block; its raw nanoseconds are appended to the series file afterwards."""
        cpu, waited = process.thread_cpu_ns(), process.runq_wait_ns()
        n, start_ns, end_ns = self.drive(self.session.run, self.out, command["calls_min"], int(command["span_s"] * 1e9))
        after = process.runq_wait_ns()
        cpu_ns = process.thread_cpu_ns() - cpu
        with open(self.spec["series"], "ab") as file:
            file.write(memoryview(self.out)[:n])
        wait_ns = None if waited is None or after is None else after - waited
        return {"calls": n, "start_ns": start_ns, "end_ns": end_ns, "cpu_ns": cpu_ns, "runq_wait_ns": wait_ns}

    def check(self, command: Dict[str, Any]) -> Dict[str, Any]:
        """Peak memory of the measured part first, then the outputs."""
        _, peak = process.memory_bytes()
        assert self.feeder is not None
        found = checks.check(self.session, self.feeder, self.dataset, int(self.spec["batch"]))
        return {**found, "memory_peak_bytes": peak}


def serve(spec: Dict[str, Any], events: TextIO) -> int:
    """Answers commands until told to stop or until the daemon is gone."""
    runner = Runner(spec)
    actions = {"load": runner.load, "warm": runner.warm, "round": runner.round, "check": runner.check}
    for line in sys.stdin:
        command = json.loads(line)
        if command["do"] == "stop":
            break
        process.alarm_in(float(command["alarm_s"]))
        try:
            answer = {"event": "done", **actions[command["do"]](command)}
        except RuntimeFault as fault:
            answer = {"event": "fault", "reason": fault.reason, "message": str(fault)}
        except MemoryError:
            answer = {"event": "fault", "reason": "oom", "message": "no memory left for the model"}
        except Exception as error:  # a process boundary: whatever the runtime raises is an outcome
            answer = {"event": "fault", "reason": "exception", "message": "%s: %s" % (type(error).__name__, error)}
        events.write(json.dumps(answer) + "\n")
        events.flush()
    return 0
