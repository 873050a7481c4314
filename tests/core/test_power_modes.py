"""A power mode by name or id, alone or with others; what a device lacks is said with what it has."""

from __future__ import annotations

import pytest

from benchfleet.core.power_modes import OfferedMode, check, chosen

OFFERED = [
    OfferedMode(mechanism=mechanism, name=name, id=key)
    for mechanism, name, key in (
        ("nvpmodel", "15W", "0"),
        ("nvpmodel", "MAXN", "2"),
        ("jetson_clocks", "jetson_clocks", "on"),
        ("cpufreq", "performance", "performance"),
        ("cpufreq", "2", "odd"),
        ("other", "performance", "p"),
    )
]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("15W", [("nvpmodel", "0")]),
        ("0", [("nvpmodel", "0")]),
        ("2", [("cpufreq", "odd")]),  # a name comes before an id
        ("nvpmodel:2", [("nvpmodel", "2")]),
        ("MAXN+jetson_clocks", [("nvpmodel", "2"), ("jetson_clocks", "on")]),
        ("cpufreq:performance", [("cpufreq", "performance")]),
    ],
)
def test_a_mode_is_meant_by_name_id_or_mechanism(text: str, meant: list[tuple[str, str]]) -> None:
    assert [(mode.mechanism, mode.id) for mode in chosen(text, OFFERED)] == meant


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("16W", "did you mean '15W'"),
        ("9", "it has: 15W, MAXN"),
        ("performance", "say which: cpufreq:performance, other:performance"),
        ("15W+MAXN", "two modes of nvpmodel"),
        ("nvpmodel:performance", "it has: 15W, MAXN"),
        ("nothing:15W", "it has: none"),
    ],
)
def test_what_is_not_there_is_one_line_with_what_is(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        chosen(text, OFFERED)


@pytest.mark.parametrize("text", ["", "15 W", "a\nb", "\x1b[31m", "MAXN+", "+MAXN", "cpufreq:", "x" * 101])
def test_what_no_device_can_have_is_refused_before_any_is_asked(text: str) -> None:
    with pytest.raises(ValueError, match="power mode"):
        check(text)
