"""What this device is: its facts, and which runtimes it can run; each runtime is asked in a child process."""

from __future__ import annotations

import concurrent.futures
import contextlib
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

from benchfleet.core import plugins
from benchfleet.core.inventory import Inventory, RuntimeFacts
from benchfleet.core.text import utf8_all

RUNTIMES = "benchfleet.agent.runtimes"
GROUP = "benchfleet.runtimes"
PROBE_TIMEOUT_S = 60.0
CODE_NAMES = {"phanbell": "coral-dev-board"}
"""Boards whose device tree knows them by a code name."""
RUNNER = Path(__file__).parent / "runner" / "__main__.py"


def started_by(name: str) -> tuple[str, str | None]:
    """The interpreter of a runtime, and the file of a third party's.

    A vendor may tie its library to the board's own Python: BENCHFLEET_PYTHON_ONNXRUNTIME=/usr/bin/python3 names it.
    """
    interpreter = os.environ.get(f"BENCHFLEET_PYTHON_{name.upper()}", sys.executable)
    module = plugins.load(RUNTIMES, GROUP, name)
    return interpreter, None if module.__name__ == f"{RUNTIMES}.{name}" else module.__file__


def builds(name: str) -> bool:
    """Whether a runtime makes an engine for the device before it loads anything."""
    return hasattr(plugins.load(RUNTIMES, GROUP, name), "build")


def inventory(*, labels: dict[str, str] | None = None, threads_max: int | None = None) -> Inventory:
    """The facts of this host; slow the first time, since vendor libraries are imported in children."""
    release = _os_release()
    cpus = len(os.sched_getaffinity(0))
    found = Inventory(
        hostname=platform.node(),
        board=board(),
        os=release,
        kernel=platform.release(),
        arch=platform.machine(),
        cpu_model=_cpu_model(),
        cpu_count=min(cpus, threads_max) if threads_max else cpus,
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        python=platform.python_version(),
        agent_version=version(),
        runtimes=runtimes(),
        labels=labels or {},
        boot_id=_read("/proc/sys/kernel/random/boot_id"),
        facts={
            k: v for k, v in {"governor": _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")}.items() if v
        },
    )
    return Inventory.from_json(utf8_all(found.to_json()))


def version() -> str:
    """The agent's own version."""
    with contextlib.suppress(metadata.PackageNotFoundError):
        return metadata.version("benchfleet-agent")
    return "0"


def runtimes() -> tuple[RuntimeFacts, ...]:
    """Every runtime plug-in, asked side by side."""
    names = plugins.names(RUNTIMES, GROUP)
    with concurrent.futures.ThreadPoolExecutor(max_workers=4) as pool:
        return tuple(pool.map(_ask, names))


def _ask(name: str) -> RuntimeFacts:
    try:
        interpreter, file = started_by(name)
        with tempfile.TemporaryDirectory(prefix="benchfleet-probe-") as scratch:
            done = subprocess.run(
                [interpreter, str(RUNNER), "--probe", name, file or ""],
                capture_output=True,
                text=True,
                errors="replace",
                timeout=PROBE_TIMEOUT_S,
                check=False,
                env={**os.environ, "TMPDIR": scratch},
            )
    except OSError as error:
        return RuntimeFacts(name=name, available=False, reason=f"{error.filename} cannot be started: {error.strerror}")
    except subprocess.TimeoutExpired:
        return RuntimeFacts(name=name, available=False, reason=f"its probe took longer than {PROBE_TIMEOUT_S:.0f} s")
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return RuntimeFacts(name=name, available=False, reason=f"its probe failed ({last})")
    try:
        found = json.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        return RuntimeFacts(name=name, available=False, reason="its probe did not answer in JSON")
    formats = tuple(found["formats"])
    if "why" in found:
        return RuntimeFacts(name=name, available=False, reason=found["why"], formats=formats)
    return RuntimeFacts(
        name=name, available=True, version=found["version"], formats=formats, providers=tuple(found["providers"])
    )


def board(root: Path = Path("/")) -> str:
    """The name of the board as labels and selectors write it, from the device tree; `host` where there is none.

    https://docs.kernel.org/devicetree/usage-model.html: the property `model` of the root node.
    """
    model = _read(str(root / "proc/device-tree/model")).replace("\0", "").lower()
    for code, name in CODE_NAMES.items():
        if code in model:
            return name
    model = re.sub(r"^(nvidia|radxa|hardkernel|xunlong)\s+", "", model)
    model = re.split(r"\s+(?:model\b|rev\b|developer kit|engineering reference|module\b|plus\b)", model)[0]
    return re.sub(r"[^a-z0-9]+", "-", model).strip("-") or "host"


def _read(path: str) -> str:
    with contextlib.suppress(OSError):
        return Path(path).read_text(errors="replace").strip()
    return ""


def _os_release() -> str:
    for line in _read("/etc/os-release").splitlines():
        if line.startswith("PRETTY_NAME="):
            return line.split("=", 1)[1].strip('"')
    return platform.system()


def _cpu_model() -> str:
    for line in _read("/proc/cpuinfo").splitlines():
        if line.startswith(("model name", "Model")):
            return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown"
