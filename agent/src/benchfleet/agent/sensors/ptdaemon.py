"""A power analyzer behind SPEC PTDaemon, the way MLPerf Power reads one: lines of text over TCP, one sample a second.

    Hello -> Hello, PTDaemon here!        Identify -> what the analyzer is
    RR -> Ranges,auto,amps,auto,volts     SR,V,Auto and SR,A,Auto: its ranges, put back at the end
    Go,1000,0,label                       begins; a thousand milliseconds a sample
    RL,*,* or RL or DC-RL                 Last N samples, then N lines, those not read before:
    Time,12-28-2020 15:21:14.682,Watts,22.950000,Volts,228.570000,Amps,0.206430,PF,0.486400,Mark,label

Samples have the time of the meter's host, local and without a zone, so how far it is ahead is measured: a sample that
one answer has and the one before had not was made between the two. That leaves out how long the analyzer takes to hand
it over. Volts of -1 are those of no single channel. A daemon takes 17 to 30 s to begin; until then nothing is read.
https://github.com/mlcommons/power-dev

    benchfleet-agent bench model.onnx --meter ptdaemon://10.0.0.5:8888#name=analyzer
"""

from __future__ import annotations

import contextlib
import re
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from benchfleet.agent.env import Env, Line
from benchfleet.agent.sensors import Reader, Reading, Sensor
from benchfleet.agent.sensors import _meter as meter
from benchfleet.agent.sensors._clock import Offset
from benchfleet.agent.sensors._files import Unread, checked, unread

PORT = 8888
EVERY_S = 0.5
"""Twice a sample: where a busy device was late and an answer has two of them, the next reads catch up."""
UNREAD_MAX = 600
"""Ten minutes of samples; whoever is that late has lost them."""
UPDATE_S = 1.0
COST_S = 0.2
ANSWER_S = 0.4
"""A read waits for so long in all, and goes on at the next one."""
LOOK_S = 1.0
STALE_NS = 3_000_000_000
SAMPLES_MAX = 100_000
"""In one answer: a day of them."""
HELLO = "Hello, PTDaemon here!"
READS = ("RL,*,*", "RL", "DC-RL")
"""All channels, one channel, direct current; which of them it understands is found out."""
FIELDS = (("power", "power_w", "Watts"), ("voltage", "voltage_v", "Volts"), ("current", "current_a", "Amps"))
RESOLUTION = 0.01
"""Of watts: analyzers in use show two digits, whatever is printed."""
TIMES = ("%m-%d-%Y %H:%M:%S.%f", "%d-%m-%Y %H:%M:%S.%f")
"""As the locale of its host has it."""
SIMULATED = re.compile(r"simulat|dummy", re.IGNORECASE)


def probe(env: Env) -> list[Sensor]:
    """Of every daemon that was named and answers; none without an address."""
    return meter.all_found(env, "ptdaemon", found) if env.meters else []


def reader(env: Env, sensors: list[Sensor]) -> Reader:
    """Power, voltage and current, at the times of the meter; a reading is the oldest sample that was not read yet."""
    return _Daemons(env, sensors)


def found(env: Env, address: meter.Address) -> list[Sensor]:
    """The sensors of one; OSError where no daemon answers."""
    identity = meter.layout(env, address, "ptdaemon", _look)
    if identity is None:
        return []
    return [
        Sensor(
            id=f"ptdaemon/{address.device}/{name}",
            kind=kind,
            scope=address.scope or "wall",
            source="meter",
            paths=(f"{address.shown} ({identity})",),
            every_s=EVERY_S,
            slow=True,
            cost_s=COST_S,
            device=address.device,
            update_s=UPDATE_S,
            window_s=UPDATE_S,
            resolution=RESOLUTION if kind == "power_w" else None,
            rank=meter.RANK,
            simulated=bool(SIMULATED.search(identity)),
        )
        for name, kind, _ in FIELDS
    ]


def _look(env: Env, address: meter.Address) -> str:
    with contextlib.closing(Daemon(env, address, LOOK_S)) as daemon:
        daemon.open()
        return daemon.identify()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """`clock_ns` by the meter's clock, read as UTC; a field that it does not have is None."""

    clock_ns: int
    values: dict[str, float]


