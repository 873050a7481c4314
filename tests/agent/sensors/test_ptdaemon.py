"""The client of PTDaemon, on a simulated one: samples, clocks, a daemon that begins slowly, and one that goes away."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest

from benchfleet.agent.env import live
from benchfleet.agent.sampler import Sampler
from benchfleet.agent.sensors import Reader, Reading, meter, ptdaemon
from benchfleet.agent.sensors._ptdaemon_fake import Fake

FAST_S = 0.05
PATIENCE_S = 10.0


@pytest.fixture
def fakes() -> Iterator[list[Fake]]:
    made: list[Fake] = []
    yield made
    for fake in made:
        fake.close()


def started(fakes: list[Fake], fake: Fake) -> Fake:
    fakes.append(fake.start())
    return fake


def until(reader: Reader, wanted: Callable[[Reading], bool]) -> Reading:
    """The first reading of power that is as wanted."""
    end_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < end_s:
        reading = reader.read()[0]
        if wanted(reading):
            return reading
        time.sleep(FAST_S / 5)
    raise AssertionError(f"never came: {reading}")


def test_a_sample_is_read_at_the_meters_time_and_at_ours(fakes: list[Fake]) -> None:
    fake = started(fakes, Fake(lambda now_s: now_s % 1000, every_s=FAST_S, ahead_s=3.0))
    env = live(meters=(f"{fake.address}#name=lab",))
    sensors = ptdaemon.probe(env)
    assert [s.id for s in sensors] == ["ptdaemon/lab/power", "ptdaemon/lab/voltage", "ptdaemon/lab/current"]
    assert all(s.simulated for s in sensors), "it says of itself that it is simulated"
    reader = ptdaemon.reader(env, sensors)
    reading = until(reader, lambda r: r.value is not None and "ahead" in r.detail)
    assert reading.time_ns is not None
    assert reading.source_time_ns is not None
    truth_s = float(reading.value or 0)  # what the fake says is the time at which it says so
    assert reading.source_time_ns * 1e-9 % 1000 == pytest.approx((truth_s + 3.0) % 1000, abs=0.002)
    ours_s = (reading.time_ns + time.time_ns() - time.monotonic_ns()) * 1e-9 % 1000
    off_s, sure_s = ours_s - truth_s, float(reading.detail.split("+-")[1].rstrip(" s)"))
    assert abs(off_s) <= sure_s + 0.02
    assert "3.0" in reading.detail or "2.9" in reading.detail
    reader.close()
    until_said(fake, "Stop")
    assert fake.said[:4] == ["Hello", "Identify", "Hello", "Identify"]
    assert fake.said[4:8] == ["RR", "SR,V,Auto", "SR,A,Auto", "Go,1000,0,benchfleet"]


def until_said(fake: Fake, said: str) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while said not in fake.said and time.monotonic() < end_s:
        time.sleep(0.01)
    assert said in fake.said


def test_its_ranges_are_put_back(fakes: list[Fake]) -> None:
    fake = started(fakes, Fake(every_s=FAST_S))
    env = live(meters=(fake.address,))
    reader = ptdaemon.reader(env, ptdaemon.probe(env))
    until(reader, lambda r: r.value is not None)
    reader.close()
    until_said(fake, "SR,V,Auto")
    assert fake.said[-3:] == ["Stop", "SR,A,2.0", "SR,V,Auto"]


@pytest.mark.parametrize("only", ["RL,*,*", "RL", "DC-RL"])
def test_it_reads_in_the_way_that_the_daemon_understands(fakes: list[Fake], only: str) -> None:
    fake = started(fakes, Fake(every_s=FAST_S, only=only))
    env = live(meters=(fake.address,))
    reader = ptdaemon.reader(env, ptdaemon.probe(env))
    assert until(reader, lambda r: r.value is not None).value == 25.0
    reader.close()


def test_no_read_waits_for_a_daemon_that_begins(fakes: list[Fake]) -> None:
    fake = started(fakes, Fake(every_s=FAST_S))
    env = live(meters=(fake.address,))
    sensors = ptdaemon.probe(env)
    fake._begins_s = 1.5
    reader = ptdaemon.reader(env, sensors)
    assert reader.read()[0].quality == "timeout"
    assert until(reader, lambda r: r.value is not None).value == 25.0
    assert fake.said.count("Hello") == 2, "it waits for the answer and does not ask again"
    reader.close()


def test_one_that_goes_away_is_lost_and_begun_again_when_it_is_back(fakes: list[Fake]) -> None:
    fake = started(fakes, Fake(every_s=FAST_S))
    port = int(fake.address.rpartition(":")[2])
    env = live(meters=(fake.address,))
    reader = ptdaemon.reader(env, ptdaemon.probe(env))
    until(reader, lambda r: r.value is not None)
    fake.close()
    gone = until(reader, lambda r: r.value is None)
    assert gone.quality == "lost"
    started(fakes, Fake(lambda _: 40.0, every_s=FAST_S, port=port))
    assert until(reader, lambda r: r.value is not None).value == 40.0
    reader.close()


def test_a_stranger_at_the_port_is_no_daemon(fakes: list[Fake], monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Fake()
    monkeypatch.setattr(fake, "answer", lambda said: ["SSH-2.0-OpenSSH_9.6"])
    started(fakes, fake)
    env = live(meters=(f"{fake.address}#name=lab",))
    sampler = Sampler(env, drivers={"ptdaemon": ptdaemon, "meter": meter})
    sampler.snapshot()
    ((sensor, reading),) = sampler.latest()
    assert sensor.id == "meter/lab/power"
    assert (reading.value, reading.quality) == (None, "lost")
    assert "no PTDaemon" in reading.detail


@pytest.mark.parametrize(
    "answers",
    [
        ["Last -1 samples"],
        ["Last many samples"],
        ["nonsense"],
        ["Last 999999999 samples"],
        ["Last 1 samples", "Time,x"],
    ],
)
def test_garbage_in_place_of_samples_is_no_reading(
    fakes: list[Fake], monkeypatch: pytest.MonkeyPatch, answers: list[str]
) -> None:
    fake = started(fakes, Fake(every_s=FAST_S))
    env = live(meters=(fake.address,))
    reader = ptdaemon.reader(env, ptdaemon.probe(env))
    until(reader, lambda r: r.value is not None)
    monkeypatch.setattr(fake, "_samples", lambda: answers)
    lost = until(reader, lambda r: r.value is None)
    assert lost.quality == "lost"
    reader.close()


def test_a_sample_that_is_said_again_is_kept_once(fakes: list[Fake]) -> None:
    fake = started(fakes, Fake(every_s=0.2))
    sampler = Sampler(live(meters=(f"{fake.address}#name=lab",)), drivers={"ptdaemon": ptdaemon})
    sampler.active(True)
    end_s = time.monotonic() + PATIENCE_S
    while len(times := _times(sampler)) < 3 and time.monotonic() < end_s:
        sampler.snapshot()
    assert len(times) >= 3
    assert all(later > earlier for earlier, later in pairwise(times))
    sampler.stop()


def _times(sampler: Sampler) -> tuple[int, ...]:
    series = {s.sensor: s for s in sampler.series(0, time.monotonic_ns() + 10**10)}
    power = series["ptdaemon/lab/power"]
    return tuple(t for t, v in zip(power.times_ns, power.values, strict=True) if v is not None)


@pytest.mark.parametrize(
    ("text", "day"), [("12-28-2020 15:21:14.682", 28), ("28-12-2020 15:21:14.682", 28), ("03-04-2024 00:00:00.000", 4)]
)
def test_month_and_day_are_told_apart(text: str, day: int) -> None:
    near = ptdaemon._parsed("03-04-2024 00:00:00.000", ptdaemon.TIMES[0]) if text.startswith("03") else None
    sample = ptdaemon.sampled(f"Time,{text},Watts,1.0,Volts,2.0,Amps,3.0,PF,1,Mark,x", near)
    assert sample is not None
    assert time.gmtime(sample.clock_ns // 10**9).tm_mday == day


def test_of_an_answer_with_several_samples_none_is_left_out(fakes: list[Fake]) -> None:
    numbers = iter(range(1, 1000))
    fake = started(fakes, Fake(lambda _: float(next(numbers)), every_s=0.1))
    env = live(meters=(fake.address,))
    reader = ptdaemon.reader(env, ptdaemon.probe(env))
    until(reader, lambda r: r.value is not None)
    fake._over.wait(0.5)  # while nobody asks, some more are made
    seen = [1.0]
    until(reader, lambda r: seen.append(float(r.value or 0)) or seen[-1] >= 6)
    assert sorted(set(seen)) == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    reader.close()
