"""What ONNX Runtime's own operators (domain com.microsoft) give and multiply: their shapes are taught to the inference.

https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md. One entry an operator: how its outputs are
shaped, and how many multiply-accumulates it makes. An operator without an entry is unknown, and so are the counts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from onnx import AttributeProto, NodeProto, TensorProto, TypeProto, defs

DOMAIN = "com.microsoft"
Sizes = tuple[int, ...] | None
Shapes = Sequence[Sizes]
"""Of the inputs of a node; None where a shape is open or an input is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrib:
    """`shape` gives that of the first output; `type_of` is the input with its element type, or a type of its own."""

    shape: Callable[[Attributes, Shapes], Sizes]
    macs: Callable[[Attributes, Shapes, Sizes], int | None] = lambda _a, _s, _m: 0
    type_of: int = 0
    element_type: int | None = None
    same_as_first: tuple[int, ...] = ()


class Attributes:
    """The numbers among the attributes of a node, whoever shows it to us."""

    def __init__(self, get: Callable[[str], AttributeProto | None]) -> None:
        self._get = get

    def number(self, name: str, default: int = 0) -> int:
        """One whole number."""
        found = self._get(name)
        return default if found is None else int(found.i)

    def numbers(self, name: str) -> list[int]:
        """Several."""
        found = self._get(name)
        return [] if found is None else [int(i) for i in found.ints]

    def text(self, name: str) -> str:
        """A word."""
        found = self._get(name)
        return "" if found is None else found.s.decode("utf-8", "replace")


def attributes_of(node: NodeProto) -> Attributes:
    """Those of a node in a graph."""
    held = {a.name: a for a in node.attribute}
    return Attributes(held.get)


def _as_input(index: int = 0) -> Callable[[Attributes, Shapes], Sizes]:
    return lambda _, shapes: _at(shapes, index)


def _at(shapes: Shapes, index: int) -> Sizes:
    return shapes[index] if index < len(shapes) else None


def _broadcast(left: int, right: int) -> Callable[[Attributes, Shapes], Sizes]:
    def shape(_: Attributes, shapes: Shapes) -> Sizes:
        a, b = _at(shapes, left), _at(shapes, right)
        if a is None or b is None:
            return None
        rank = max(len(a), len(b))
        a, b = (1,) * (rank - len(a)) + a, (1,) * (rank - len(b)) + b
        return tuple(y if x == 1 else x for x, y in zip(a, b, strict=True))

    return shape


def _product(left: int, right: int) -> Contrib:
    """A MatMul of two inputs; transA and transB as FusedMatMul has them."""

    def oriented(attributes: Attributes, shapes: Shapes) -> tuple[Sizes, Sizes]:
        a, b = _at(shapes, left), _at(shapes, right)
        if a is None or b is None or len(a) < 2 or len(b) < 2:
            return None, None
        if attributes.number("transBatchA") or attributes.number("transBatchB"):
            return None, None
        if attributes.number("transA"):
            a = (*a[:-2], a[-1], a[-2])
        if attributes.number("transB"):
            b = (*b[:-2], b[-1], b[-2])
        return (a, b) if a[-1] == b[-2] else (None, None)

    def shape(attributes: Attributes, shapes: Shapes) -> Sizes:
        a, b = oriented(attributes, shapes)
        if a is None or b is None:
            return None
        batch = _broadcast(0, 1)(attributes, (a[:-2], b[:-2]))
        return None if batch is None else (*batch, a[-2], b[-1])

    def macs(attributes: Attributes, shapes: Shapes, made: Sizes) -> int | None:
        a, _ = oriented(attributes, shapes)
        return None if a is None or made is None else math.prod(made) * a[-1]

    return Contrib(shape=shape, macs=macs)


def _packed_shape(attributes: Attributes, shapes: Shapes) -> Sizes:
    given = _at(shapes, 0)
    return None if not given or given[-1] != attributes.number("K") else (*given[:-1], attributes.number("N"))


def _packed_macs(attributes: Attributes, _: Shapes, made: Sizes) -> int | None:
    return None if made is None else math.prod(made) * attributes.number("K")


