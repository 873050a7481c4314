"""What this device is: its facts, and which runtimes it can run; each runtime is asked in a child process."""

from __future__ import annotations

import concurrent.futures
import contextlib
import json
import logging
import os
import platform
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

from benchfleet.agent import accelerators, boards, facts, power_modes, surroundings
from benchfleet.agent.env import Env, live
from benchfleet.agent.sensors import cgroup
from benchfleet.agent.sensors._deadline import PROBE_S, Gone, within
from benchfleet.core import plugins, scenario, task
from benchfleet.core.inventory import Inventory, RuntimeFacts
from benchfleet.core.power_modes import OfferedMode
from benchfleet.core.text import utf8_all

log = logging.getLogger(__name__)

RUNTIMES = "benchfleet.agent.runtimes"
GROUP = "benchfleet.runtimes"
PROBE_TIMEOUT_S = 60.0
HOST = "host"
"""The board of a machine that no family recognises."""
UNKNOWN = "unknown"
NUMBERS = ("cpu_count", "memory_bytes")
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
    env = live()
    cpus = len(os.sched_getaffinity(0))
    found_out = _found_out(env)
    processor = facts.cpu_model(facts.cpuinfo(env)) or platform.processor() or UNKNOWN
    found = Inventory(
        hostname=platform.node(),
        os=facts.os_release(env) or platform.system(),
        kernel=platform.release(),
        arch=platform.machine(),
        cpu_model=UNKNOWN if "emulated" in found_out["facts"] else processor,
        cpu_count=min(cpus, threads_max) if threads_max else cpus,
        memory_bytes=_memory_bytes(env),
        python=platform.python_version(),
        agent_version=version(),
        runtimes=runtimes(),
        scenarios=tuple(plugins.names(scenario.PACKAGE, scenario.GROUP)),
        tasks=tuple(plugins.names(task.PACKAGE, task.GROUP)),
        labels=labels or {},
        boot_id=env.files.text("/proc/sys/kernel/random/boot_id", ""),
        **found_out,
    )
    return Inventory.from_json(utf8_all(found.to_json()))


def _memory_bytes(env: Env) -> int:
    """What this process may have: that of the machine, or of its container where that is less."""
    installed = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min(installed, cgroup.memory_limit_bytes(env) or installed)


def elsewhere(env: Env) -> Inventory:
    """The facts of a recording or of another root, by its files alone; what they do not say is empty or 0."""
    said: dict[str, Any] = {n: value or (0 if n in NUMBERS else "") for n, value in facts.of(env).items()}
    found_out = _found_out(env)
    if "emulated" in found_out["facts"]:
        said["cpu_model"] = ""
    found = Inventory(python="", agent_version=version(), **said, **found_out)
    return Inventory.from_json(utf8_all(found.to_json()))


def _found_out(env: Env) -> dict[str, Any]:
    """What is worked out from files: the board, what stands around the system, its accelerators."""
    board = boards.detect(env)
    governor = env.files.text("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "")
    named = (board.facts() if board else {}) | ({"governor": governor} if governor else {}) | surroundings.of(env)
    return {
        "board": board.slug if board else HOST,
        "facts": named,
        "accelerators": accelerators.listed(env),
        "power_modes": modes(env),
    }


def modes(env: Env) -> tuple[OfferedMode, ...]:
    """The power modes it has; none where a mechanism hangs or breaks while it says so."""
    try:
        return within(lambda: power_modes.offered(env), PROBE_S)
    except Gone:
        log.warning("probe event=power_modes_hang")
    except Exception as error:  # a mechanism of a third party, or a board nobody has seen
        log.warning("probe event=power_modes_failed error=%s", error)
    return ()


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
        name=name,
        available=True,
        version=found["version"],
        formats=formats,
        providers=tuple(found["providers"]),
        interpreter=interpreter,
        options=tuple(found.get("options", ())),
    )
