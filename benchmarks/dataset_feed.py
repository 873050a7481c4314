"""What feeding a data set costs: 224x224x3 floats, declared steps, with the numpy of the runtime and in plain Python.

Sides take turns, sample by sample; the ratio is the median of the turns. The second line is one pass over 1,000 samples
as the runner makes it after the timing: map the file, prepare, and look for NaN in outputs of 1,000 classes.

    python benchmarks/dataset_feed.py [--samples 1000]
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import zipfile
from pathlib import Path
from statistics import median

import numpy as np

from benchfleet.agent.runner import outputs, preprocess
from benchfleet.agent.runner.contract import Tensor, TensorSpec
from benchfleet.agent.runner.preprocess import Preparation
from benchfleet.agent.runner.tensors import DataSet

ABOUT = {
    "schema": 1, "task": "classification", "stored": {"layout": "NHWC", "channels": "RGB"},
    "wants": {"channels": "BGR", "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "layout": "NCHW"},
}  # fmt: skip
TURNS = 5


def make(path: Path, samples: int) -> None:
    """Random images, stored as np.savez stores them."""
    np.savez(path, x=np.random.default_rng(0).random((samples, 224, 224, 3), np.float32))
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("dataset.json", json.dumps(ABOUT))


def timed(made: Preparation, i: int, with_numpy: bool) -> float:
    """Seconds of one sample."""
    preprocess.numpy = (lambda: np) if with_numpy else (lambda: None)
    started = time.perf_counter()
    made.sample(i)
    return time.perf_counter() - started


def main() -> None:
    """Both lines."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=1000)
    samples = parser.parse_args().samples
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "images.npz"
        make(path, samples)
        started = time.perf_counter()
        data = DataSet(str(path))
        opened_s = time.perf_counter() - started
        spec = TensorSpec("x", "float32", (1, 3, 224, 224))
        made = Preparation(spec, data.array_for("x", True), (1, 3, 224, 224), ABOUT, only=True)
        pairs = [(timed(made, i, False), timed(made, i, True)) for i in range(min(TURNS, samples))]
        ratio = median(slow / fast for slow, fast in pairs)
        print(f"plain Python / numpy per sample: x{ratio:.0f}")
        scores = np.random.default_rng(1).random((1, 1000), np.float32).tobytes()
        started = time.perf_counter()
        for i in range(samples):
            made.sample(i)
            row = outputs.numbers(Tensor("y", "float32", (1, 1000), scores))
            outputs.odd(row)
            outputs.best(row)
        print(
            f"{samples} samples: opened in {opened_s:.3f} s, fed and looked at in {time.perf_counter() - started:.1f} s"
        )


if __name__ == "__main__":
    main()
