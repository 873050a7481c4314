"""Vendor libraries of a device."""

from __future__ import annotations

import importlib
from typing import Any, NoReturn


class Importable:
    """What this interpreter has."""

    def load(self, name: str) -> Any:
        """The module; ImportError for whatever its import does: some print and raise KeyError without their driver."""
        try:
            return importlib.import_module(name)
        except ImportError:
            raise
        except Exception as error:
            raise ImportError(f"{name} does not load: {type(error).__name__}: {error}") from error


class NoLibraries:
    """None can be asked, for the reason given."""

    def __init__(self, why: str) -> None:
        self._why = why

    def load(self, name: str) -> NoReturn:
        """ImportError."""
        raise ImportError(f"{name}: {self._why}")