class Daemon:
    """One connection. Each method waits for its answer; where none came in time it may be called again."""

    def __init__(self, env: Env, address: meter.Address, timeout_s: float) -> None:
        self._env, self._address, self._timeout_s = env, address, timeout_s
        self._line: Line | None = None
        self._until_s = 0.0
        self._asked = ""
        self._read = READS[0]
        self._ranges: tuple[str, str] | None = None
        self._sent_ns = 0
        self.clock = Offset()
        self.begin()

    def begin(self) -> None:
        """From now on the answers together may take the time-out."""
        self._until_s = time.monotonic() + self._timeout_s

    def open(self) -> None:
        """OSError where no daemon is."""
        if self._line is None:
            self._line = self._env.lines.connect(self._address.host, self._address.port or PORT, self._left_s())
        said = self._ask("Hello")
        if said != HELLO:
            raise Unread("lost", f"{self._address.shown} says {said[:40]!r}: that is no PTDaemon")

    def identify(self) -> str:
        """What analyzer it is, in its own words."""
        return " ".join(self._ask("Identify").split())[:80]

    def range(self, volts: str = "Auto", amps: str = "Auto") -> None:
        """Sets the ranges; those of before are put back at the end."""
        if self._ranges is None:
            self._ranges = _ranges(self._ask("RR"))
        for what in (f"SR,V,{volts}", f"SR,A,{amps}"):
            said = self._ask(what)
            if "error" in said.lower():
                raise Unread("lost", f"{self._address.shown}: {what} is refused: {said[:60]}")

    def start(self, label: str) -> None:
        """One sample a second from now on."""
        self._ask(f"Go,1000,0,{label}")
        self._sent_ns = time.monotonic_ns()

    def read_since(self) -> list[Sample]:
        """The samples that were not read before; by the newest, how far its clock is ahead."""
        sent_ns, head = time.monotonic_ns(), self._ask(self._read)
        while not head.startswith("Last ") and self._read != READS[-1]:
            self._read = READS[READS.index(self._read) + 1]
            head = self._ask(self._read)
        count = re.match(r"Last (\d+) ", head)
        if count is None or int(count[1]) > SAMPLES_MAX:
            raise Unread("lost", f"{self._address.shown}: {self._read} is answered by {head[:60]!r}")
        lines = [self._receive() for _ in range(int(count[1]))]
        received_ns = time.monotonic_ns()
        samples = [sample for line in lines if (sample := sampled(line, self._now_ns())) is not None]
        if lines and not samples:
            raise Unread("lost", f"{self._address.shown}: {lines[-1][:60]!r} is no sample")
        if samples and self._sent_ns:
            self.clock.saw(self._sent_ns, received_ns, samples[-1].clock_ns)
        self._sent_ns = sent_ns
        return samples

    def stop(self) -> None:
        """Ends the measurement, and puts the ranges back."""
        self._ask("Stop")
        for what, value in zip("AV", self._ranges or (), strict=False):
            self._ask(f"SR,{what},{value}")

    def close(self) -> None:
        """Ends the connection."""
        if self._line is not None:
            self._line.close()
        self._line, self._asked = None, ""

    def _now_ns(self) -> int | None:
        return None if self._env.recorded else time.time_ns()

    def _left_s(self) -> float:
        return max(0.001, self._until_s - time.monotonic())

    def _ask(self, line: str) -> str:
        assert self._line is not None
        if self._asked != line:
            self._line.send(line)
            self._asked = line
        said = self._receive()
        self._asked = ""
        return said

    def _receive(self) -> str:
        assert self._line is not None
        return self._line.receive(self._left_s())


class _Daemons:
    """One daemon each for its sensors."""

    def __init__(self, env: Env, sensors: Sequence[Sensor]) -> None:
        named = {address.device: address for address in meter.addresses(env, "ptdaemon")}
        self._sensors = sensors
        self._running = {s.device: _Running(env, named[s.device]) for s in sensors}

    def read(self) -> list[Reading]:
        """Of each daemon its next sample, or the newest once more."""
        for running in self._running.values():
            running.advance()
        return [self._running[sensor.device].reading(sensor) for sensor in self._sensors]

    def close(self) -> None:
        """Stops what was started."""
        for running in self._running.values():
            running.end()