def _pooled_to_one(attributes: Attributes, shapes: Shapes) -> Sizes:
    given = _at(shapes, 0)
    if given is None or len(given) < 3:
        return None
    ones = (1,) * (len(given) - 2)
    return (given[0], *ones, given[-1]) if attributes.number("channels_last") else (*given[:2], *ones)


def _concatenated(attributes: Attributes, shapes: Shapes) -> Sizes:
    parts = [shapes[i] for i in range(2, len(shapes), 3)]
    first = parts[0] if parts else None
    axis = attributes.number("axis")
    if first is None or not -len(first) <= axis < len(first):
        return None
    whole = list(first)
    whole[axis] = 0
    for part in parts:
        if part is None or len(part) != len(first):
            return None
        whole[axis] += part[axis]
    return tuple(whole)


def _convolved(attributes: Attributes, shapes: Shapes) -> Sizes:
    given, weight = _at(shapes, 0), _at(shapes, 1)
    if given is None or weight is None or len(given) != len(weight) or len(given) < 3:
        return None
    rank = len(given) - 2
    strides = attributes.numbers("strides") or [1] * rank
    dilations = attributes.numbers("dilations") or [1] * rank
    pads = attributes.numbers("pads") or [0] * 2 * rank
    if attributes.text("auto_pad") not in ("", "NOTSET", "VALID") or not len(pads) == 2 * len(strides) == 2 * rank:
        return None
    made = [
        (given[i + 2] + pads[i] + pads[i + rank] - dilations[i] * (weight[i + 2] - 1) - 1) // strides[i] + 1
        for i in range(rank)
    ]
    return (given[0], weight[0], *made) if min(made) > 0 else None


def _convolution_macs(_: Attributes, shapes: Shapes, made: Sizes) -> int | None:
    weight = _at(shapes, 1)
    return None if weight is None or made is None else math.prod(made) * math.prod(weight[1:])


