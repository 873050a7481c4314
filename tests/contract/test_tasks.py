"""Every quality task keeps the contract; a new file is walked without being listed anywhere."""

from __future__ import annotations

import ast
import json
from importlib import metadata
from pathlib import Path

import pytest

from benchfleet.core import task as tasks
from benchfleet.core.evidence import Score
from benchfleet.core.metric import catalogue
from benchfleet.core.task import TaskError, Truth

TASKS = {name: tasks.load(name) for name in tasks.names()}
LIBRARIES = ("numpy", "pycocotools", "sacrebleu", "rouge_score")


@pytest.mark.parametrize("name", TASKS)
def test_what_a_task_scores_is_in_the_catalogue_and_its_extra_is_the_agent_s(name):
    task = TASKS[name]
    assert set(task.METRICS) <= set(catalogue())
    assert all(catalogue()[metric].better == "higher" for metric in task.METRICS)  # a drop is a loss
    assert task.POINTS > 0
    assert task.EXTRA is None or task.EXTRA in metadata.metadata("benchfleet-agent").get_all("Provides-Extra")


@pytest.mark.parametrize("name", TASKS)
def test_a_task_file_imports_its_library_only_inside_its_functions(name):
    tree = ast.parse(Path(TASKS[name].__file__).read_text())
    tops = {a.name.split(".")[0] for n in tree.body if isinstance(n, ast.Import) for a in n.names}
    tops |= {(n.module or "").split(".")[0] for n in tree.body if isinstance(n, ast.ImportFrom)}
    assert not tops & set(LIBRARIES)


@pytest.mark.parametrize("name", TASKS)
def test_every_rule_says_what_is_wrong_with_nonsense(name):
    assert set(TASKS[name].KEYS) == {"postprocess", "scoring"}
    for rules in TASKS[name].KEYS.values():
        for rule in rules.values():
            for nonsense in ({}, None, [[]], float("nan")):
                assert rule(nonsense), rule


@pytest.mark.parametrize("name", TASKS)
def test_a_truth_without_anything_is_a_fault_or_has_no_score(name):
    empty = Truth(about={"task": name}, samples=1)
    if not list(TASKS[name].faults(empty)):
        scores = TASKS[name].score(empty, [TASKS[name].NOTHING])
        assert all(isinstance(s, Score) and s.value is None and s.reason for s in scores.values())


@pytest.mark.parametrize("body", [b"", b"{", b"{}", b"null", b"[[]]", b'[{"image_id": 1}]', b"\xff\xfe"])
@pytest.mark.parametrize("name", TASKS)
def test_files_that_are_neither_truth_nor_predictions_are_one_line(name, body, tmp_path):
    path = tmp_path / "x.json"
    path.write_bytes(body)
    with pytest.raises(TaskError) as caught:
        TASKS[name].bare([path])
    assert "\n" not in str(caught.value)
    assert "x.json" in str(caught.value)


@pytest.mark.parametrize("name", TASKS)
def test_outputs_that_do_not_fit_are_one_line(name):
    members = {
        "annotations.json": {"images": [{"id": 1, "width": 1, "height": 1}], "annotations": [], "categories": []},
        "references.json": ["a"],
        "vocabulary.json": ["a"],
    }
    truth = Truth(about=json.loads(json.dumps({"postprocess": {"output": "gone"}})), samples=1, members=members)
    with pytest.raises(TaskError, match="no output"):
        TASKS[name].predict([], truth, 0)