class _Running:
    """A measurement that goes on, a step at a time: no read waits for a daemon that begins or has gone."""

    def __init__(self, env: Env, address: meter.Address) -> None:
        self._env, self._daemon = env, Daemon(env, address, ANSWER_S)
        self._step = 0
        self._failed: Exception | None = None
        self._unread: deque[Sample] = deque(maxlen=UNREAD_MAX)
        self._newest: Sample | None = None
        self._came_ns = 0

    def advance(self) -> None:
        """Goes on from where it is, for ANSWER_S at most."""
        daemon = self._daemon
        steps = (daemon.open, daemon.identify, daemon.range, lambda: daemon.start("benchfleet"))
        daemon.begin()
        self._failed = None
        try:
            while self._step < len(steps):
                steps[self._step]()
                self._step += 1
            samples = daemon.read_since()
        except (OSError, Unread) as error:
            self._failed = error
            if not isinstance(error, TimeoutError) or self._step == len(steps):
                self._drop()
            return
        self._unread.extend(samples[-1:] if self._env.recorded else samples)  # a recording is of one moment
        if self._unread:
            self._newest, self._came_ns = self._unread.popleft(), time.monotonic_ns()

    def reading(self, sensor: Sensor) -> Reading:
        """Of that sample, at its own time."""
        if self._failed is not None:
            return unread(sensor, self._failed)
        if self._newest is None:
            return unread(sensor, Unread("stale", "it has made no sample yet"))
        value = self._newest.values.get(next(field for _, kind, field in FIELDS if kind == sensor.kind))
        if value is None:
            return unread(sensor, Unread("unsupported", "-1: this channel does not measure it"))
        return self._stamped(checked(sensor, value), self._newest.clock_ns)

    def end(self) -> None:
        """Stops the measurement, if one runs."""
        with contextlib.suppress(OSError, Unread):
            if self._step:
                self._daemon.begin()
                self._daemon.stop()
        self._drop()

    def _drop(self) -> None:
        self._daemon.close()
        self._step = 0
        self._newest = None
        self._unread.clear()

    def _stamped(self, reading: Reading, clock_ns: int) -> Reading:
        if self._env.recorded or not self._daemon.clock.known:
            return replace(reading, source_time_ns=clock_ns)
        old = time.monotonic_ns() - self._came_ns > STALE_NS
        return replace(
            reading,
            time_ns=clock_ns - self._daemon.clock.ns,
            source_time_ns=clock_ns,
            quality="stale" if old else reading.quality,
            detail="no newer sample came" if old else meter.told(self._daemon.clock) or reading.detail,
        )


def sampled(line: str, now_ns: int | None) -> Sample | None:
    """A line of samples; None for one that is none. Month or day first: whichever is nearer to now."""
    words = line.split(",")
    said = dict(zip(words[0:10:2], words[1:10:2], strict=False))
    times = [stamp for form in TIMES if (stamp := _parsed(said.get("Time", ""), form)) is not None]
    if not times or "Watts" not in said:
        return None
    values = {}
    for _, _, field in FIELDS:
        with contextlib.suppress(KeyError, ValueError):
            value = float(said[field])
            if value != -1:
                values[field] = value
    clock_ns = times[0] if now_ns is None else min(times, key=lambda stamp: abs(stamp - now_ns))
    return Sample(clock_ns=clock_ns, values=values)


def _parsed(text: str, form: str) -> int | None:
    try:
        return round(datetime.strptime(text, form).replace(tzinfo=UTC).timestamp() * 1e3) * 1_000_000
    except ValueError:
        return None


def _ranges(said: str) -> tuple[str, str]:
    """Amps and volts of `Ranges,0,2.0,1,300.0`: automatic, unless one was fixed."""
    words = [*said.split(","), "", "", "", ""]
    amps, volts = (words[i + 1] if words[i] == "0" and _above_0(words[i + 1]) else "Auto" for i in (1, 3))
    return amps, volts


def _above_0(text: str) -> bool:
    try:
        return float(text) > 0
    except ValueError:
        return False
