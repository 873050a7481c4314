"""What a model file itself says its input is fed: a range of numbers, which what was really fed is held against.

TFLite: NormalizationOptions of its metadata, (pixel - mean) / std of pixels from 0 to 255.
https://github.com/google-ai-edge/LiteRT/blob/main/tflite/experimental/litert/metadata (metadata_schema.fbs)
ONNX: Image.NominalPixelRange of its metadata. https://github.com/onnx/onnx/blob/main/docs/MetadataProps.md
Few files have either; what is not told checks nothing.
"""

import math
import mmap
import struct
from typing import Dict, List, Mapping, Optional, Tuple

from benchfleet.agent.runner.flatbuffer import Table, root_of

Range = Tuple[float, float]
PIXEL_MAX = 255.0
NAME = "TFLITE_METADATA"
_NORMALIZATION = 1
ONNX_KEY = "Image.NominalPixelRange"
ONNX_RANGES: Dict[str, Range] = {
    "NominalRange_0_255": (0.0, 255.0),
    "NominalRange_16_235": (16.0, 235.0),
    "Normalized_0_1": (0.0, 1.0),
    "Normalized_1_1": (-1.0, 1.0),
}


def by_onnx(metadata: Mapping[str, str]) -> Optional[Range]:
    """Of image inputs, by the properties of the file."""
    return ONNX_RANGES.get(metadata.get(ONNX_KEY, ""))


def by_tflite(path: str) -> List[Optional[Range]]:
    """Of each input in the order of the file; empty when it has no metadata."""
    try:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _of_model(root_of(data))
    except (OSError, struct.error, ValueError, IndexError):
        return []


def _of_model(model: Table) -> List[Optional[Range]]:
    """Model: buffers 4, metadata 6 (name 0, buffer 1); Buffer: data 0."""
    found = [entry.number(1, "I", 0) for entry in model.tables(6) if entry.text(0) == NAME]
    if not found:
        return []
    metadata = root_of(model.tables(4)[found[0]].held(0))
    (graph, *_) = metadata.tables(3)  # ModelMetadata: subgraph_metadata 3
    return [_of_input(tensor) for tensor in graph.tables(2)]  # SubGraphMetadata: input_tensor_metadata 2


def _of_input(tensor: Table) -> Optional[Range]:
    """TensorMetadata: process_units 4; ProcessUnit: options_type 0, options 1; NormalizationOptions: mean 0, std 1."""
    for unit in tensor.tables(4):
        options = unit.table(1)
        if unit.number(0, "B", 0) != _NORMALIZATION or options is None:
            continue
        means, stds = options.floats(0), options.floats(1)
        if not means or len(means) != len(stds) or min(stds) <= 0 or not all(map(math.isfinite, means + stds)):
            return None
        pairs = list(zip(means, stds))
        return min(-m / s for m, s in pairs), max((PIXEL_MAX - m) / s for m, s in pairs)
    return None
