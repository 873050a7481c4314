"""Bytes are visible whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchfleet.controller.blobs import BlobStore
from benchfleet.core.errors import ConflictError, DocumentError, NotFoundError, StateError

PAYLOAD = os.urandom(100_000)
DIGEST = hashlib.sha256(PAYLOAD).hexdigest()


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "blobs")


@pytest.mark.parametrize(
    "digest", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 63 + "\n", "0" * 4096, "\x1b[31m"]
)
def test_what_is_no_digest_is_refused_in_one_line(store: BlobStore, digest: str) -> None:
    for call in (store.size_of, store.held, store.open):
        with pytest.raises(DocumentError) as caught:
            call(digest)
        assert "\n" not in str(caught.value)
        assert "\x1b" not in str(caught.value)


def test_what_is_not_there_is_not_found(store: BlobStore) -> None:
    with pytest.raises(NotFoundError):
        store.open(DIGEST)


def test_bytes_with_another_digest_are_refused_and_removed(store: BlobStore) -> None:
    stage = store.begin(DIGEST, len(PAYLOAD))
    stage.append(0, b"x" * len(PAYLOAD))
    with pytest.raises(DocumentError, match="digest"):
        stage.commit()
    assert store.held(DIGEST) == (0, False)


def test_a_truncated_upload_is_not_visible_and_goes_on_from_there(store: BlobStore) -> None:
    stage = store.begin(DIGEST, len(PAYLOAD))
    stage.append(0, PAYLOAD[:1000])
    with pytest.raises(DocumentError, match="1000 of 100000"):
        stage.commit()
    assert store.size_of(DIGEST) is None
    assert store.held(DIGEST) == (1000, False)
    again = store.begin(DIGEST, len(PAYLOAD))
    assert again.held_bytes == 1000
    again.append(1000, PAYLOAD[1000:])
    again.commit()
    assert b"".join(store.chunks(DIGEST)) == PAYLOAD
    assert b"".join(store.chunks(DIGEST, 99_000)) == PAYLOAD[99_000:]


def test_a_gap_and_an_excess_are_refused(store: BlobStore) -> None:
    stage = store.begin(DIGEST, 10)
    with pytest.raises(DocumentError, match="0 bytes are held"):
        stage.append(5, b"abc")
    with pytest.raises(DocumentError, match="more bytes"):
        stage.append(0, b"a" * 11)
    stage.close()


def test_two_uploads_of_the_same_bytes_at_once_are_refused(store: BlobStore) -> None:
    stage = store.begin(DIGEST, 10)
    with pytest.raises(ConflictError):
        store.begin(DIGEST, 10)
    stage.close()
    store.begin(DIGEST, 10).close()


@pytest.mark.parametrize("size_bytes", [0, 2**60])
def test_sizes_out_of_bounds_are_refused(store: BlobStore, size_bytes: int) -> None:
    with pytest.raises(DocumentError):
        store.begin(DIGEST, size_bytes)
    store.begin(DIGEST, 1).close()


def test_an_abandoned_stage_is_collected_and_a_live_one_is_not(store: BlobStore) -> None:
    gone, live = hashlib.sha256(b"gone").hexdigest(), hashlib.sha256(b"live").hexdigest()
    store.begin(gone, 4).close()
    stage = store.begin(live, 4)
    assert store.collect(age_max_s=-1) == 1
    stage.append(0, b"live")
    stage.commit()
    assert store.size_of(live) == 4


def test_a_failed_fsync_shows_nothing_and_keeps_nothing(store: BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = store.begin(DIGEST, len(PAYLOAD))
    stage.append(0, PAYLOAD)

    def broken(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(StateError, match="Input/output error"):
        stage.commit()
    assert store.held(DIGEST) == (0, False)


def test_a_full_disk_is_a_clear_error_and_shows_nothing(tmp_path: Path) -> None:
    """RLIMIT_FSIZE in a child stands for the disk: the write fails in the kernel."""
    program = f"""
import resource, signal
from pathlib import Path
from benchfleet.controller.blobs import BlobStore
from benchfleet.core.errors import StateError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
store = BlobStore(Path({str(tmp_path)!r}))
stage = store.begin({DIGEST!r}, 100_000)
try:
    stage.append(0, b"x" * 100_000)
except StateError as error:
    print(error)
stage.close()
print(store.size_of({DIGEST!r}))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert "cannot be stored" in done.stdout
    assert done.stdout.splitlines()[-1] == "None"
