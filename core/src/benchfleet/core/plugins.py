"""Plug-in look-up: a file in the folder is a plug-in; third parties come by entry points.

A plug-in is a module. Its name is its file name, and that is also its config value and label value.
Third parties register `name = "their.module"` under the entry-point group of the folder, for example
`[project.entry-points."benchfleet.runtimes"]`.
"""

from __future__ import annotations

import importlib
import pkgutil
from importlib.metadata import entry_points
from types import ModuleType

from benchfleet.core.errors import NotFoundError


def names(package: str, group: str) -> list[str]:
    """The plug-ins of a folder and of an entry-point group, sorted; importing none of them."""
    folder = importlib.import_module(package)
    ours = {m.name for m in pkgutil.iter_modules(folder.__path__) if not m.name.startswith("_")}
    theirs = {e.name for e in entry_points(group=group)}
    return sorted(ours | theirs)


def load(package: str, group: str, name: str) -> ModuleType:
    """The module of one plug-in; NotFoundError names those that exist."""
    folder = importlib.import_module(package)
    if not name.startswith("_") and any(m.name == name for m in pkgutil.iter_modules(folder.__path__)):
        return importlib.import_module(f"{package}.{name}")
    for entry in entry_points(group=group):
        if entry.name == name:
            module = entry.load()
            if not isinstance(module, ModuleType):
                raise NotFoundError(f"plug-in {name!r} of {group}: its entry point must name a module")
            return module
    known = ", ".join(names(package, group))
    raise NotFoundError(f"no plug-in {name!r} in {group}; there are: {known}")


def load_all(package: str, group: str) -> dict[str, ModuleType]:
    """Every plug-in by name."""
    return {name: load(package, group, name) for name in names(package, group)}
