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


def test_a_certificate_is_read_and_a_key_is_made_without_the_library_that_does_it() -> None:
    code = (
        "import sys\nfrom benchfleet.agent import certificates\n"
        "key, request = certificates.Aside().key_and_request('edge')\n"
        "assert 'PRIVATE KEY' in key and b'CERTIFICATE REQUEST' in request\n"
        "try:\n    certificates.Aside().lifetime('no certificate')\n"
        "except certificates.RefusedError as error:\n    assert 'join with a new token' in str(error)\n"
        "else:\n    raise SystemExit('garbage was read as a certificate')\n"
        "print('cryptography' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
