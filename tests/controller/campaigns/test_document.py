"""What a campaign document may say, and the one line that answers the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchfleet.controller.campaigns.document import CELLS_MAX, parse_campaign
from benchfleet.core.errors import DocumentError
from tests.support.documents import campaign

ROOT = Path(__file__).parents[3]
GOOD = [*ROOT.glob("examples/campaign*.yaml"), *ROOT.glob("controller/src/benchfleet/controller/demo/*.yaml")]
CAMPAIGNS = [path for path in GOOD if "kind: Campaign" in path.read_text()]
YAML = """apiVersion: benchfleet/v1
kind: Campaign
name: test
models: ["digits:fp32"]
devices: {selector: "fleet=test"}
matrix:
  runtime: [onnxruntime]
"""


@pytest.mark.parametrize("path", CAMPAIGNS, ids=lambda p: p.name)
def test_documents_that_are_shown_load(path):
    assert parse_campaign(path.read_text(), str(path)).cell_count > 0


def test_the_example_of_the_reference_loads():
    page = (ROOT / "docs/campaigns.md").read_text()
    text = page.split("```yaml\n")[1].split("```")[0]
    document = parse_campaign(text, "docs")
    assert document.baseline is not None
    assert document.measure.timeout == 1800


def refusal(text: str) -> str:
    with pytest.raises(DocumentError) as caught:
        parse_campaign(text, "c.yaml")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_an_unknown_key_names_its_line_and_a_near_one():
    said = refusal(YAML + "  thread: [1]\n")
    assert said == "c.yaml:8: key 'thread' is not known here; did you mean 'threads'?"
    assert refusal(YAML + "modles: [a]\n").startswith("c.yaml:8: key 'modles' is not known here; did you mean 'models'")


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"apiVersion": "benchfleet/v9"}, "apiVersion"),
        ({"kind": "Policy"}, "kind"),
        ({"name": None}, "name"),
        ({"name": "../x"}, "a name"),
        ({"name": "a" * 4096}, "a name"),
        ({"name": "a\u001b[31m"}, "a name"),
        ({"models": []}, "models"),
        ({"models": ["digits"]}, "NAME:TAG"),
        ({"models": ["digits:fp32", "digits:fp32"]}, "twice"),
        ({"matrix": {"runtime": ["onnxruntime"], "threads": [0]}}, "threads"),
        ({"matrix": {"runtime": ["onnxruntime"], "threads": [-4]}}, "threads"),
        ({"matrix": {"runtime": ["onnxruntime"], "threads": [True]}}, "threads"),
        ({"matrix": {"runtime": ["onnxruntime"], "threads": [1.5]}}, "threads"),
        ({"matrix": {"runtime": ["onnxruntime"], "threads": ["1"]}}, "threads"),
        ({"matrix": {"runtime": ["onnxruntime"], "batch": [10**30]}}, "batch"),
        ({"matrix": {"runtime": []}}, "runtime"),
        ({"matrix": {"threads": [1]}}, "runtime"),
        ({"matrix": {"runtime": ["onnxruntime"], "power_mode": ["15 W"]}}, "a power mode is a name or id"),
        ({"matrix": {"runtime": ["onnxruntime"], "power_mode": [True]}}, "a power mode is a name or id"),
        ({"matrix": {"runtime": ["onnxruntime"], "power_mode": ["MAXN+"]}}, "a name is missing"),
        ({"matrix": {"runtime": ["onnxruntime"], "power_mode": [2, "2"]}}, "matrix.power_mode has a value twice"),
        ({"scenarios": ["single-stream"]}, "single_stream"),
        ({"scenarios": [5]}, "a scenario is a name"),
        ({"scenarios": [{}]}, "a scenario is a name"),
        ({"scenarios": [{"realtime": 30}]}, "parameters are a map"),
        ({"scenarios": [{"realtime": {}}]}, "needs fps"),
        ({"scenarios": ["server"]}, "needs qps"),
        ({"scenarios": [{"realtime": {"fps": 0}}]}, "above 0"),
        ({"scenarios": [{"realtime": {"fps": -30}}]}, "above 0"),
        ({"scenarios": [{"realtime": {"fps": "30"}}]}, "a number is needed"),
        ({"scenarios": [{"realtime": {"fps": True}}]}, "a number is needed"),
        ({"scenarios": [{"realtime": {"fps": 10**400}}]}, "a number is needed"),
        ({"scenarios": [{"realtime": {"fps": 30, "deadline": 20}}]}, "a unit"),
        ({"scenarios": [{"realtime": {"fps": 30, "deadline": "0 ms"}}]}, "above 0"),
        ({"scenarios": [{"sustained": {"duration": "3 h"}}]}, "from 10 to 7200"),
        ({"scenarios": [{"offline": {"streams": 1.5}}]}, "whole number"),
        ({"scenarios": [{"offline": {"streams": []}}]}, "a sweep"),
        ({"scenarios": [{"offline": {"streams": [2, 2]}}]}, "twice"),
        ({"scenarios": [{"offline": {"streams": 1}}, "offline"]}, "twice"),
        ({"scenarios": [{"single_stream": {"fps": 1}}]}, "takes none"),
        ({"devices": {}}, "selector"),
        ({"devices": {"selector": "a in b"}}, "selector"),
        ({"devices": {"selector": "a=b", "names": ["x"]}}, "names"),
        ({"devices": []}, "devices"),
        ({"measure": {"profile": "fast"}}, "profile"),
        ({"measure": {"seed": -1}}, "seed"),
        ({"measure": {"max_attempts": 0}}, "max_attempts"),
        ({"measure": {"timeout": 30}}, "unit"),
        ({"measure": {"timeout": "1 s"}}, "timeout"),
        ({"measure": {"timeout": "nan s"}}, "unit"),
        ({"measure": {"sustained": 600}}, "unit"),
        ({"measure": {"sustained": True}}, "unit"),
        ({"measure": {"sustained": "9 s"}}, "measure.sustained: must be from 10 to 7200 s"),
        ({"measure": {"sustained": "10min"}, "scenarios": [{"sustained": {"duration": "600 s"}}]}, "twice"),
        ({"baseline": {"model": "digits"}}, "NAME:TAG"),
        ({"shapes": {"x": "1x0x3"}}, "shape"),
        ({"shapes": {"x": "1x?x3"}}, "shape"),
    ],
)
def test_a_bad_value_is_one_line_that_names_it(changes, word):
    assert word in refusal(campaign(**changes))


@pytest.mark.parametrize("number", [".inf", "-.inf", ".nan"])
def test_numbers_that_are_not_finite_are_refused(number):
    assert "threads" in refusal(YAML + f"  threads: [{number}]\n")
    assert "runtime_options" in refusal(YAML + f"runtime_options: {{onnxruntime: {{x: {number}}}}}\n")


def test_a_matrix_without_end_is_refused_by_multiplication():
    axis = list(range(1, 1001))
    said = refusal(campaign(matrix={"runtime": ["onnxruntime"], "threads": axis, "batch": axis}))
    assert f"{CELLS_MAX:,}" in said
    assert "2,000,000 cells" in said


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  \n",
        "# nothing\n",
        "[]",
        "hello",
        "a: b: c",
        "a: [",
        "!!python/object:os.system {}",
        "\x00\x01",
        "---\na: 1\n---\nb: 2\n",
    ],
)
def test_what_is_no_document_is_refused(text):
    assert refusal(text).startswith("c.yaml")


def test_aliases_are_refused_before_they_expand():
    bomb = "a: &a [x, x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}, *{chr(97 + i)}]\n" for i in range(20)
    )
    assert "aliases" in refusal(bomb)


def test_duplicate_keys_name_their_line():
    said = refusal(YAML + "name: again\n")
    assert said.startswith("c.yaml:8")
    assert "duplicate" in said


def test_depth_and_size_are_bounded():
    assert "nested deeper than 32" in refusal("a: " + "[" * 5000 + "]" * 5000)
    assert "larger than" in refusal("a: " + "x" * 300_000)
    assert "more than 20,000 values" in refusal("a: [" + "1," * 25_000 + "]")


@pytest.mark.parametrize("key", ["a[b", "[]", "? {a: 1}\n"])
def test_a_key_with_brackets_is_unknown_like_any_other(key):
    text = key if key.startswith("?") else f'"{key}"'
    assert "is not known here" in refusal(f"{YAML}{text}: 1\n")


def test_half_of_a_surrogate_pair_is_refused():
    assert "surrogate" in refusal(YAML.replace("name: ", 'name: "\\ud800"\nx: ', 1))


def test_a_list_of_devices_is_a_selector_of_their_names():
    document = parse_campaign(campaign(devices=["pi5", "orin"]))
    assert document.devices.selector == "name in (pi5, orin)"


def test_providers_are_an_axis():
    document = parse_campaign(campaign(matrix={"runtime": ["onnxruntime"], "providers": [["A"], ["B", "C"]]}))
    assert document.cell_count == 4


SCENARIOS = (
    YAML
    + """scenarios:
  - single_stream
  - realtime: {fps: 30}
  - server:
      qps: [50, 100]
      latency_bound: 50 ms
  - offline: {streams: [1, 4]}
