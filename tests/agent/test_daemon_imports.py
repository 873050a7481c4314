"""The daemon is light: what a measurement or the controller needs is never loaded into it."""

from __future__ import annotations

import subprocess
import sys

FORBIDDEN = ("numpy", "onnxruntime", "ai_edge_litert", "pydantic", "sqlalchemy", "cryptography")


def test_the_daemon_imports_neither_numpy_nor_a_runtime() -> None:
    code = "import sys, benchfleet.agent.daemon; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "grpc" in loaded
    assert not loaded & set(FORBIDDEN)
