"""What is started often or must stay light imports no more than it needs."""

import subprocess
import sys


def modules_after(statement: str) -> set[str]:
    code = f"{statement}\nimport sys; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_the_domain_needs_no_grpc_and_no_numpy():
    loaded = modules_after("import benchfleet.core.results, benchfleet.core.runspec, benchfleet.core.clock")
    assert not loaded & {"grpc", "numpy", "google"}
