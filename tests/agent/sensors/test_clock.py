"""How far a meter's clock is ahead, from round trips whose truth is known."""

from __future__ import annotations

from benchfleet.agent.sensors._clock import HELD_MAX, Offset

S = 1_000_000_000


def test_the_truth_lies_within_what_is_said_after_each_answer() -> None:
    truth_ns, offset = 7_340 * S + 123_456_789, Offset()
    for n in range(200):
        sent_ns = n * 1_037_000_000
        stood_ns = sent_ns + 20_000_000 + (n * 7919) % 60_000_000  # when the meter looked at its clock
        shown_ns = (stood_ns + truth_ns) // S * S
        offset.saw(sent_ns, sent_ns + 90_000_000, shown_ns, S)
        assert abs(offset.ns - truth_ns) <= offset.half_width_ns + 1
    assert offset.half_width_ns < S // 8, "a clock of whole seconds is known better than to a second"


def test_of_exact_stamps_the_shortest_round_trip_counts() -> None:
    offset = Offset()
    for trip_ns in (400, 20, 300):
        offset.saw(1_000, 1_000 + trip_ns, 50_000 + trip_ns // 2)
    assert offset.half_width_ns == 10
    assert offset.ns == 49_000


def test_a_clock_that_was_set_begins_anew() -> None:
    offset = Offset()
    offset.saw(0, 10, 5 * S)
    offset.saw(100, 110, 900 * S)
    assert abs(offset.ns - 900 * S) < 200


def test_a_clock_that_drifts_is_followed() -> None:
    offset = Offset()
    for n in range(10 * HELD_MAX):
        now_ns = n * S
        offset.saw(now_ns, now_ns + 20_000_000, now_ns + 10_000_000 + round(now_ns * 100e-6))
    truth_ns = round((10 * HELD_MAX - 1) * S * 100e-6)
    assert abs(offset.ns - truth_ns) <= 15_000_000


def test_nothing_is_known_before_an_answer() -> None:
    assert not Offset().known
