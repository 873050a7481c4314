"""What a scenario is handed to make load with: the sessions, the bounds of the round, and the loops.

A scenario's `drive(load)` calls one of the loops and returns what it gave. The loops time; the scenario decides what
arrives when.
"""

from array import array
from typing import Any, Callable, Dict, List, NamedTuple, Optional

from benchfleet.agent.runner import arrivals, loop, process, streams

EACH_WAIT_NS = 200_000
"""From this latency on the run-queue wait is read after every call (1.6 us, outside the timed region)."""


Note = Callable[[int], None]
"""Called after each call with its index, outside the timed region."""


class Done(NamedTuple):
    """One round. `series` begins with wall_ns, one entry a latency sample; the others are what the scenario adds.

    samples: what went through the model, 0 where there is no stream of them. unserved: arrivals that were given up.
    """

    start_ns: int
    end_ns: int
    samples: int
    series: Dict[str, "array[int]"]
    unserved: int = 0
    cpu_ns: Optional[int] = None
    wait_ns: Optional[int] = None


class Held(NamedTuple):
    """A session that is loaded and fed."""

    batch: int
    session: Any

    @property
    def run(self) -> Callable[[], None]:
        """Its timed call."""
        return self.session.run  # type: ignore[no-any-return]


class Load:
    """Made once a launch; `begin` sets the bounds of each round."""

    def __init__(self, spec: Dict[str, Any], sessions: List[Held], meter: process.WaitMeter, out: "array[int]") -> None:
        self.params: Dict[str, Any] = dict(spec.get("scenario_params") or {})
        self.batch = int(spec["batch"])
        self._seed = "%s/%s" % (spec["seed"], spec.get("launch", 0))
        self._sessions, self._meter, self._out = sessions, meter, out
        self._rounds = 0
        self.loaded_ns = (0, 0)
        self.calls_min = 1
        self.span_ns = self.cap_ns = self._lasts_ns = 0
        self.each = False
        self.between: Callable[[Optional[Note]], Optional[Note]] = lambda note: note

    def begin(self, calls_min: int, span_ns: int, cap_ns: int, usual_ns: float) -> None:
        """The bounds of the next round; a call takes about `usual_ns`."""
        self.calls_min, self.span_ns, self.cap_ns, self._lasts_ns = calls_min, span_ns, cap_ns, 0
        self.each = self._meter.there and usual_ns >= EACH_WAIT_NS
        self._rounds += 1

    def poisson(self, rate: float) -> List[int]:
        """Arrivals of this round by chance: the same for the same seed, launch and round, whatever the model."""
        offsets = arrivals.poisson(rate, self.span_ns, "%s/%d" % (self._seed, self._rounds))
        self._lasts_ns = arrivals.lasting(offsets, self.span_ns)
        return offsets

    def periodic(self, rate: float) -> List[int]:
        """Arrivals of this round at a fixed rate."""
        offsets = arrivals.periodic(rate, self.span_ns)
        self._lasts_ns = int(len(offsets) * 1e9 / rate)
        return offsets

    def closed_loop(self, calls: int = 1, whole_span: bool = False) -> Done:
        """Back to back; `calls` of them are one latency sample.

        `whole_span`: where there is no room for more latencies, calls go on unrecorded until the span is over.
        """
        run = self._sessions[0].run if calls == 1 else _repeated(self._sessions[0].run, calls)
        note = self.between(self._meter.note if self.each else None)
        self._meter.restart()
        n, start_ns, end_ns = loop.closed_loop(run, self._out, self.calls_min, self.span_ns, self.cap_ns, note)
        more = 0
        if whole_span and n == len(self._out):
            more, end_ns = loop.untimed(run, start_ns + self.span_ns, end_ns)
        series = {"wall_ns": self._out[:n]}
        wait_ns = self._meter.since_restart_ns(n if self.each else 0)
        if self.each:
            series["runq_wait_ns"] = self._meter.waits[:n]
        return Done(start_ns, end_ns, (n + more) * calls * self.batch, series, wait_ns=wait_ns)

    def open_loop(self, offsets: List[int]) -> Done:
        """By a schedule, one at a time."""
        self._meter.restart()
        served = arrivals.open_loop(self._sessions[0].run, offsets, self.cap_ns, lasts_ns=self._lasts_ns)
        return self._served(served, self.batch)

    def gathered(self, offsets: List[int], most: int, timeout_s: float) -> Done:
        """By a schedule, in batches."""
        runs: Dict[int, Callable[[], None]] = {session.batch: session.run for session in self._sessions}
        self._meter.restart()
        timeout_ns = int(timeout_s * 1e9)
        served = arrivals.gathered(runs, offsets, most, timeout_ns, self.cap_ns, lasts_ns=self._lasts_ns)
        return self._served(served, 1)

    def _served(self, served: arrivals.Served, samples_each: int) -> Done:
        wait_ns = self._meter.since_restart_ns(0)
        samples = len(served.series["wall_ns"]) * samples_each
        return Done(served.start_ns, served.end_ns, samples, served.series, served.unserved, wait_ns=wait_ns)

    def and_back_to_back(self, done: Done, calls: int) -> Done:
        """The same round, and the times of calls without a pause right after it, as back_to_back_ns."""
        out = array("q", bytes(8 * calls))
        n, _, _ = loop.closed_loop(self._sessions[0].run, out, calls, 0, max(1, self.cap_ns))
        return done._replace(series={**done.series, "back_to_back_ns": out[:n]})

    def streams(self) -> Done:
        """Every session back to back in a thread of its own."""
        runs = [session.run for session in self._sessions]
        got = streams.side_by_side(runs, self.calls_min, self.span_ns, self.cap_ns, len(self._out))
        series = {"wall_ns": got.wall, "begun_ns": got.begun, "stream": got.stream}
        samples = len(got.wall) * self.batch
        return Done(got.start_ns, got.end_ns, samples, series, cpu_ns=got.cpu_ns, wait_ns=got.wait_ns)

    def start_up(self) -> Done:
        """What loading the model and its first call took, long before this round."""
        started, ended = self.loaded_ns
        return Done(started, ended, 0, {"wall_ns": array("q", [ended - started])})


def _repeated(run: Callable[[], None], calls: int) -> Callable[[], None]:
    def query() -> None:
        for _ in range(calls):
            run()

    return query
