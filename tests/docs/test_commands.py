"""The commands that the documents show are commands that work, in the order in which they are shown."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DATA = ROOT / "controller/src/benchfleet/controller/demo/data"
LIMIT_S = 800
BUSY = re.compile(r"^([^#\n]*?) +# exits 3 if busy$", flags=re.MULTILINE)

CAMPAIGN = """
apiVersion: benchfleet/v1
kind: Campaign
name: detectors
models: ["detector:fp32"]
devices: {selector: "lab=berlin"}
matrix: {runtime: [onnxruntime]}
measure: {profile: quick}
"""
POLICY = 'apiVersion: benchfleet/v1\nkind: Policy\nname: size\nhard: {model_size: "< 1 MB"}\n'


def blocks(page: str, language: str) -> str:
    """The commands of a page: whole blocks of `sh`, the lines after a prompt of `console`."""
    found = "\n".join(re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(), flags=re.DOTALL))
    return found if language == "sh" else "\n".join(re.findall(r"^\$ (.*?)(?: {2,}#.*)?$", found, flags=re.MULTILINE))


def free_ports() -> tuple[int, int]:
    """One whose successor is free as well, for gRPC and enrolment, and one for HTTP."""
    for _ in range(50):
        with socket.socket() as first, socket.socket() as second, socket.socket() as third:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            third.bind(("127.0.0.1", 0))
            return port, third.getsockname()[1]
    raise AssertionError("no two ports in a row are free")


def on_free_ports(script: str) -> str:
    """The same commands beside another controller on this host: only the addresses differ."""
    grpc, http = free_ports()
    serve = f"benchfleet serve --grpc 127.0.0.1:{grpc} --http 127.0.0.1:{http}"
    return script.replace("127.0.0.1:7443", f"127.0.0.1:{grpc}").replace("benchfleet serve", serve)


def run_in(folder: Path, script: str) -> str:
    """Runs a script that stops at the first failure; what it printed. Nothing that it started outlives it."""
    (folder / "page.sh").write_text(f"set -eux\ntrap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT\n{script}\n")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BENCHFLEET_")}
    kept.update(PATH=f"{Path(sys.executable).parent}:{kept['PATH']}", XDG_STATE_HOME=str(folder / "xdg"))
    process = subprocess.Popen(
        ["bash", "page.sh"],
        cwd=folder,
        env=kept,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGTERM)  # its trap ends what it started
        output, _ = process.communicate(timeout=30)
    logs = "".join(f"\n{log.name}: {log.read_text()[-2000:]}" for log in sorted(folder.glob("*.log")))
    assert process.returncode == 0, f"{output[-4000:]}{logs}"
    return output


@pytest.mark.timeout(LIMIT_S + 60)
def test_getting_started_is_a_script_that_works(tmp_path: Path) -> None:
    script = blocks("docs/getting-started.md", "sh")
    assert len(BUSY.findall(script)) == 4
    output = run_in(tmp_path, on_free_ports(BUSY.sub(r"\1 || test $? -eq 3", script)))
    assert "digits:int8" in output
    assert (tmp_path / "report.html").read_text().rstrip().endswith("</html>")
    assert "<testsuite" in (tmp_path / "gate.xml").read_text()


@pytest.mark.timeout(LIMIT_S + 60)
def test_the_commands_of_the_readme_work_on_a_fleet_of_one(tmp_path: Path) -> None:
    """The reader's part is played here: a model, two documents, and the line that `token create` prints."""
    lines = [line.strip() for line in blocks("README.md", "console").splitlines()]
    for name in ("digits-int8.tflite", "digits-fp32.tflite", "digits-test.npz"):
        shutil.copy(DATA / name, tmp_path)
    shutil.copy(DATA / "digits-fp32.onnx", tmp_path / "detector.onnx")
    (tmp_path / "campaign.yaml").write_text(CAMPAIGN)
    (tmp_path / "policy.yaml").write_text(POLICY)
    made = [line for line in lines if line.startswith("make ")]
    assert {line.split()[1] for line in made} <= set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    script = [f"export BENCHFLEET_STATE={tmp_path}/state BENCHFLEET_AGENT_STATE={tmp_path}/agent"]
    for line in lines:
        if line in made:
            continue
        if line.startswith("benchfleet serve"):
            script += [line.replace("&", ">serve.log 2>&1 &"), "until benchfleet devices ls; do sleep 0.5; done"]
        elif line.startswith("benchfleet token create"):
            script += [f"{line} >token", 'benchfleet-agent join "$(cat token)" --controller 127.0.0.1:7443']
            script += ["benchfleet-agent run >agent.log 2>&1 &"]
            script += ["""until benchfleet devices ls --json | grep -q '"online": true'; do sleep 0.5; done"""]
        else:
            may_be_busy = " bench " in line or " run " in line or " gate " in line
            script.append(f"{line} || test $? -eq 3" if may_be_busy else line)
    output = run_in(tmp_path, on_free_ports("\n".join(script)))
    shown = re.search(r"\$ benchfleet-agent bench.*?```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    assert shown is not None
    names = re.findall(r"^([a-z]\w+_\w+) ", shown[0], flags=re.MULTILINE)
    assert len(names) >= 6
    assert [name for name in names if name not in output] == []
    assert (tmp_path / "gate.xml").is_file()
