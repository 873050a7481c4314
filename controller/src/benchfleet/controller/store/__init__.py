"""The controller's state in rows: the truth that survives a kill -9."""

from benchfleet.controller.store.store import Store

__all__ = ["Store"]
