"""`score` as a user runs it: numbers of the field's libraries, one line for a mistake, documented exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import sacrebleu

CODE = "from benchfleet.agent.cli.main import main; main()"


def score(tmp_path, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", CODE, "score", *map(str, arguments)], capture_output=True, text=True, timeout=120,
        check=False, env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture
def corpus(tmp_path):
    lines = {"said": ["the cat sat on a mat", "hello — wörld"], "r0": ["the cat sat on the mat", "hello, wörld"]}
    for name, held in lines.items():
        (tmp_path / f"{name}.txt").write_text("\n".join(held) + "\n")
    return lines


def test_translations_in_text_files_score_what_sacrebleu_says(tmp_path, corpus):
    said, wanted = tmp_path / "said.txt", tmp_path / "r0.txt"
    done = score(tmp_path, "--task", "text", "--data", wanted, "--data", wanted, "--predictions", said, "--json")
    found = json.loads(done.stdout)["metrics"]
    assert found["bleu"]["value"] == sacrebleu.corpus_bleu(corpus["said"], [corpus["r0"], corpus["r0"]]).score
    assert found["rouge_l"]["n"] == 2
    assert done.returncode == 0


def test_a_data_set_says_itself_what_its_task_is(tmp_path):
    np.savez(tmp_path / "d.npz", x=np.zeros((3, 1), np.float32), labels=np.array([0, 1, 1]))
    with zipfile.ZipFile(tmp_path / "d.npz", "a") as file:
        file.writestr("dataset.json", json.dumps({"schema": 1, "task": "classification"}))
    (tmp_path / "p.json").write_text("[0, 1, 0]")
    done = score(tmp_path, "--data", tmp_path / "d.npz", "--predictions", tmp_path / "p.json")
    assert done.stdout.startswith("accuracy_top1    0.666667  [")
    (tmp_path / "p.json").write_text("[0, 1]")
    done = score(tmp_path, "--data", tmp_path / "d.npz", "--predictions", tmp_path / "p.json")
    assert (done.returncode, done.stdout) == (2, "")
    assert "2 predictions for 3 samples" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--data", "said.txt", "--predictions", "said.txt"), "not a zip"),
        (("--task", "txt", "--data", "said.txt", "--predictions", "said.txt"), "no plug-in 'txt'"),
        (("--task", "text", "--data", "none.txt", "--predictions", "said.txt"), "none.txt"),
        (("--task", "detection", "--data", "said.txt", "--predictions", "said.txt"), "not JSON"),
        (("--data", "said.txt", "--data", "r0.txt", "--predictions", "said.txt"), "--task text"),
    ],
)
@pytest.mark.usefixtures("corpus")
def test_a_mistake_is_one_line_and_exit_code_2(tmp_path, arguments, says):
    named = [str(tmp_path / a) if a.endswith(".txt") else a for a in arguments]
    done = score(tmp_path, *named)
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.usefixtures("corpus")
def test_a_library_that_is_not_there_is_a_reason_with_the_line_that_mends_it(tmp_path):
    job = {
        "task": "text", "truth": [str(tmp_path / "r0.txt")], "predictions": [str(tmp_path / "said.txt")],
        "answer": str(tmp_path / "answer.json"), "parent_pid": os.getpid(), "alarm_s": 60,
    }  # fmt: skip
    (tmp_path / "job.json").write_text(json.dumps(job))
    code = "import sys; sys.modules['sacrebleu'] = None; from benchfleet.agent.scorer import main; main()"
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "job.json")], check=True, timeout=60)
    found = json.loads((tmp_path / "answer.json").read_text())["scores"]["bleu"]
    assert found["value"] is None
    assert "pip install 'benchfleet-agent[text]'" in found["reason"]