def _attention_shape(attributes: Attributes, shapes: Shapes) -> Sizes:
    """[batch, steps, width of the values]; the projection of q, k and v is one matrix."""
    given, weight = _at(shapes, 0), _at(shapes, 1)
    if given is None or weight is None or len(given) != 3 or len(weight) != 2:
        return None
    widths = attributes.numbers("qkv_hidden_sizes") or [weight[1] // 3] * 3
    return (*given[:2], widths[2]) if len(widths) == 3 and sum(widths) == weight[1] else None


def _attention_macs(_: Attributes, shapes: Shapes, made: Sizes) -> int | None:
    """Projection, scores and their sum, masked places included; with a past of its own: unknown."""
    given, weight = _at(shapes, 0), _at(shapes, 1)
    if made is None or given is None or weight is None or len(shapes) > 4:
        return None
    batch, steps, width = given
    queries = (weight[1] - made[2]) // 2
    return batch * steps * (width * weight[1] + steps * (queries + made[2]))


def _heads_shape(_: Attributes, shapes: Shapes) -> Sizes:
    query, value = _at(shapes, 0), _at(shapes, 2)
    if query is None or value is None or len(query) != 3 or len(value) != 3:
        return None
    return (*query[:2], value[2])


def _heads_macs(_: Attributes, shapes: Shapes, made: Sizes) -> int | None:
    query, key = _at(shapes, 0), _at(shapes, 1)
    if made is None or query is None or key is None or len(key) != 3 or len(shapes) > 6:
        return None
    return query[0] * query[1] * key[1] * (query[2] + made[2])


def _embedded(_: Attributes, shapes: Shapes) -> Sizes:
    ids, table = _at(shapes, 0), _at(shapes, 2)
    return None if ids is None or table is None or len(table) != 2 else (*ids, table[1])


def _gemm() -> Contrib:
    product = _product(0, 3)
    return Contrib(shape=product.shape, macs=product.macs, type_of=8)


_ELEMENT_TYPES = [f"tensor({name.lower()})" for name, _ in TensorProto.DataType.items() if name != "UNDEFINED"]
_LIKE_INPUT = Contrib(shape=_as_input())
_PACKED = Contrib(shape=_packed_shape, macs=_packed_macs)
_NORMALISED = Contrib(shape=_as_input(), same_as_first=(3,))
_FLOATING = TensorProto.FLOAT

CONTRIB: dict[str, Contrib] = {
    **dict.fromkeys(
        ("Gelu", "FastGelu", "BiasGelu", "QuickGelu", "QLinearSigmoid", "QLinearLeakyRelu", "QLinearSoftmax",
         "SimplifiedLayerNormalization", "LayerNormalization", "BiasSoftmax", "RotaryEmbedding"), _LIKE_INPUT,
    ),
    **dict.fromkeys(("SkipLayerNormalization", "SkipSimplifiedLayerNormalization"), _NORMALISED),
    **dict.fromkeys(("QLinearAdd", "QLinearMul"), Contrib(shape=_broadcast(0, 3))),
    **dict.fromkeys(("MatMulNBits", "MatMulBnb4", "MatMulFpQ4"), _PACKED),
    "QuantizeLinear": Contrib(shape=_as_input(), type_of=2),
    "DequantizeLinear": Contrib(shape=_as_input(), type_of=1),
    "QLinearGlobalAveragePool": Contrib(shape=_pooled_to_one),
    "QLinearConcat": Contrib(shape=_concatenated, type_of=2),
    "EmbedLayerNormalization": Contrib(shape=_embedded, type_of=2),
    "FusedMatMul": _product(0, 1),
    "FusedGemm": _product(0, 1),
    "FusedConv": Contrib(shape=_convolved, macs=_convolution_macs),
    "QGemm": _gemm(),
    "DynamicQuantizeMatMul": _product(0, 1),
    "MatMulInteger16": Contrib(
        shape=_product(0, 1).shape, macs=_product(0, 1).macs, element_type=TensorProto.INT32
    ),
    "MatMulIntegerToFloat": Contrib(shape=_product(0, 1).shape, macs=_product(0, 1).macs, element_type=_FLOATING),
    "Attention": Contrib(shape=_attention_shape, macs=_attention_macs),
    "MultiHeadAttention": Contrib(shape=_heads_shape, macs=_heads_macs),
}  # fmt: skip


def teach() -> None:
    """Registers the shapes with the onnx package of this process, once."""
    for kind, contrib in CONTRIB.items():
        if not defs.has(kind, DOMAIN):
            schema = _schema(kind)
            schema.set_type_and_shape_inference_function(_inference(contrib))
            defs.register_schema(schema)


def _schema(kind: str) -> defs.OpSchema:
    many = defs.OpSchema.FormalParameterOption.Variadic
    formal = defs.OpSchema.FormalParameter
    return defs.OpSchema(
        kind,
        DOMAIN,
        1,
        inputs=[formal("inputs", "I", param_option=many, is_homogeneous=False)],
        outputs=[formal("outputs", "O", param_option=many, is_homogeneous=False)],
        type_constraints=[(name, _ELEMENT_TYPES, "any") for name in ("I", "O")],
    )


def _inference(contrib: Contrib) -> Callable[[Any], None]:
    def infer(context: Any) -> None:
        count = context.get_num_inputs()
        types = [context.get_input_type(i) if context.has_input(i) else None for i in range(count)]
        made = contrib.shape(Attributes(context.get_attribute), [_sizes_of(t) for t in types])
        source = types[contrib.type_of] if contrib.type_of < count else None
        element_type = contrib.element_type or (source.tensor_type.elem_type if source is not None else None)
        output = TypeProto()
        output.tensor_type.elem_type = element_type or _FLOATING
        if made is not None:
            for size in made:
                output.tensor_type.shape.dim.add(dim_value=size)
            output.tensor_type.shape.SetInParent()
        for index in (0, *contrib.same_as_first):
            if index < context.get_num_outputs():
                context.set_output_type(index, output)

    return infer


def _sizes_of(given: TypeProto | None) -> Sizes:
    if given is None or not given.tensor_type.HasField("shape"):
        return None
    dims = given.tensor_type.shape.dim
    sizes = tuple(d.dim_value for d in dims if d.HasField("dim_value") and d.dim_value >= 0)
    return sizes if len(sizes) == len(dims) else None


def contrib_macs(node: NodeProto, shapes: Shapes, made: Sizes) -> int | None:
    """Multiply-accumulates of a node with an entry; None where a shape is open."""
    return CONTRIB[node.op_type].macs(attributes_of(node), shapes, made)
