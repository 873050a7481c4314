"""Tensors with or without numpy: item formats, conversion, and the npz data set (zip of npy, NEP 1)."""

import ast
import json
import mmap
import shutil
import struct
import sys
import tempfile
import zipfile
from array import array
from typing import Any, Dict, List, Optional, Sequence, Tuple

from benchfleet.agent.runner.contract import RuntimeFault, Tensor

FORMATS = {
    "float32": "f", "float64": "d", "float16": "e", "int8": "b", "uint8": "B", "int16": "h", "uint16": "H",
    "int32": "i", "uint32": "I", "int64": "q", "uint64": "Q", "bool": "?",
}  # fmt: skip
NPY_CODES = {
    "f4": "float32", "f8": "float64", "f2": "float16", "i1": "int8", "u1": "uint8", "i2": "int16", "u2": "uint16",
    "i4": "int32", "u4": "uint32", "i8": "int64", "u8": "uint64", "b1": "bool",
}  # fmt: skip
ARRAY_BYTES_MAX = 2 * 1024**3
"""Of one unpacked array: a zip bomb is refused by the size its directory states."""
READ_BYTES_MAX = 8 * 1024**2
"""Of an array that is read into memory; a larger one is mapped."""


def numpy() -> Any:
    """The library if the runtime brought it into this process, else None: nothing is imported for its sake."""
    return sys.modules.get("numpy")


def product(sizes: Sequence[int]) -> int:
    """Number of elements."""
    total = 1
    for size in sizes:
        total *= size
    return total


def item_bytes(dtype: str) -> int:
    """Bytes of one element."""
    return struct.calcsize("<" + FORMATS[dtype])


def values(tensor: Tensor) -> Sequence[float]:
    """The elements as Python numbers, dequantised when the tensor is quantised."""
    view = memoryview(tensor.data).cast("B")
    plain: Any
    if tensor.dtype == "float16":
        plain = struct.unpack("<%de" % product(tensor.shape), view)
    else:
        plain = view.cast(FORMATS[tensor.dtype])  # type: ignore[call-overload]
    if tensor.scale:
        scale, zero = tensor.scale, tensor.zero_point
        return [scale * (v - zero) for v in plain]
    return plain  # type: ignore[no-any-return]


def pack(dtype: str, numbers: Sequence[float]) -> bytes:
    """Numbers as little-endian bytes of a type; integers saturate."""
    code = FORMATS[dtype]
    if dtype in ("float32", "float64"):
        return array(code, numbers).tobytes()
    if dtype == "float16":
        return struct.pack("<%de" % len(numbers), *numbers)
    if dtype == "bool":
        return bytes(1 if v else 0 for v in numbers)
    bits = 8 * item_bytes(dtype)
    low, high = (0, 2**bits - 1) if dtype.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return array(code, [min(high, max(low, round(v))) for v in numbers]).tobytes()


