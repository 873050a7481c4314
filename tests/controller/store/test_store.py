"""What a write has answered is on disk, one failing write undoes itself alone, and a folder has one controller."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, insert, select
from sqlalchemy.exc import IntegrityError

from benchfleet.controller.store import Store
from benchfleet.controller.store import tables as t
from benchfleet.core.errors import StateError

WRITER = """
import asyncio, sys
from pathlib import Path
from sqlalchemy import insert
from benchfleet.controller.store import Store
from benchfleet.controller.store import tables as t

async def one(store, n):
    row = insert(t.device).values(name=f"d{n}", enrolled_utc_s=0.0)
    await store.write(lambda c: c.execute(row) and None)
    print(n, flush=True)

async def main():
    store = Store(Path(sys.argv[1]))
    for first in range(0, 1_000_000, 8):
        await asyncio.gather(*(one(store, n) for n in range(first, first + 8)))

asyncio.run(main())
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An open store in an empty folder."""
    made = Store(tmp_path / "state")
    yield made
    made.close()


def add(connection: Connection, name: str) -> str:
    connection.execute(insert(t.device).values(name=name, enrolled_utc_s=0.0))
    return name


def names(connection: Connection) -> list[str]:
    return list(connection.execute(select(t.device.c.name).order_by(t.device.c.name)).scalars())


def test_second_controller_on_a_folder_is_refused_in_one_line(tmp_path: Path, store: Store) -> None:
    with pytest.raises(StateError, match="another controller uses it") as refused:
        Store(tmp_path / "state")
    assert "\n" not in str(refused.value)


def test_corrupt_state_is_refused_in_one_line_and_lets_go_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(b"no data base " * 1000)
    for _ in range(2):  # the second would say "in use" if the first had kept the lock
        with pytest.raises(StateError, match="cannot be opened") as refused:
            Store(tmp_path)
        assert "\n" not in str(refused.value)


def test_folder_that_cannot_be_made_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="cannot be written"):
        Store(tmp_path / "file" / "state")


def test_failing_write_undoes_itself_and_not_its_neighbours(store: Store) -> None:
    held, release = threading.Event(), threading.Event()

    def wait(connection: Connection) -> None:
        held.set()
        assert release.wait(10)

    def half(connection: Connection) -> None:
        add(connection, "half")
        raise ValueError("changed its mind")

    async def scenario() -> list[object]:
        blocker = asyncio.create_task(store.write(wait))
        assert await asyncio.to_thread(held.wait, 10)
        writes = [
            asyncio.create_task(store.write(fn))
            for fn in (lambda c: add(c, "a"), half, lambda c: add(c, "a"), lambda c: add(c, "b"))
        ]
        await asyncio.sleep(0)  # the tasks have queued: they will share the next transaction
        release.set()
        await blocker
        return await asyncio.gather(*writes, return_exceptions=True)

    first, failed, twice, last = asyncio.run(scenario())
    assert (first, last) == ("a", "b")
    assert isinstance(failed, ValueError)
    assert isinstance(twice, IntegrityError)
    assert asyncio.run(store.read(names)) == ["a", "b"]


def test_read_sees_a_write_that_was_answered(store: Store) -> None:
    async def scenario() -> int:
        await store.write(lambda c: add(c, "a"))
        return await store.read(lambda c: c.execute(select(func.count()).select_from(t.device)).scalar_one())

    assert asyncio.run(scenario()) == 1


def test_cancelled_caller_does_not_stop_the_writer(store: Store) -> None:
    async def scenario() -> str:
        gone = asyncio.create_task(store.write(lambda c: add(c, "a")))
        await asyncio.sleep(0)
        gone.cancel()
        return await store.write(lambda c: add(c, "b"))

    assert asyncio.run(scenario()) == "b"


def test_commits_are_synced_and_foreign_keys_hold(store: Store) -> None:
    pragmas = asyncio.run(
        store.read(
            lambda c: tuple(
                c.exec_driver_sql(f"PRAGMA {p}").scalar_one() for p in ("journal_mode", "synchronous", "foreign_keys")
            )
        )
    )
    assert pragmas == ("wal", 2, 1)


@pytest.mark.parametrize("acknowledged", [1, 40, 200])
def test_rows_answered_before_kill_9_are_there_after_it(tmp_path: Path, acknowledged: int) -> None:
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    seen = [int(process.stdout.readline()) for _ in range(acknowledged)]
    os.kill(process.pid, signal.SIGKILL)
    # Not communicate(timeout=...): it reads the descriptor and forgets what readline has buffered.
    rest = process.stdout.read()
    process.wait(timeout=10)
    seen += [int(line) for line in rest.splitlines(keepends=True) if line.endswith("\n")]
    again = Store(tmp_path)
    try:
        there = set(asyncio.run(again.read(names)))
    finally:
        again.close()
    assert {f"d{n}" for n in seen} <= there


def test_commit_that_cannot_be_made_ends_the_process_and_answers_nothing(tmp_path: Path) -> None:
    script = (
        "import asyncio, sys\nfrom pathlib import Path\nfrom sqlalchemy import text\n"
        "from benchfleet.controller.store import Store\nstore = Store(Path(sys.argv[1]))\n"
        "def fill(c):\n"
        "    c.execute(text('PRAGMA max_page_count=1'))\n"
        "    for n in range(500):\n"
        '        c.execute(text("insert into audit (created_utc_s, actor, action, subject, detail) '
        "values (0, 'a', 'b', 'c', :d)\"), {'d': 'x' * 4000})\n"
        "asyncio.run(store.write(fill))\nprint('answered')\n"
    )
    ended = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, timeout=30)
    assert ended.returncode == 74
    assert "answered" not in ended.stdout
    with sqlite3.connect(tmp_path / "state.db") as raw:
        assert raw.execute("select count(*) from audit").fetchone() == (0,)
