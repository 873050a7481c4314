"""Trains the digits CNN and writes the six model files, the test set and ORIGIN.md that benchfleet ships.

    python -m venv venv && venv/bin/pip install -r requirements.txt && venv/bin/python make_models.py OUT_DIR

Calibration uses training images alone. Nothing is written when a variant falls below the floor of top-1.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import json
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

import litert_torch
import numpy as np
import onnxruntime as ort
import torch
from ai_edge_litert.interpreter import Interpreter
from ai_edge_quantizer import qtyping, quantizer, recipe
from network import CLASSES, SIDE_PX, Digits, load_data, train
from onnx import load, save
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from onnxruntime.transformers.float16 import convert_float_to_float16
from onnxruntime.transformers.onnx_model import OnnxModel

TOP1_FLOOR = 0.97
CALIBRATION_IMAGES = 256
SOURCE = "scikit-learn load_digits: test part of UCI Optical Recognition of Handwritten Digits, pixels repeated 4x4"
LICENSE = "CC BY 4.0 (UCI data), BSD-3-Clause (scikit-learn package)"


class TrainingImages(CalibrationDataReader):
    """Feeds training images, one by one, to the ONNX quantiser."""

    def __init__(self, images: np.ndarray) -> None:
        self._feeds = iter([{"x": image[None]} for image in images])

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The next feed, None at the end."""
        return next(self._feeds, None)


def write_onnx(net: torch.nn.Module, data: Digits, folder: Path) -> None:
    """digits-{fp32,fp16,int8}.onnx with a free axis `batch`."""
    fp32, prepared = folder / "digits-fp32.onnx", folder / "prepared.onnx"
    example = torch.zeros(1, 1, SIDE_PX, SIDE_PX)
    axes = {"x": {0: "batch"}, "logits": {0: "batch"}}
    torch.onnx.export(
        net, (example,), str(fp32), input_names=["x"], output_names=["logits"], dynamic_axes=axes, dynamo=False
    )
    half = OnnxModel(convert_float_to_float16(load(fp32), keep_io_types=True))
    half.topological_sort()  # the converter appends its casts at the end, which the ONNX checker refuses
    save(half.model, folder / "digits-fp16.onnx")
    quant_pre_process(str(fp32), str(prepared), skip_symbolic_shape=True)
    quantize_static(
        str(prepared),
        str(folder / "digits-int8.onnx"),
        TrainingImages(data.train_x[:CALIBRATION_IMAGES]),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        reduce_range=True,
        weight_type=QuantType.QInt8,
    )
    prepared.unlink()


def write_tflite(net: torch.nn.Module, data: Digits, folder: Path) -> None:
    """digits-{fp32,fp16,int8}.tflite, NHWC, batch 1; the int8 one has int8 input and output."""
    fp32 = folder / "digits-fp32.tflite"
    channel_last = litert_torch.to_channel_last_io(net, args=[0]).eval()
    litert_torch.convert(channel_last, (torch.zeros(1, SIDE_PX, SIDE_PX, 1),)).export(str(fp32))

    half = quantizer.Quantizer(str(fp32))
    half.update_quantization_recipe(
        regex=".*",
        operation_name=qtyping.TFLOperationName.ALL_SUPPORTED,
        op_config=qtyping.OpQuantizationConfig(
            weight_tensor_config=qtyping.TensorQuantizationConfig(num_bits=16, dtype=qtyping.TensorDataType.FLOAT),
        ),
        algorithm_key="float_casting",
    )
    half.quantize().export_model(str(folder / "digits-fp16.tflite"))

    full = quantizer.Quantizer(str(fp32))
    full.load_quantization_recipe(recipe.static_wi8_ai8())
    runner = Interpreter(str(fp32)).get_signature_runner()
    (name,) = runner.get_input_details()
    images = data.train_x[:CALIBRATION_IMAGES].transpose(0, 2, 3, 1)
    feeds = {"serving_default": [{name: np.ascontiguousarray(image[None])} for image in images]}
    full.quantize(full.calibrate(feeds)).export_model(str(folder / "digits-int8.tflite"))


