"""A data set that is pushed: a file as it is, a folder packed into one; every fault is told before a byte is sent."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchfleet.controller.client.local_file import regular_file
from benchfleet.core.datasets import archive, validation
from benchfleet.core.datasets.validation import Facts
from benchfleet.core.errors import DocumentError


def read_dataset(path: Path, shown: Path | None = None) -> Facts:
    """The facts of a data set file, called `shown` by the user; DatasetError with every fault when it is none."""
    regular_file(path, "data set")
    return validation.checked(path, shown=shown)


@contextmanager
def packed(path: Path) -> Iterator[Path]:
    """The file itself, or a folder packed into a file that is gone afterwards."""
    if not path.is_dir():
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="benchfleet-dataset-") as scratch:
        target = Path(scratch) / "dataset.npz"
        try:
            archive.pack(path, target)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else error
            raise DocumentError(f"data set {path}: {why}; {validation.HOW}") from error
        yield target