"""
)


def test_scenarios_have_parameters_in_one_unit_and_lists_are_sweeps():
    assert parse_campaign(SCENARIOS, "c.yaml").scenario_list == [
        ("single_stream", {}),
        ("realtime", {"fps": 30}),
        ("server", {"qps": 50, "latency_bound_s": 0.05}),
        ("server", {"qps": 100, "latency_bound_s": 0.05}),
        ("offline", {}),
        ("offline", {"streams": 4}),
    ]


def test_measure_sustained_adds_a_sustained_cell_to_each_setting():
    document = parse_campaign(campaign(scenarios=["offline"], measure={"sustained": "10min"}))
    assert document.scenario_list == [("offline", {}), ("sustained", {"duration_s": 600})]
    assert document.cell_count == 2 * len(document.models)


def test_a_wrong_parameter_is_found_by_its_own_line_and_names_what_was_meant():
    line = 1 + SCENARIOS[: SCENARIOS.index("latency_bound")].count("\n")
    said = refusal(SCENARIOS.replace("latency_bound", "latency_bond"))
    assert said.startswith(f"c.yaml:{line}: ")
    assert said.endswith("scenario server has no parameter 'latency_bond'; did you mean 'latency_bound'?")
    assert refusal(SCENARIOS.replace("fps: 30", "fps: .nan")).startswith(f"c.yaml:{line - 3}: ")
    assert "did you mean 'single_stream'?" in refusal(SCENARIOS.replace("- single_stream", "- single_steam"))


def test_a_default_that_is_written_out_is_the_same_cell():
    assert parse_campaign(YAML + "scenarios: [{multi_stream: {samples: 8}}]\n").scenario_list == [("multi_stream", {})]


def test_options_of_a_runtime_that_is_not_measured_are_an_error_with_their_line():
    said = refusal(YAML + "runtime_options:\n  onnxrutime: {graph_optimization: all}\n")
    assert said.startswith("c.yaml:9: runtime_options.onnxrutime: ")
    assert said.endswith("did you mean 'onnxruntime'?")
    assert refusal(YAML + "runtime_options: {tvm: {}}\n").endswith("it has: onnxruntime")
