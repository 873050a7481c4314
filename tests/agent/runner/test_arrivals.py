"""Load by a schedule, with a clock that only the test turns: nothing is skipped, and waiting is part of latency."""

from __future__ import annotations

import itertools
import math

from benchfleet.agent.runner import arrivals
from benchfleet.agent.runner.arrivals import AHEAD_NS, SPIN_NS, Clock

US, MS, S = 1_000, 1_000_000, 1_000_000_000


class Turned:
    """A clock that moves when somebody sleeps, looks or works."""

    def __init__(self, *, look_ns=100, late_ns=0):
        self.at, self.look_ns, self.late_ns = 0, look_ns, late_ns
        self.slept = []

    def now(self):
        self.at += self.look_ns
        return self.at

    def sleep(self, span_s):
        self.slept.append(span_s)
        self.at += round(span_s * S) + self.late_ns

    def working(self, *spans_ns):
        """A model whose calls take these spans, the last for ever."""
        left = list(spans_ns)

        def run():
            self.at += left.pop(0) if len(left) > 1 else left[0]

        return run

    @property
    def clock(self):
        return Clock(self.now, self.sleep)


def test_a_stall_is_seen_by_all_who_would_have_met_it():
    host = Turned()
    run = host.working(100 * MS, MS)
    served = arrivals.open_loop(run, [i * 10 * MS for i in range(20)], 10 * S, host.clock)
    wall = [round(x / MS) for x in served.series["wall_ns"]]
    # The first takes 100 ms; the others of these 100 ms wait for what is left of it, and are served one by one.
    assert wall[:12] == [100, 91, 82, 73, 64, 55, 46, 37, 28, 19, 10, 1]
    assert set(wall[12:]) == {1}
    assert len(wall) == 20
    assert served.unserved == 0


def test_waiting_for_the_model_is_not_our_lateness():
    host = Turned()
    served = arrivals.open_loop(host.working(50 * MS), [0, MS, 2 * MS], 10 * S, host.clock)
    assert max(served.series["lag_ns"]) < US
    assert [round(x / MS) for x in served.series["service_ns"]] == [50, 50, 50]


def test_a_thread_that_wakes_late_is_our_lateness_and_part_of_the_latency():
    late_ns = SPIN_NS + 3 * MS
    host = Turned(late_ns=late_ns)
    served = arrivals.open_loop(host.working(MS), [10 * MS, 20 * MS], 10 * S, host.clock)
    assert [round(x / MS) for x in served.series["lag_ns"]] == [3, 3]
    assert [round(x / MS) for x in served.series["wall_ns"]] == [4, 4]


def test_the_last_of_a_wait_is_spun_and_not_slept():
    host = Turned()
    arrivals.open_loop(host.working(MS), [10 * MS], 10 * S, host.clock)
    assert math.isclose(host.slept[0] * S, 10 * MS + AHEAD_NS - SPIN_NS, abs_tol=US)


def test_frames_take_as_many_periods_as_they_are():
    host = Turned()
    served = arrivals.open_loop(host.working(MS), [0, 10 * MS], 10 * S, host.clock, lasts_ns=20 * MS)
    assert round((served.end_ns - served.start_ns) / MS) == 20
    together = arrivals.gathered({1: host.working(MS)}, [0], 1, 0, 10 * S, host.clock, lasts_ns=20 * MS)
    assert round((together.end_ns - together.start_ns) / MS) == 20


def test_a_round_that_is_late_ends_with_its_last_call():
    host = Turned()
    served = arrivals.open_loop(host.working(30 * MS), [0, 10 * MS], 10 * S, host.clock, lasts_ns=20 * MS)
    assert round((served.end_ns - served.start_ns) / MS) == 60


def test_a_poisson_schedule_lasts_its_span_unless_it_was_cut():
    assert arrivals.lasting([1, 2], 100) == 100
    assert arrivals.lasting(range(arrivals.ARRIVALS_MAX), 10**9) == arrivals.ARRIVALS_MAX - 1


def test_what_is_not_begun_by_the_cap_is_counted_and_not_forgotten():
    host = Turned()
    served = arrivals.open_loop(host.working(30 * MS), [i * 10 * MS for i in range(10)], 100 * MS, host.clock)
    assert len(served.series["wall_ns"]) == 4
    assert served.unserved == 6
    assert all(len(held) == 4 for held in served.series.values())


def test_a_batch_leaves_when_it_is_full():
    host = Turned()
    runs = dict.fromkeys((1, 2, 4), host.working(MS))
    served = arrivals.gathered(runs, [0, MS, 2 * MS, 3 * MS], 4, 50 * MS, 10 * S, host.clock)
    assert list(served.series["batch"]) == [4] * 4
    assert [round(x / MS) for x in served.series["wall_ns"]] == [4, 3, 2, 1]


def test_a_batch_leaves_when_its_first_has_waited_long_enough():
    host = Turned()
    runs = dict.fromkeys((1, 2, 4), host.working(MS))
    served = arrivals.gathered(runs, [0, 2 * MS, 30 * MS], 4, 5 * MS, 10 * S, host.clock)
    assert list(served.series["batch"]) == [2, 2, 1]
    assert [round(x / MS) for x in served.series["wall_ns"]] == [6, 4, 6]


def test_while_the_model_is_busy_a_batch_goes_on_filling():
    host = Turned()
    sizes = []
    work = host.working(20 * MS)

    def of(size):
        def run():
            sizes.append(size)
            work()

        return run

    served = arrivals.gathered(
        {size: of(size) for size in (1, 2, 4)}, [0, 6 * MS, 7 * MS, 8 * MS], 4, MS, 10 * S, host.clock
    )
    assert list(served.series["batch"]) == [1, 3, 3, 3]
    assert sizes == [1, 4]


def test_arrivals_by_chance_are_the_same_for_a_seed_and_have_the_rate():
    first = arrivals.poisson(200.0, 20 * S, "7/0/1")
    assert first == arrivals.poisson(200.0, 20 * S, "7/0/1") != arrivals.poisson(200.0, 20 * S, "7/0/2")
    assert first == sorted(first)
    assert first[-1] < 20 * S
    gaps = [b - a for a, b in itertools.pairwise(first)]
    mean = sum(gaps) / len(gaps)
    assert 0.9 < mean / (S / 200) < 1.1
    # Of exponential gaps the standard deviation is the mean.
    assert 0.9 < math.sqrt(sum((g - mean) ** 2 for g in gaps) / len(gaps)) / mean < 1.1


def test_a_slow_rate_still_has_an_arrival_and_a_fast_one_an_end():
    assert len(arrivals.poisson(0.001, S, "1")) == 1
    assert len(arrivals.poisson(1e9, S, "1")) == arrivals.ARRIVALS_MAX
    assert arrivals.periodic(30.0, S // 2) == [int(i * S / 30) for i in range(15)]
    assert arrivals.periodic(0.1, S) == [0]
