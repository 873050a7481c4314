"""A complete submission directory of the open division from `bench --loadgen`, for MLCommons' own submission_checker.

    python benchmarks/mlperf_directory.py OUT [--seconds 600] [--scenarios single_stream multi_stream]
                                          [--checker FOLDER]   (tools/submission of a clone of mlcommons/inference)

The checker is on no package index, so it runs only where its folder is given: as it is, with no check skipped, as
`python -m submission_checker.main --input OUT/submission --version v6.1`. The digits classifier stands for the
benchmark `resnet` (model_mapping.json), which makes the checker want 50,000 samples in the accuracy test: the test set
of digits is repeated to that many. It is a test of forms and logs, and no submission.
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
DATA = ROOT / "controller/src/benchfleet/controller/demo/data"
MODEL = DATA / "digits-fp32.onnx"
VERSION = "v6.1"
DIVISION, SUBMITTER, SYSTEM, BENCHMARK = "open", "benchfleet", "host", "digits"
SAMPLES = 50_000
"""The data set of the benchmark that digits stands for."""
LEVELS = 16
"""Of a pixel in digits."""
NAMES = {"single_stream": "SingleStream", "multi_stream": "MultiStream"}
NOT_KNOWN = "not told"


def data_set(path: Path) -> None:
    """The test set of digits again and again, as bytes, which the declared scale makes what it was."""
    with np.load(DATA / "digits-test.npz") as held:
        x, labels = held["x"], held["labels"]
    index = np.arange(SAMPLES) % len(labels)
    levels = np.rint(x * LEVELS).astype(np.uint8)
    assert np.array_equal(levels / np.float32(LEVELS), x), "digits has 16 levels"
    about = {
        "schema": 1, "name": "digits-repeated", "task": "classification",
        "stored": {"layout": "NCHW", "channels": "gray"}, "wants": {"scale": 1 / LEVELS, "range": [0, 1]},
    }  # fmt: skip
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, array in (("x", levels[index]), ("labels", labels[index])):
            made = io.BytesIO()
            np.lib.format.write_array(made, np.ascontiguousarray(array))
            archive.writestr(f"{name}.npy", made.getvalue())
        archive.writestr("dataset.json", json.dumps(about))


def measure(scenario: str, data: Path, place: Path, seconds: int) -> None:
    """The performance and the accuracy test, and their logs where the rules want them."""
    logs = place / "logs"
    arguments = ["bench", str(MODEL), "--data", str(data), "--scenario", scenario]
    arguments += ["--loadgen", str(logs), "--loadgen-seconds", str(seconds)]
    print("$", " ".join(["benchfleet-agent", *arguments]), flush=True)
    done = subprocess.run([sys.executable, "-c", STARTED, *arguments], check=False)
    if done.returncode:
        raise SystemExit(f"bench ended with {done.returncode}")
    (place / "accuracy").mkdir(parents=True)
    for name in ("mlperf_log_summary.txt", "mlperf_log_detail.txt", "mlperf_log_accuracy.json", "accuracy.txt"):
        shutil.move(logs / "accuracy" / name, place / "accuracy" / name)
    truncate(place / "accuracy" / "mlperf_log_accuracy.json")
    run = place / "performance" / "run_1"
    run.mkdir(parents=True)
    for name in ("mlperf_log_summary.txt", "mlperf_log_detail.txt"):
        shutil.move(logs / name, run / name)
    shutil.move(logs / "user.conf", place / "user.conf")
    shutil.rmtree(logs)
    (place / "README.md").write_text("Made by benchfleet's benchmarks/mlperf_directory.py. Not a submission.\n")
    (place / "measurements.json").write_text(json.dumps(MEASUREMENTS, indent=2))


def truncate(log: Path) -> None:
    """To what may be sent, as truncate_accuracy_log.py does; its hash is in accuracy.txt already."""
    text = log.read_text()
    if len(text) > 2 * 4096:
        log.write_text(f"{text[:4096]}\n\n...\n\n{text[-4096:]}")


STARTED = "from benchfleet.agent.cli.main import main; main()"
MEASUREMENTS = {
    "input_data_types": "fp32", "retraining": "no", "starting_weights_filename": MODEL.name,
    "weight_data_types": "fp32", "weight_transformations": "none",
}  # fmt: skip


def system() -> dict[str, object]:
    """What the checker wants to know of a system, from the agent's inventory; what that does not tell says so."""
    from benchfleet.agent import probe

    found = probe.inventory()
    told = {
        "division": DIVISION, "submitter": SUBMITTER, "status": "RDI", "system_type": "edge",
        "system_type_detail": "edge server", "system_name": found.board, "number_of_nodes": 1,
        "host_processor_model_name": found.cpu_model, "host_processors_per_node": 1,
        "host_processor_core_count": found.cpu_count, "host_memory_capacity": f"{found.memory_bytes / 2**30:.0f} GiB",
        "framework": "ONNX Runtime", "operating_system": f"{found.os} {found.kernel}",
        "other_software_stack": f"benchfleet {found.agent_version}, Python {found.python}",
        "accelerators_per_node": 0, "accelerator_model_name": "none", "accelerator_memory_capacity": "none",
    }  # fmt: skip
    asked = (
        "host_storage_capacity host_storage_type host_processor_frequency host_processor_caches "
        "host_memory_configuration host_processor_interconnect host_networking host_networking_topology "
        "accelerator_frequency accelerator_host_interconnect accelerator_interconnect "
        "accelerator_interconnect_topology accelerator_memory_configuration accelerator_on-chip_memories cooling "
        "hw_notes sw_notes host_network_card_count"
    )
    told.update(dict.fromkeys(asked.split(), NOT_KNOWN))
    told["accelerators_per_node"] = "0"
    return told


