"""The command loop: one JSON line in, one JSON line out, the model in between.

Commands (stdin)             answers (the event pipe)
    {"do": "load"}               load and first-inference time, inputs, facts, memory, cost of the harness itself
    {"do": "warm", ...}          whether two windows agreed
    {"do": "round", ...}         calls, times, CPU, run-queue wait; raw nanoseconds are in the series file
    {"do": "loadgen", ...}       one test of MLCommons LoadGen in the place of rounds
    {"do": "check", ...}         what the outputs say, and what the engine says of its own time and memory
    {"do": "build", ...}         the engine of the model, made in a folder; a process that loads nothing
    {"do": "profile", ...}       time by operator; loads the model by itself, in a process that times nothing
    {"do": "stop"}               ends the process
Every command carries `alarm_s`, after which the process is gone, whatever the model does, and `idle_s`, after which it
is gone when no further command came.
"""

import hashlib
import json
import sys
import time
from array import array
from statistics import median
from typing import Any, Dict, List, Optional, TextIO, Tuple

from benchfleet.agent.runner import checks, disturbed, engine, house, loop, operators, outputs, process, simulated
from benchfleet.agent.runner.contract import Options, RuntimeFault, Tensor
from benchfleet.agent.runner.feeds import Feeder
from benchfleet.agent.runner.load import Held, Load
from benchfleet.agent.runner.repeats import Repeats
from benchfleet.agent.runner.tensors import DataSet

WARM_CALLS_MIN = 20
WARM_AGREE = 0.03
OVERHEAD_CALLS = 1000
MORE_WARM_CALLS = 3
"""Of each further session: the first allocates, and the runtime's threads are warm already."""


