"""Started by path: `PYTHON .../agent/runner/__main__.py SPEC.json`, under whatever interpreter the runtime needs.

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


def main() -> int:
    """Reads the spec, hardens the process, serves commands."""
    _house()
    from benchfleet.agent.runner import process, serve

    with open(sys.argv[1]) as file:
        spec = json.load(file)
    process.harden(int(spec["parent_pid"]), float(spec["alarm_s"]))
    with os.fdopen(int(spec["event_fd"]), "w") as events:
        return serve.serve(spec, events)


if __name__ == "__main__":
    sys.exit(main())
