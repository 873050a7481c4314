"""What is started often or must stay light imports no more than it needs."""

import subprocess
import sys

import pytest


def modules_after(statement: str) -> set[str]:
    code = f"{statement}\nimport sys; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_the_domain_needs_no_grpc_and_no_numpy():
    loaded = modules_after("import benchfleet.core.results, benchfleet.core.runspec, benchfleet.core.clock")
    assert not loaded & {"grpc", "numpy", "google"}


@pytest.mark.parametrize("module", ["benchfleet.controller.cli.main", "benchfleet.agent.cli.main"])
def test_help_imports_neither_grpc_nor_numpy_nor_what_else_is_slow(module):
    call = f"import sys, contextlib\nsys.argv = ['program', '--help']\nfrom {module} import main\n"
    loaded = modules_after(call + "with contextlib.suppress(SystemExit):\n    main()")
    assert not loaded & {"grpc", "numpy", "google.protobuf", "sqlalchemy", "pydantic", "aiohttp", "matplotlib", "onnx"}


def test_the_daemon_imports_no_numpy_and_no_runtime():
    """All of the daemon's modules: numpy, a runtime or the controller's dependencies would live in it for ever."""
    found = "import importlib, pkgutil, benchfleet.agent\n" + (
        "for m in pkgutil.walk_packages(benchfleet.agent.__path__, 'benchfleet.agent.'):\n"
        "    if not m.name.endswith('__main__') and '.runner' not in m.name and '.runtimes' not in m.name:\n"
        "        importlib.import_module(m.name)"
    )
    heavy = {"numpy", "onnxruntime", "ai_edge_litert", "tflite_runtime", "sqlalchemy", "pydantic", "aiohttp"}
    assert not modules_after(found) & heavy
