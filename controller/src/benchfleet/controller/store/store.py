"""One writer thread with group commit, readers beside it; nothing of it on the event loop.

Functions handed to `write` share a transaction, each in a savepoint: one that fails undoes itself alone. Their futures
resolve after the commit, so what has been answered is on disk (WAL, synchronous=FULL). A commit that fails for I/O ends
the process: after a failed fsync nobody knows what is on disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError, OperationalError, SQLAlchemyError

from benchfleet.controller.store import migrate
from benchfleet.core.errors import StateError, UnreachableError

T = TypeVar("T")
log = logging.getLogger(__name__)

GROUP_MAX = 64
"""Functions in one transaction: bounds how long the first of them waits for the others."""
QUEUE_MAX = 10_000
BUSY_TIMEOUT_MS = 5_000
EXIT_IO_ERROR = 74


class Store:
    """Open it, use `read` and `write`, close it."""

    def __init__(self, folder: Path) -> None:
        """Opens or makes the data base in a state folder; StateError when it cannot be used or is in use."""
        self._lock = _exclusive(folder)
        self._path = folder / "state.db"
        self._queue: queue.Queue[_Write | None] = queue.Queue(QUEUE_MAX)
        try:
            self._engine = _engine(self._path)
            migrate.upgrade(self._engine)
        except (DatabaseError, OSError) as error:
            os.close(self._lock)
            raise StateError(
                f"state {self._path}: cannot be opened ({str(error).splitlines()[0]}); "
                "restore it from a backup or move it away"
            ) from error
        self._thread = threading.Thread(target=self._write_loop, name="store-writer", daemon=True)
        self._thread.start()

    async def write(self, fn: Callable[[Connection], T]) -> T:
        """Runs `fn` in a transaction on the writer thread; its result, after the commit."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        try:
            self._queue.put_nowait(_Write(fn, loop, future))
        except queue.Full:
            raise UnreachableError("the data base is busy; try again in a few seconds", reason="BUSY") from None
        return await future

    async def read(self, fn: Callable[[Connection], T]) -> T:
        """Runs `fn` on a thread of its own with a consistent view."""
        return await asyncio.to_thread(self._read, fn)

    def _read(self, fn: Callable[[Connection], T]) -> T:
        with self._engine.connect() as connection:
            return fn(connection)

    def close(self) -> None:
        """Finishes what was handed in, then lets go of the folder."""
        self._queue.put(None)
        self._thread.join(10)
        self._engine.dispose()
        os.close(self._lock)

    def _write_loop(self) -> None:
        while (first := self._queue.get()) is not None:
            group, ending = [first], False
            while len(group) < GROUP_MAX:
                try:
                    more = self._queue.get_nowait()
                except queue.Empty:
                    break
                if more is None:
                    ending = True
                    break
                group.append(more)
            self._commit(group)
            if ending:
                return

    def _commit(self, group: list[_Write]) -> None:
        try:
            with self._engine.connect() as connection, connection.begin():
                for write in group:
                    write.run(connection)
        except OperationalError as error:
            if "locked" in str(error) or "busy" in str(error):
                failure = UnreachableError("the data base is locked; try again in a few seconds", reason="BUSY")
                for write in group:
                    write.fail(failure)
                return
            log.critical("store event=commit_failed error=%s", str(error).splitlines()[0])
            os._exit(EXIT_IO_ERROR)
        except SQLAlchemyError as error:
            log.critical("store event=commit_failed error=%s", str(error).splitlines()[0])
            os._exit(EXIT_IO_ERROR)
        for write in group:
            write.resolve()


class _Write:
    """One function on its way to the disk and back."""

    def __init__(
        self, fn: Callable[[Connection], Any], loop: asyncio.AbstractEventLoop, future: asyncio.Future[Any]
    ) -> None:
        self._fn, self._loop, self._future = fn, loop, future
        self._value: Any = None
        self._error: BaseException | None = None

    def run(self, connection: Connection) -> None:
        try:
            with connection.begin_nested():
                self._value = self._fn(connection)
        except OperationalError:
            raise
        except Exception as error:
            self._error = error

    def resolve(self) -> None:
        if self._error is not None:
            self.fail(self._error)
        else:
            self._call(lambda: self._future.set_result(self._value))

    def fail(self, error: BaseException) -> None:
        self._call(lambda: self._future.set_exception(error))

    def _call(self, act: Callable[[], None]) -> None:
        def guarded() -> None:
            if not self._future.done():
                act()

        with contextlib.suppress(RuntimeError):  # the loop has closed: nobody waits any more
            self._loop.call_soon_threadsafe(guarded)


def _exclusive(folder: Path) -> int:
    """SQLite mode is one controller: a second on the same folder is refused."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StateError(
            f"state {folder}: cannot be written ({error.strerror}); choose another with --state"
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise StateError(
            f"state {folder}: another controller uses it; stop that one or choose another --state"
        ) from None
    return handle


def _engine(path: Path) -> Engine:
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": BUSY_TIMEOUT_MS / 1000})

    @event.listens_for(engine, "connect")
    def _connect(raw: Any, record: Any) -> None:
        raw.isolation_level = None  # we say BEGIN ourselves, so that savepoints work
        cursor = raw.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine
