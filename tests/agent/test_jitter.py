"""A reading in each period, spread evenly over it, however late the last one was."""

from __future__ import annotations

import random

from benchfleet.agent.jitter import STRATA, Schedule


def due(count: int, period_s: float = 0.1) -> list[float]:
    schedule, now_s, found = Schedule(random.Random(3)), 0.0, []
    for _ in range(count):
        now_s = schedule.next_s(now_s, period_s)
        found.append(now_s)
    return found


def test_each_period_has_one_reading() -> None:
    assert [int(t * 10) for t in due(500)] == list(range(500))


def test_successive_readings_fall_into_every_part_of_the_period() -> None:
    parts = [int((t * 10 % 1) * STRATA) for t in due(10 * STRATA)]
    for start in range(0, len(parts), STRATA):
        assert sorted(parts[start : start + STRATA]) == list(range(STRATA))


def test_their_order_is_another_each_time() -> None:
    times = due(2 * STRATA)
    shares = [round((t * 10 % 1) * STRATA - 0.5) for t in times]
    assert shares[:STRATA] != shares[STRATA:]
    assert shares[:STRATA] != sorted(shares[:STRATA])


def test_what_was_slept_through_is_not_made_up_for() -> None:
    schedule = Schedule(random.Random(3))
    schedule.next_s(0.0, 0.1)
    after = schedule.next_s(100.0, 0.1)
    assert 100.0 <= after <= 100.1
    assert after < schedule.next_s(after, 0.1) <= 100.2


def test_a_new_rate_holds_at_once() -> None:
    schedule = Schedule(random.Random(3))
    schedule.next_s(0.0, 5.0)
    assert schedule.next_s(1.0, 0.1) <= 1.1


def test_a_schedule_says_how_many_periods_nobody_asked_for() -> None:
    schedule = Schedule(random.Random(1))
    schedule.next_s(100.0, 0.1)
    assert schedule.skipped == 0
    schedule.next_s(102.05, 0.1)  # held up for two seconds
    assert 18 <= schedule.skipped <= 20
    schedule.next_s(102.1, 0.1)
    assert schedule.skipped == 0
    schedule.next_s(200.0, 5.0)  # another rate begins anew
    assert schedule.skipped == 0
