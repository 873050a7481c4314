"""Writes digits-fp32.pte, the digits classifier for ExecuTorch (XNNPACK), with the weights of digits-fp32.onnx.

    python -m venv venv && venv/bin/pip install -r requirements-executorch.txt
    venv/bin/python make_executorch.py DATA_DIR

DATA_DIR holds digits-fp32.onnx and digits-test.npz. The weights are taken from the ONNX file, not trained again, so
that the two are one model in two formats. Nothing is written when they do not agree on the test set.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
from executorch.exir import to_edge_transform_and_lower
from executorch.runtime import Runtime
from network import SIDE_PX, DigitsNet
from onnx import numpy_helper
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

AGREE = 1e-4
"""Largest difference of a logit, of about 10: both compute in float32, in another order."""


def fused(net: nn.Module) -> nn.Module:
    """The same network with each batch normalisation folded into the convolution before it, as in the ONNX file."""
    for child in net.modules():
        if isinstance(child, nn.Sequential) and len(child) >= 2 and isinstance(child[1], nn.BatchNorm2d):
            child[0] = fuse_conv_bn_eval(child[0], child[1])
            child[1] = nn.Identity()
    return net


def take_weights(net: nn.Module, path: Path) -> None:
    """Copies weights and biases, layer by layer in the order of computation."""
    graph = onnx.load(path).graph
    held = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    layers = [m for m in net.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    nodes = [n for n in graph.node if n.op_type in ("Conv", "Gemm")]
    for layer, node in zip(layers, nodes, strict=True):
        for own, name in ((layer.weight, node.input[1]), (layer.bias, node.input[2])):
            own.data.copy_(torch.from_numpy(held[name].copy()).reshape(own.shape))


def main() -> None:
    """Makes the file in a scratch folder, compares it with the ONNX file on the test set, then moves it."""
    if len(sys.argv) != 2:
        raise SystemExit("usage: make_executorch.py DATA_DIR")
    folder = Path(sys.argv[1])
    net = fused(DigitsNet().eval())
    take_weights(net, folder / "digits-fp32.onnx")
    example = (torch.zeros(1, 1, SIDE_PX, SIDE_PX),)
    lowered = to_edge_transform_and_lower(torch.export.export(net, example), partitioner=[XnnpackPartitioner()])
    data = np.load(folder / "digits-test.npz")
    session = ort.InferenceSession(str(folder / "digits-fp32.onnx"), providers=["CPUExecutionProvider"])
    (wanted,) = session.run(None, {"x": data["x"]})
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch) / "digits-fp32.pte"
        made.write_bytes(lowered.to_executorch().buffer)
        method = Runtime.get().load_program(made).load_method("forward")
        found = np.concatenate([method.execute([torch.from_numpy(x[None])])[0].numpy() for x in data["x"]])
        worst = float(np.abs(found - wanted).max())
        top1 = float((found.argmax(1) == data["labels"]).mean())
        print(f"{made.name}: {made.stat().st_size:,} bytes, top-1 {top1:.3f}, largest difference {worst:.2g}")
        if worst > AGREE:
            raise SystemExit(f"make_executorch: differs from the ONNX file by {worst:g}; nothing written")
        (folder / made.name).write_bytes(made.read_bytes())


if __name__ == "__main__":
    main()
