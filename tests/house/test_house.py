"""Rules of the house that no tool checks: one import root, small files, nothing about the place it was made in."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [
    p for part in ("core", "agent", "controller") for p in (ROOT / part / "src").rglob("*.py") if "_pb2" not in p.name
]
RUNNER_SIDE = [p for p in SOURCES if p.parent.name in ("runner", "runtimes", "scenarios") and "agent" in p.parts]
LINES_MAX = 500


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / line for line in listed.splitlines()]


def test_the_import_root_is_a_namespace():
    assert not list(ROOT.glob("*/src/benchfleet/__init__.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_fits_and_says_its_idea(path):
    text = path.read_text()
    assert len(text.splitlines()) <= LINES_MAX
    if text.strip():
        assert ast.get_docstring(ast.parse(text)), "a module says its idea in its docstring"


def test_no_file_names_a_registry_or_a_path_of_the_machine_it_was_made_on():
    words = ("//[a-z.]*py" + r"pi\.", "//[a-z.]*npm" + r"js\.", "python" + r"hosted\.", "/wor" + "k/")
    hosts = re.compile("|".join(words))
    for path in tracked():
        if path.suffix in (".onnx", ".tflite", ".npz", ".png") or not path.is_file():
            continue
        assert not hosts.search(path.read_text(errors="replace")), path


@pytest.mark.parametrize("path", RUNNER_SIDE, ids=lambda p: str(p.relative_to(ROOT)))
def test_what_a_runner_imports_parses_on_python_3_8(path):
    ast.parse(path.read_text(), feature_version=(3, 8))


def test_every_flag_is_on_a_page():
    pages = "".join(page.read_text() for page in (ROOT / "docs").glob("*.md"))
    flags = set()
    for path in (ROOT / "agent/src/benchfleet/agent/measure/flags").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            raised = isinstance(node, ast.Call) and {n.id for n in ast.walk(node.func) if isinstance(n, ast.Name)}
            if raised and raised & {"degraded", "invalid"} and node.args and isinstance(node.args[0], ast.Constant):
                flags.add(node.args[0].value)
    assert len(flags) > 20
    assert not [flag for flag in flags if f"`{flag}`" not in pages]


def test_nothing_runs_python_between_fork_and_exec() -> None:
    """A fork of a process with gRPC's threads runs handlers that may abort: a child limits itself."""
    guilty = [path for path in SOURCES if "preexec_fn=" in path.read_text()]
    assert not guilty