def top1_onnx(path: Path, data: Digits) -> float:
    """Share of the test images whose largest logit is the label's."""
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (logits,) = session.run(None, {"x": data.test_x})
    return float((logits.argmax(1) == data.test_labels).mean())


def top1_tflite(path: Path, data: Digits) -> float:
    """The same through LiteRT, one image at a time, quantised as the input asks."""
    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    (given,), (made,) = interpreter.get_input_details(), interpreter.get_output_details()
    hits = 0
    for image, label in zip(data.test_x.transpose(0, 2, 3, 1), data.test_labels, strict=True):
        scale, zero_point = given["quantization"]
        if scale:
            image = np.clip(np.round(image / scale) + zero_point, -128, 127).astype(given["dtype"])
        interpreter.set_tensor(given["index"], image[None])
        interpreter.invoke()
        hits += int(interpreter.get_tensor(made["index"]).argmax() == label)
    return hits / len(data.test_labels)


def write_dataset(data: Digits, path: Path) -> None:
    """The labelled test set; the same bytes each time (fixed stamps inside the zip)."""
    about = {
        "schema": 1,
        "name": "digits-test",
        "task": "classification",
        "stored": {"layout": "NCHW", "channels": "gray", "dtype": "float32", "range": [0, 1]},
        "wants": {"range": [0, 1]},
        "classes": list(CLASSES),
        "license": LICENSE,
        "source": SOURCE,
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in (("x", data.test_x), ("labels", data.test_labels)):
            held = io.BytesIO()
            np.save(held, np.ascontiguousarray(array))
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), held.getvalue(), zipfile.ZIP_DEFLATED)
        archive.writestr(zipfile.ZipInfo("dataset.json"), json.dumps(about, indent=1), zipfile.ZIP_DEFLATED)


def origin(folder: Path, top1: dict[str, float], data: Digits) -> str:
    """The note of origin that lies beside the files."""
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}"
        for name in ("torch", "litert-torch", "ai-edge-quantizer", "onnx", "onnxruntime", "scikit-learn")
    )
    rows = []
    for path in sorted(folder.iterdir()):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        share = f"{top1[path.name]:.3f}" if path.name in top1 else "-"
        rows.append(f"| {path.name} | {path.stat().st_size:,} | {share} | `{digest}` |")
    return "\n".join(
        [
            "# Where these files come from",
            "",
            f"Made by `examples/digits/make_models.py` with {versions}.",
            "",
            f"Data: {SOURCE}. Licence: {LICENSE}.",
            f"{len(data.train_x)} images trained the network; the {len(data.test_x)} of digits-test.npz were held out,",
            f"from calibration too (the first {CALIBRATION_IMAGES} training images).",
            "The models: Apache-2.0, as benchfleet.",
            "",
            "| file | bytes | top-1 on the test set | sha256 |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


def main() -> None:
    """Makes everything in a scratch folder, checks it, then moves it to the folder named on the command line."""
    if len(sys.argv) != 2:
        raise SystemExit("usage: make_models.py OUT_DIR")
    out = Path(sys.argv[1])
    data = load_data()
    net = train(data)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_onnx(net, data, folder)
        write_tflite(net, data, folder)
        measure = {".onnx": top1_onnx, ".tflite": top1_tflite}
        top1 = {p.name: measure[p.suffix](p, data) for p in sorted(folder.iterdir())}
        write_dataset(data, folder / "digits-test.npz")
        note = origin(folder, top1, data)
        print(note)
        low = [name for name, share in top1.items() if share < TOP1_FLOOR]
        if low:
            raise SystemExit(f"make_models: {', '.join(low)} below {TOP1_FLOOR} top-1; nothing written")
        out.mkdir(parents=True, exist_ok=True)
        for path in folder.iterdir():
            shutil.copyfile(path, out / path.name)
        (out / "ORIGIN.md").write_text(note)


if __name__ == "__main__":
    main()
