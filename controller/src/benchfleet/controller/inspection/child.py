"""The parent side: reads the digest, then lets a child with limits parse the file."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from benchfleet.controller.inspection.facts import ModelFacts, Shapes
from benchfleet.controller.inspection.limits import CPU_LIMIT_S
from benchfleet.core.errors import DocumentError, one_line

MEMORY_BYTES = 2 * 1024**3
MEMORY_BYTES_PER_BYTE = 3
"""Of address space: what Python and the parsers map, and for each byte of the file its parsed form and copies."""
WALL_LIMIT_S = 90
_OUT_OF_TIME = (-signal.SIGXCPU, -signal.SIGKILL)


def inspect_model(path: Path, shapes: Shapes | None = None) -> ModelFacts:
    """The facts of a model file; DocumentError in one line for whatever is not a model.

    `shapes` are the sizes of inputs that the file leaves open.
    """
    try:
        if path.is_dir():
            raise DocumentError(f"inspect {path}: is a folder; name the model file")
        size_bytes = path.stat().st_size
        if size_bytes == 0:
            raise DocumentError(f"inspect {path}: the file is empty; export the model again")
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DocumentError(f"inspect {path}: cannot be read ({error.strerror}); check the path") from error
    facts = _parse_in_child(path, shapes or {}, MEMORY_BYTES + MEMORY_BYTES_PER_BYTE * size_bytes)
    return ModelFacts.from_json({**facts, "file": path.name, "digest": digest, "size_bytes": size_bytes})


def _parse_in_child(path: Path, shapes: Shapes, memory_bytes: int) -> dict[str, object]:
    # -P: the folder the user stands in is no place to import from; a download may hold an onnx.py beside the model.
    command = [sys.executable, "-P", "-m", "benchfleet.controller.inspection", str(path.absolute()), json.dumps(shapes)]
    command.append(str(memory_bytes))
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # each thread maps a stack
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            timeout=WALL_LIMIT_S,
            check=False,
            env=environment,
        )
    except subprocess.TimeoutExpired as error:
        raise DocumentError(f"inspect {path}: not parsed within {WALL_LIMIT_S} s; is it a model?") from error
    if done.returncode in _OUT_OF_TIME:
        raise DocumentError(f"inspect {path}: not parsed within {CPU_LIMIT_S} s of CPU time; is it a model?")
    if done.returncode != 0:
        text = done.stderr.decode("utf-8", "replace").strip().splitlines()
        last = one_line(text[-1]) if text else "it said nothing"
        why = last if text and done.returncode == 2 else f"the parser ended with {done.returncode} ({last})"
        raise DocumentError(f"inspect {path}: {why}")
    facts = json.loads(done.stdout)
    assert isinstance(facts, dict)
    return facts