def make(out: Path, scenarios: list[str], seconds: int) -> Path:
    """The directory; what was in it before is gone."""
    root = out / "submission"
    shutil.rmtree(root, ignore_errors=True)
    top = root / DIVISION / SUBMITTER
    for name in ("systems", "src", "documentation"):
        (top / name).mkdir(parents=True)
    (top / "src" / "README.md").write_text("benchfleet: benchmarks/mlperf_directory.py\n")
    (top / "documentation" / "calibration.md").write_text("No weights were quantised.\n")
    (top / "systems" / f"{SYSTEM}.json").write_text(json.dumps(system(), indent=2))
    (top / "model_mapping.json").write_text(json.dumps({BENCHMARK: "resnet"}))
    data_set(out / "digits-repeated.npz")
    for scenario in scenarios:
        place = top / "results" / SYSTEM / BENCHMARK / NAMES[scenario]
        measure(scenario, out / "digits-repeated.npz", place, seconds)
    return root


def main() -> None:
    """Makes the directory, and has it checked where the checker is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--seconds", type=int, default=600, help="of each performance test; the rules want 600")
    parser.add_argument("--scenarios", nargs="+", choices=list(NAMES), default=["single_stream", "multi_stream"])
    parser.add_argument("--checker", type=Path, help="the folder that holds the package submission_checker")
    parser.add_argument(
        "--python", default=sys.executable, help="for the checker, which needs pyyaml, numpy and pandas"
    )
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    root = make(asked.out.absolute(), asked.scenarios, asked.seconds)
    if asked.checker is None:
        print(f"{root}: made; --checker names the folder of MLCommons' submission_checker")
        return
    command = [asked.python, "-m", "submission_checker.main", "--input", str(root), "--version", VERSION]
    command += ["--csv", str(asked.out.absolute() / "summary.csv")]
    print("$", " ".join(command), flush=True)
    raise SystemExit(subprocess.run(command, cwd=asked.checker, check=False).returncode)


if __name__ == "__main__":
    main()