class Runner:
    """One model in one process."""

    def __init__(self, spec: Dict[str, Any]) -> None:
        self.spec = spec
        self.session: Any = None
        self.feeder: Optional[Feeder] = None
        self.dataset: Optional[DataSet] = None
        self.scenario: Any = None
        self.made_load: Optional[Load] = None
        self.held: List[Held] = []
        self.out = array("q", bytes(8 * loop.CALLS_MAX))
        self.meter = process.WaitMeter(loop.CALLS_MAX)
        self.usual_ns = 0.0
        self.digest = ""
        self.repeats: Optional[Repeats] = None
        self.peak_loading: Optional[int] = None
        self.disturbance = disturbed.Disturbance()

    def load(self, command: Dict[str, Any]) -> Dict[str, Any]:
        """Imports the runtime, loads the model, and times its first inference."""
        spec = self.spec
        self.scenario = house.plugin("scenarios", spec["scenario"], spec["scenario_file"])
        runtime, version, options = self._runtime()
        overhead_us = self._overhead_us(runtime, options)
        process.settle()
        base = process.memory_bytes()
        started = time.perf_counter_ns()
        self.session = runtime.load(spec["model"], options)
        load_ns = time.perf_counter_ns() - started
        loaded = process.memory_bytes()
        self.peak_loading = loaded["peak"]
        house.check_placement(options, self.session.facts)
        self.feeder = Feeder(self.session.inputs, spec, self.dataset)
        feed = self.feeder.feed(0)
        process.restart_peak()  # numbers of Python, of which a feed is made, take ten times its size
        self.session.prepare(feed)
        del feed
        started = time.perf_counter_ns()
        self.session.run()
        first_ns = time.perf_counter_ns() - started
        ended = time.perf_counter_ns()
        first = self.session.outputs()
        self.digest = _digest(first)
        self.held = [Held(options.batch, self.session), *self._more_sessions(runtime, options)]
        self.repeats = Repeats(self.held, first)
        self.made_load = Load(spec, self.held, self.meter, self.out)
        self.made_load.between = self.repeats.between
        self.made_load.loaded_ns = (ended - load_ns - first_ns, ended)
        return {
            "load_ns": load_ns,
            "first_inference_ns": first_ns,
            "memory_base_bytes": base["resident"],
            "memory_loaded_bytes": loaded["resident"],
            "facts": {
                **self.session.facts,
                "version": version,
                "python": sys.version.split()[0],
                "harness_overhead_us": overhead_us,
                "memory": {"base": base, "loaded": loaded},
                "placement_required": house.required_share(options),
            },
            "feed_steps": self.feeder.steps,
            "inputs": [{"name": s.name, "dtype": s.dtype, "shape": s.shape} for s in self.session.inputs],
            "outputs": [{"name": t.name, "dtype": t.dtype, "shape": t.shape} for t in first],
        }

    def _runtime(self) -> Tuple[Any, str, Options]:
        """The runtime's module, its version and what it is told; RuntimeFault when it cannot be used so."""
        spec = self.spec
        runtime = house.plugin("runtimes", spec["runtime"], spec.get("runtime_file"))
        runtime = simulated.on_board(spec["runtime"], runtime, spec)
        found = runtime.probe()
        if not hasattr(found, "version"):
            raise RuntimeFault("unsupported_option", "runtime %s is not available: %s" % (spec["runtime"], found.why))
        options = Options(int(spec["threads"]), int(spec["batch"]), dict(spec["runtime_options"]))
        house.check_options(spec["runtime"], runtime, options)
        if spec["dataset"]:
            self.dataset = DataSet(spec["dataset"])
            options = options._replace(samples=self.dataset.sample_shapes())
        if hasattr(runtime, "vet"):
            runtime.vet(spec["model"])
        return runtime, found.version, options

    def _overhead_us(self, runtime: Any, options: Options) -> Optional[float]:
        """Median of calling the runtime's smallest possible model; None where the runtime brings none."""
        if not hasattr(runtime, "smallest"):
            return None
        tiny = runtime.smallest(options)
        if tiny is None:
            return None
        n, _, _ = loop.closed_loop(tiny.run, self.out, OVERHEAD_CALLS, 0, 10**9)
        tiny.close()
        return float(median(self.out[:n])) / 1e3

    def _more_sessions(self, runtime: Any, options: Options) -> List[Held]:
        """What the scenario needs beside the first: one for each further stream, one for each size of batch."""
        spec, params = self.spec, self.spec.get("scenario_params") or {}
        sizes: List[int] = []
        if hasattr(self.scenario, "streams"):
            sizes += [options.batch] * (self.scenario.streams(params) - 1)
        if hasattr(self.scenario, "batches"):
            sizes += self.scenario.batches(params)
        found = []
        for size in sizes:
            session = runtime.load(spec["model"], options._replace(batch=size))
            shapes = {name: [size, *shape[1:]] for name, shape in spec["shapes"].items()}
            session.prepare(Feeder(session.inputs, {**spec, "batch": size, "shapes": shapes}, self.dataset).feed(0))
            for _ in range(MORE_WARM_CALLS):
                session.run()
                session.outputs()
            found.append(Held(size, session))
        return found

    def warm(self, command: Dict[str, Any]) -> Dict[str, Any]:
        """Windows until two in a row agree, at least `span_s`; says so when they never do."""
        if not getattr(self.scenario, "WARM", True):
            return {"converged": True, "calls": 0, "spent_s": 0.0, "median_ns": 0.0}
        window_ns = int(command["window_s"] * 1e9)
        started = time.monotonic()
        before: Optional[float] = None
        calls = 0
        while True:
            left_ns = int((command["cap_s"] - (time.monotonic() - started)) * 1e9)
            n, _, _ = loop.closed_loop(self.session.run, self.out, WARM_CALLS_MIN, min(window_ns, left_ns), left_ns)
            calls += n
            self.usual_ns = float(median(self.out[:n]))
            spent = time.monotonic() - started
            agree = before is not None and abs(self.usual_ns / before - 1) <= WARM_AGREE
            if (agree and spent >= command["span_s"]) or spent >= command["cap_s"]:
                return {"converged": agree, "calls": calls, "spent_s": spent, "median_ns": self.usual_ns}
            before = self.usual_ns

    def round(self, command: Dict[str, Any]) -> Dict[str, Any]:
        """One timed block of the scenario; its raw series are appended to a file afterwards, in the order told."""
        load, scenario = self.made_load, self.scenario
        assert load is not None
        assert self.repeats is not None
        span_ns, cap_ns = int(command["span_s"] * 1e9), int(command["cap_s"] * 1e9)
        load.begin(command["calls_min"], span_ns, cap_ns, self.usual_ns)
        self.disturbance.begin()
        cpu = process.thread_cpu_ns()
        done = scenario.drive(load)
        cpu_ns = process.thread_cpu_ns() - cpu if done.cpu_ns is None else done.cpu_ns
        meanwhile = self.disturbance.end()
        with open(self.spec["series"], "ab") as file:
            for held in done.series.values():
                file.write(memoryview(held))
        self.repeats.end_round()
        return {
            "start_ns": done.start_ns,
            "end_ns": done.end_ns,
            "cpu_ns": cpu_ns,
            "runq_wait_ns": done.wait_ns,
            "samples": done.samples,
            "unserved": done.unserved,
            **meanwhile,
            "series": [[name, len(held)] for name, held in done.series.items()],
        }

    def loadgen(self, command: Dict[str, Any]) -> Dict[str, Any]:
        """LoadGen's test in the place of our rounds; its logs stay in the folder."""
        from benchfleet.agent.runner import loadgen

        asked = dict(command["asked"])
        if self.spec["scenario"] == "offline" and asked.get("target_qps") is None:
            asked["target_qps"] = 1e9 * int(self.spec["batch"]) / self.usual_ns
        if self.spec["scenario"] in ("single_stream", "multi_stream") and asked.get("target_latency") is None:
            asked["target_latency"] = self.usual_ns / 1e6 * asked.get("samples_per_query", 1)
        batch = int(self.spec["batch"])
        if command.get("accuracy"):
            labels = self.dataset.labels if self.dataset is not None else None
            if not labels:
                raise RuntimeFault(
                    "dataset_mismatch", "LoadGen's accuracy test needs a data set with labels of classes"
                )
            return dict(loadgen.score(self._predicted, labels, self.spec["scenario"], command["folder"], asked))
        return loadgen.drive(self.session.run, batch, self.spec["scenario"], command["folder"], asked)

    def _predicted(self, index: int) -> int:
        """The class that the model gives a sample."""
        assert self.feeder is not None
        self.session.prepare(self.feeder.feed(index))
        self.session.run()
        (row, *_) = outputs.rows(self.session.outputs()[0], int(self.spec["batch"]), 1) or [()]
        return int(outputs.best(row))

    def check(self, command: Dict[str, Any]) -> Dict[str, Any]:
        """Peak memory of the measured part first, then the outputs: as before the timing, finite, and kept."""
        memory = process.memory_bytes()
        assert self.feeder is not None
        assert self.repeats is not None
        said = engine.say(self.session)
        self.session.prepare(self.feeder.feed(0))
        self.session.run()
        same = _digest(self.session.outputs()) == self.digest
        taken = self.repeats.summary()
        check = checks.Check(self.session, self.feeder, self.dataset, int(self.spec["batch"]))
        found = check.run(int(command["samples_max"]), command.get("keep_in"), command.get("against"))
        stable = same and taken["distinct"] <= 1
        peaks = [peak for peak in (self.peak_loading, memory["peak"]) if peak is not None]
        return {
            **found,
            **taken,
            "stable": stable,
            "memory_peak_bytes": max(peaks) if peaks else None,
            "facts": {**said, "memory_end": memory},
        }

    def build(self, command: Dict[str, Any]) -> Dict[str, Any]:
        """Makes the engine for this device, or finds the one that was made before."""
        runtime, version, options = self._runtime()
        started = time.perf_counter_ns()
        made = runtime.build(self.spec["model"], options, command["folder"])
        spent_ns = time.perf_counter_ns() - started
        return {"path": made.path, "reused": made.reused, "facts": made.facts, "spent_ns": spent_ns, "version": version}

    def profile(self, command: Dict[str, Any]) -> Dict[str, Any]:
        """Loads the model with the engine's profiler on and runs it for a while: where the time of a call goes."""
        runtime, _, options = self._runtime()
        if not hasattr(runtime, "profile"):
            raise RuntimeFault("no_operators", "runtime %s tells no time by operator" % self.spec["runtime"])
        self.session = runtime.profile(self.spec["model"], options)
        self.session.prepare(Feeder(self.session.inputs, self.spec, self.dataset).feed(0))
        done = operators.runs(self.session.run, float(command["span_s"]))
        return operators.summary(self.session.operators(), done)


def _digest(found: List[Tensor]) -> str:
    held = hashlib.sha256()
    for tensor in found:
        held.update(tensor.data)
    return held.hexdigest()


def serve(spec: Dict[str, Any], events: TextIO) -> int:
    """Answers commands until told to stop or until the daemon is gone."""
    runner = Runner(spec)
    actions = {
        "load": runner.load,
        "warm": runner.warm,
        "round": runner.round,
        "loadgen": runner.loadgen,
        "check": runner.check,
        "profile": runner.profile,
        "build": runner.build,
    }
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
        process.alarm_in(float(command["idle_s"]))
    return 0
