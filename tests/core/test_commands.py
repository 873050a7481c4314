"""The edge of both programs: versions, and interrupts at any time."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata

import pytest

PROGRAMS = {"benchfleet": "benchfleet.controller", "benchfleet-agent": "benchfleet.agent"}
INTERRUPTED = """
import sys
class Interrupt:
    def find_spec(self, name, path, target=None):
        if name == "click":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupt())
from PACKAGE.entry import main
main()
"""


@pytest.mark.parametrize(("program", "package"), PROGRAMS.items())
def test_a_version_is_one_line_on_stdout(program, package):
    script = f"import sys; sys.argv = [{program!r}, '--version']; from {package}.entry import main; main()"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == f"{program} {metadata.version(program)}\n"


@pytest.mark.parametrize("package", PROGRAMS.values())
def test_an_interrupt_while_it_imports_is_no_traceback(package):
    script = INTERRUPTED.replace("PACKAGE", package)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "")
