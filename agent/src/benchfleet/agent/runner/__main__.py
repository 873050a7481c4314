"""Started by path, under whatever interpreter the runtime needs (a board's own Python, a vendor's environment).

    PYTHON .../agent/runner/__main__.py SPEC.json              measures, told what to do on stdin
    PYTHON .../agent/runner/__main__.py --probe NAME [FILE]    says on stdout whether a runtime is there

The packages benchfleet and benchfleet.agent are made up here, pointing at this tree, so that no search path of the
foreign interpreter changes and none of our dependencies is needed.
"""

import json
import os
import sys
import types


def _house() -> None:
    agent = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    for name, path in (("benchfleet", os.path.dirname(agent)), ("benchfleet.agent", agent)):
        module = types.ModuleType(name)
        module.__path__ = [path]
        sys.modules[name] = module
    del sys.path[0]  # the runner's own folder: its files must not shadow anybody's modules


def _probe(name: str, file: str) -> int:
    """What the runtime says of itself, as the last line of stdout: importing a library may print."""
    from benchfleet.agent.runner import house

    module = house.plugin("runtimes", name, file or None)
    said = {"formats": module.FORMATS, "options": house.options_of(module), **module.probe()._asdict()}
    print("\n" + json.dumps(said))
    return 0


def _measure(path: str) -> int:
    """Reads the spec, hardens the process, serves commands."""
    from benchfleet.agent.runner import process, serve

    with open(path) as file:
        spec = json.load(file)
    process.harden(int(spec["parent_pid"]), float(spec["alarm_s"]))
    handle = int(spec["event_fd"])
    os.set_inheritable(handle, False)  # what the model starts must not keep the pipe open
    with os.fdopen(handle, "w") as events:
        return serve.serve(spec, events)


def main() -> int:
    """One of the two."""
    _house()
    if sys.argv[1] == "--probe":
        return _probe(sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else "")
    return _measure(sys.argv[1])


if __name__ == "__main__":
    sys.exit(main())
