"""Engines in environments of their own: found by interpreter, as on a board."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from benchfleet.agent import probe

ROOT = Path(__file__).parents[2]
DATA = ROOT / "controller/src/benchfleet/controller/demo/data"
ENGINES = ("openvino", "executorch")
RUNNER = ROOT / "agent/src/benchfleet/agent/runner/__main__.py"

_OUTPUTS = """
import json, runpy, sys
sys.argv = [sys.argv[1], *sys.argv[2:]]
runpy.run_path(sys.argv[0], run_name="runner")["_house"]()
from benchfleet.agent.runner import house
from benchfleet.agent.runner.contract import Options, RuntimeFault, Tensor
runtime = house.plugin("runtimes", sys.argv[1], None)
job = json.loads(sys.argv[2])
try:
    session = runtime.load(job["model"], Options(1, job["batch"], job["options"]))
    import numpy
    rows = numpy.load(job["data"])["x"][: job["count"]]
    found = []
    for row in rows if job["batch"] == 1 else ():
        shape = tuple(session.inputs[0].shape)
        session.prepare([Tensor(session.inputs[0].name, "float32", shape, row.reshape(shape).tobytes())])
        session.run(), session.run()
        (out,) = session.outputs()
        found.append(numpy.frombuffer(out.data, out.dtype).tolist())
    print(json.dumps({"outputs": found, "facts": session.facts, "engine": hasattr(session, "engine_ns")}))
except RuntimeFault as fault:
    print(json.dumps({"reason": fault.reason, "message": str(fault)}))
"""


@pytest.fixture(scope="session", autouse=True)
def _interpreters():
    """Every engine by the interpreter that setup made."""
    for name in ENGINES:
        python = ROOT / ".engines" / name / "bin/python"
        assert python.exists(), "run scripts/setup-engines first (make test-engines does)"
        os.environ[f"BENCHFLEET_PYTHON_{name.upper()}"] = str(python)
    yield
    for name in ENGINES:
        del os.environ[f"BENCHFLEET_PYTHON_{name.upper()}"]


@pytest.fixture
def outputs():
    """Outputs of a model on the first images of the digits test set, or the fault, from the engine's own process."""

    def ask(runtime, model, *, count=50, batch=1, **options):
        python, _ = probe.started_by(runtime)
        job = {"model": str(model), "data": str(DATA / "digits-test.npz")}
        job |= {"count": count, "batch": batch, "options": options}
        done = subprocess.run(
            [python, "-c", _OUTPUTS, str(RUNNER), runtime, json.dumps(job)],
            capture_output=True, text=True, check=True, timeout=120,
        )  # fmt: skip
        return json.loads(done.stdout.splitlines()[-1])

    return ask


@pytest.fixture
def bench(tmp_path):
    """`benchfleet-agent bench MODEL ... --json`: its exit code, its result and what it wrote to stderr."""

    def run(*arguments):
        done = subprocess.run(
            [str(ROOT / ".venv/bin/benchfleet-agent"), "bench", *map(str, arguments), "--json"],
            capture_output=True, text=True, check=False, timeout=170, cwd=tmp_path,
            env={**os.environ, "BENCHFLEET_HOST_LOCK": str(tmp_path / "lock")},
        )  # fmt: skip
        return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr

    return run


@pytest.fixture(scope="session")
def reference():
    """Logits of ONNX Runtime for the first images of the digits test set, in fp32."""
    import numpy as np
    import onnxruntime as ort

    session = ort.InferenceSession(str(DATA / "digits-fp32.onnx"), providers=["CPUExecutionProvider"])
    (logits,) = session.run(None, {"x": np.load(DATA / "digits-test.npz")["x"][:50]})
    return logits