class DataSet:
    """The arrays of an npz file; `labels` is None when there are none.

    Numbers are mapped, not read: from the file where it stores them, from an unpacked copy where it packs them. Of a
    data set of hundreds of megabytes only the sample that is fed is in the memory that is measured.
    """

    def __init__(self, path: str) -> None:
        try:
            self._path = path
            self._archive = zipfile.ZipFile(path)
            names = set(self._archive.namelist())
            self.about = json.loads(self._archive.read("dataset.json")) if "dataset.json" in names else {}
            if not isinstance(self.about, dict):
                raise ValueError("dataset.json is no object")
            arrays = {name[:-4]: self._array(name) for name in sorted(names) if name.endswith(".npy")}
        except (OSError, zipfile.BadZipFile, ValueError, KeyError, SyntaxError, struct.error) as error:
            raise RuntimeFault(
                "dataset_mismatch", "data set %s: not a readable npz file (%s)" % (path, error)
            ) from error
        labels = arrays.pop("labels", None)
        self.labels = None if labels is None else [int(v) for v in values(labels)]
        counts = {tensor.shape[0] if tensor.shape else 0 for tensor in arrays.values()}
        if len(counts) != 1 or 0 in counts:
            raise RuntimeFault("dataset_mismatch", "data set %s: its arrays need one equal, positive first axis" % path)
        self.samples = counts.pop()
        if self.labels is not None and len(self.labels) != self.samples:
            raise RuntimeFault("dataset_mismatch", "data set %s: as many labels as samples are needed" % path)
        named = self.section("reference_outputs")
        self.references = {str(name): arrays[array] for name, array in named.items() if array in arrays}
        self.arrays = {name: tensor for name, tensor in arrays.items() if name not in named.values()}

    def section(self, name: str) -> Dict[str, Any]:
        """A section of dataset.json; empty when it is not there."""
        found = self.about.get(name)
        return found if isinstance(found, dict) else {}

    def _array(self, name: str) -> Tensor:
        member = self._archive.getinfo(name)
        if member.file_size > ARRAY_BYTES_MAX:
            raise ValueError("%s is larger than %d bytes" % (name, ARRAY_BYTES_MAX))
        raw = self._bytes(member)
        if bytes(raw[:6]) != b"\x93NUMPY":
            raise ValueError("%s is not an npy array" % name)
        wide = raw[6] >= 2
        (length,) = struct.unpack_from("<I" if wide else "<H", raw, 8)
        start = 12 if wide else 10
        header = ast.literal_eval(bytes(raw[start : start + length]).decode("latin-1"))
        code, shape = str(header["descr"]), tuple(int(size) for size in header["shape"])
        if header["fortran_order"] or code[0] not in "<|" or code[1:] not in NPY_CODES:
            raise ValueError("%s: needs plain little-endian numbers in C order, not %s" % (name, code))
        tensor = Tensor(name[:-4], NPY_CODES[code[1:]], shape, raw[start + length :])  # type: ignore[arg-type]
        if len(tensor.data) != product(shape) * item_bytes(tensor.dtype):
            raise ValueError("%s is cut short" % name)
        return tensor

    def _bytes(self, member: zipfile.ZipInfo) -> memoryview:
        """The unpacked member: read when it is small, else mapped."""
        if member.file_size <= READ_BYTES_MAX:
            return memoryview(self._archive.read(member))
        if member.compress_type == zipfile.ZIP_STORED:
            with open(self._path, "rb") as file:
                file.seek(member.header_offset)
                head = file.read(30)
                name, extra = struct.unpack_from("<HH", head, 26)
                start = member.header_offset + 30 + name + extra
                mapped = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
                return mapped[start : start + member.file_size]
        with tempfile.TemporaryFile() as scratch, self._archive.open(member) as packed:
            shutil.copyfileobj(packed, scratch, 1024 * 1024)
            scratch.flush()
            return memoryview(mmap.mmap(scratch.fileno(), 0, access=mmap.ACCESS_READ))

    def array_for(self, input_name: str, only: bool) -> Tensor:
        """The array that feeds an input: by name, or the only one for the only input."""
        if input_name in self.arrays:
            return self.arrays[input_name]
        if only and len(self.arrays) == 1:
            return next(iter(self.arrays.values()))
        have = ", ".join(sorted(self.arrays))
        raise RuntimeFault(
            "dataset_mismatch",
            "the data set has no array %r for that input (it has: %s); rename it" % (input_name, have),
        )

    def sample_shapes(self) -> Tuple[Tuple[int, ...], ...]:
        """Of one sample of each array."""
        return tuple(tensor.shape[1:] for tensor in self.arrays.values())

    @property
    def layout(self) -> Optional[str]:
        """ "NCHW" or "NHWC" when the data set declares how its samples are stored."""
        declared = self.section("stored").get("layout", self.about.get("layout"))
        return declared if declared in ("NCHW", "NHWC") else None


def transpose_order(
    layout: Optional[str], sample: Tuple[int, ...], wanted: Tuple[int, ...]
) -> Optional[Tuple[int, ...]]:
    """How to permute the axes of one sample [C,H,W] or [H,W,C] so that it fits; None when it fits as it is."""
    if sample == wanted:
        return None
    orders: Dict[Optional[str], Tuple[int, int, int]] = {"NCHW": (1, 2, 0), "NHWC": (2, 0, 1)}
    order = orders.get(layout)
    if order is not None and len(sample) == 3 and tuple(sample[i] for i in order) == wanted:
        return order
    raise RuntimeFault(
        "dataset_mismatch",
        "samples of shape %s do not fit the model's input %s%s"
        % (list(sample), list(wanted), "" if layout else "; declare the data set's layout (NCHW or NHWC)"),
    )


def permute(numbers: Sequence[float], shape: Tuple[int, ...], order: Tuple[int, ...]) -> List[float]:
    """The elements of a three-axis array with its axes in another order."""
    strides = (shape[1] * shape[2], shape[2], 1)
    a, b, c = (range(0, shape[i] * strides[i], strides[i]) for i in order)
    return [numbers[i + j + k] for i in a for j in b for k in c]
