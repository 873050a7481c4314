"""A policy that could not do its work is refused in one line."""

from __future__ import annotations

import pytest

from benchfleet.controller.policies.document import policy_of, profiles
from benchfleet.controller.policies.load import load_policy, parse_yaml
from benchfleet.core.errors import DocumentError

HEAD = {"apiVersion": "benchfleet/v1", "kind": "Policy"}


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({}, "checks nothing"),
        ({"hard": {}}, "checks nothing"),
        ({"hard": {"latency_p99": None}}, "checks nothing"),
        ({"hards": {}}, "did you mean hard"),
        ({"hard": {"latency_p99": "< 33"}}, "no unit"),
        ({"hard": {"latency_p99": 33}}, "comparison"),
        ({"hard": {"latency_p99": "< 33 W"}}, "not a unit of this metric"),
        ({"hard": {"latency_p99": "< nan ms"}}, "finite"),
        ({"hard": {"latency_p99": "< 1e999 ms"}}, "finite"),
        ({"hard": {"latency_p99": {"min": "40 ms", "max": "33 ms"}}}, "greater than max"),
        ({"hard": {"latency_p99": {"maximum": "33 ms"}}}, "min and max"),
        ({"hard": {"latncy_p99": "< 33 ms"}}, "did you mean latency_p99"),
        ({"hard": {"verdict": "perfect"}}, "valid or degraded"),
        ({"hard": {"accuracy_drop": "< 1 %"}}, "pp"),
        ({"hard": {"latency_p99": "< 3 ms", "latency_ms_p99": "> 9 ms"}}, "are one metric"),
        ({"hard": {"latency_p99": "< 3 ms"}, "soft": {"latency_ms_p99": "< 1 ms"}}, "both hard and soft"),
        ({"hard": {"latency_p99": "< -1 ms"}}, "can never hold"),
        ({"hard": {"latency_p99": "< 0 ms"}}, "can never hold"),
        ({"hard": {"accuracy_top1": ">= 90"}}, '"0.9" or "90 %"'),
        ({"hard": {"accuracy_top1": "> 1"}}, "can never hold"),
        ({"hard": {"accuracy_top1": {"min": "101 %"}}}, "can never hold"),
        ({"hard": {"accuracy_drop": "< -101 pp"}}, "can never hold"),
        ({"hard": ["latency"]}, "maps a constraint"),
        ({"soft": {"latency_p99": {"limit": "< 3 ms", "weight": 0}}}, "positive"),
        ({"soft": {"latency_p99": {"limit": "< 3 ms", "weight": float("nan")}}}, "positive"),
        ({"soft": {"latency_p99": {"weight": 1}}}, "give either limit"),
        ({"hard": {"model_size": "< 1 MB"}, "soft": {"model_size": "< 1 MB"}}, "both hard and soft"),
        ({"hard": {"model_size": "< 1 MB"}, "on_no_evidence": "maybe"}, "on_no_evidence"),
        ({"hard": {"model_size": "< 1 MB"}, "scope": {"modle": "x"}}, "did you mean model"),
        ({"extends": "realtime-vidio"}, "did you mean realtime-video"),
        ({"hard": {"model_size": "< 1 MB"}, "allow_simulated": "yes"}, "true or false"),
        ({"apiVersion": "v2", "hard": {"model_size": "< 1 MB"}}, "apiVersion"),
        ({"kind": "Campaign", "hard": {"model_size": "< 1 MB"}}, "kind"),
    ],
)
def test_policy_that_makes_no_sense_is_refused(sections, message):
    with pytest.raises(DocumentError, match=message) as error:
        policy_of({**HEAD, **sections})
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", sorted(profiles()))
def test_every_shipped_profile_loads_and_checks_something_hard(name):
    found = policy_of({**HEAD, "extends": name})
    assert found.name == name
    assert any(c.weight is None for c in found.constraints)


def test_four_profiles_are_shipped():
    assert set(profiles()) == {"realtime-video", "mobile-app", "cloud-service", "embedded-iot"}


def test_own_limit_replaces_the_inherited_one_under_either_name():
    found = policy_of({**HEAD, "extends": "realtime-video", "hard": {"latency_ms_p99": "< 5 ms"}})
    about = [c for c in found.constraints if "p99" in c.name]
    assert [c.params["limit"].high for c in about] == [5.0]


def test_null_drops_an_inherited_constraint():
    found = policy_of({**HEAD, "extends": "realtime-video", "hard": {"accuracy_drop": None}})
    assert "accuracy_drop" not in {c.name for c in found.constraints}


@pytest.mark.parametrize(
    "text", ["", "- a", "a: [", "a: 1\na: 2", "!!python/object:os.system {}", "\x00", "a: !x b\n--- \nb: 1", "[" * 5000]
)
def test_text_that_is_no_mapping_is_refused_in_one_line(text):
    with pytest.raises(DocumentError) as error:
        parse_yaml(text, source="p.yaml")
    assert "p.yaml" in str(error.value)


def test_duplicate_key_names_its_line():
    with pytest.raises(DocumentError, match=r"p\.yaml.*3"):
        parse_yaml("kind: Policy\nhard: {}\nhard: {}\n", source="p.yaml")


def test_unknown_key_names_its_line_and_the_key_that_was_meant():
    with pytest.raises(DocumentError, match=r"3.*hards.*did you mean.*hard"):
        parse_yaml("apiVersion: benchfleet/v1\nkind: Policy\nhards: {}\n", source="p.yaml")


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a" * 300_000])
def test_file_that_is_no_policy_is_refused(tmp_path, content):
    path = tmp_path / "p.yaml"
    path.write_bytes(content)
    with pytest.raises(DocumentError):
        load_policy(path)


def test_absent_file_is_refused(tmp_path):
    with pytest.raises(DocumentError, match="cannot read"):
        load_policy(tmp_path / "none.yaml")


def test_aliases_are_refused_before_they_expand():
    bomb = "a: &a [x, x, x]\n" + "\n".join(f"b{i}: &b{i} [*a, *a]" for i in range(9))
    with pytest.raises(DocumentError, match="aliases"):
        parse_yaml(bomb, source="p.yaml")


@pytest.mark.parametrize(
    ("name", "limit"),
    [("accuracy_top1", ">= 90 %"), ("accuracy_top1", ">= 1"), ("nan_count", "<= 0"), ("accuracy_drop", "< -1 pp")],
)
def test_a_limit_at_the_edge_of_what_can_be_is_taken(name, limit):
    assert policy_of({**HEAD, "hard": {name: limit}}).constraints[0].name == name
