"""Counts of tiny TFLite graphs against figures worked out by hand; what is not known is null, never 0."""

import numpy as np
import pytest

from benchfleet.controller.inspection import tflite_file
from tests.support.tflite_models import Builder, Graph, fb


def ones(*shape, dtype=np.float32):
    return np.ones(shape, dtype)


def facts_of(b, path, inputs, outputs):
    return tflite_file.read(b.write(path / "m.tflite", inputs, outputs), {})


CASES = {
    # kind: (input, weight, output, macs)
    "CONV_2D": ([1, 8, 8, 4], (6, 3, 3, 4), [1, 6, 6, 6], 6 * 6 * 6 * 3 * 3 * 4),
    "CONV_2D of 2 groups": ([1, 8, 8, 4], (6, 3, 3, 2), [1, 6, 6, 6], 6 * 6 * 6 * 3 * 3 * 2),
    "DEPTHWISE_CONV_2D": ([1, 8, 8, 4], (1, 3, 3, 8), [1, 6, 6, 8], 6 * 6 * 8 * 3 * 3),
    "FULLY_CONNECTED": ([2, 4], (3, 4), [2, 3], 2 * 3 * 4),
    "CONV_3D": ([1, 5, 5, 5, 2], (3, 3, 3, 2, 4), [1, 3, 3, 3, 4], 3**3 * 4 * 3**3 * 2),
}


@pytest.mark.parametrize("case", CASES)
def test_layers_with_a_weight(case, tmp_path):
    given, weight, made, macs = CASES[case]
    b = Builder()
    x, w, y = b.tensor(given), b.constant(ones(*weight)), b.tensor(made)
    b.operator(case.split()[0], [x, w], [y])
    facts = facts_of(b, tmp_path, [x], [y])
    assert facts.macs.value == macs
    assert facts.parameters.value == np.prod(weight)


@pytest.mark.parametrize(
    ("kind", "weight", "given", "made", "macs"),
    [
        ("TRANSPOSE_CONV", (6, 2, 2, 4), [1, 5, 5, 4], [1, 10, 10, 6], 25 * 4 * 2 * 2 * 6),
        ("CONV_3D_TRANSPOSE", (3, 3, 3, 3, 2), [1, 3, 3, 3, 2], [1, 5, 5, 5, 3], 27 * 2 * 27 * 3),
    ],
)
def test_a_transposed_convolution_counts_from_its_input_and_its_first_operand_is_a_shape(
    kind, weight, given, made, macs, tmp_path
):
    b = Builder()
    shape, w = b.constant(np.array(made, np.int32)), b.constant(ones(*weight))
    x, y = b.tensor(given), b.tensor(made)
    b.operator(kind, [shape, w, x], [y])
    facts = facts_of(b, tmp_path, [x], [y])
    assert facts.macs.value == macs
    assert facts.parameters.value == np.prod(weight)


@pytest.mark.parametrize("adj_x", [False, True])
@pytest.mark.parametrize("adj_y", [False, True])
def test_a_product_of_activations_may_read_either_side_transposed(adj_x, adj_y, tmp_path):
    options = fb.BatchMatMulOptionsT()
    options.adjX, options.adjY = adj_x, adj_y
    b = Builder()
    x, z = b.tensor([2, 7, 3] if adj_x else [2, 3, 7]), b.tensor([2, 5, 7] if adj_y else [2, 7, 5])
    y = b.tensor([2, 3, 5])
    b.operator("BATCH_MATMUL", [x, z], [y], options=(fb.BuiltinOptions.BatchMatMulOptions, options))
    facts = facts_of(b, tmp_path, [x, z], [y])
    assert facts.macs.value == 2 * 3 * 5 * 7
    assert facts.parameters.value == 0


def test_an_int8_layer_counts_its_int32_bias(tmp_path):
    b = Builder()
    x, y = b.tensor([1, 4]), b.tensor([1, 3])
    b.operator("FULLY_CONNECTED", [x, b.constant(ones(3, 4, dtype=np.int8)), b.constant(ones(3, dtype=np.int32))], [y])
    facts = facts_of(b, tmp_path, [x], [y])
    assert (facts.parameters.value, facts.weight_bytes.value, facts.precision) == (15, 12 + 12, "int8")


def test_int4_packs_two_values_in_a_byte(tmp_path):
    b = Builder()
    x, y = b.tensor([1, 4]), b.tensor([1, 3])
    w = b.constant(ones(6, dtype=np.uint8), kind=fb.TensorType.INT4, shape=(3, 4))
    b.operator("FULLY_CONNECTED", [x, w], [y])
    facts = facts_of(b, tmp_path, [x], [y])
    assert (facts.parameters.value, facts.weight_bytes.value, facts.precision) == (12, 6, "int4")


def test_shares_are_by_bytes_and_by_count(tmp_path):
    b = Builder()
    x, h, y = b.tensor([1, 4]), b.tensor([1, 4]), b.tensor([1, 1])
    b.operator("FULLY_CONNECTED", [x, b.constant(ones(4, 4, dtype=np.int8))], [h])
    b.operator("FULLY_CONNECTED", [h, b.constant(ones(1, 4))], [y])
    facts = facts_of(b, tmp_path, [x], [y])
    assert facts.precision_shares == {"int8": 0.5, "fp32": 0.5}  # 16 bytes each
    assert facts.precision_shares_by_count == {"int8": 0.8, "fp32": 0.2}


def test_weights_behind_the_flatbuffer_and_shared_buffers_count_once(tmp_path):
    b = Builder()
    x, y, z = b.tensor([1, 4]), b.tensor([1, 3]), b.tensor([1, 3])
    w = b.constant(ones(3, 4), outside=True)
    b.operator("FULLY_CONNECTED", [x, w], [y])
    b.operator("FULLY_CONNECTED", [x, b.constant(ones(3, 4), buffer=1)], [z])
    facts = facts_of(b, tmp_path, [x], [y, z])
    assert (facts.parameters.value, facts.weight_bytes.value, facts.macs.value) == (12, 48, 24)


def test_a_sparse_weight_counts_by_its_values_and_its_work_is_unknown(tmp_path):
    b = Builder()
    x, y = b.tensor([1, 4]), b.tensor([1, 3])
    w = b.constant(ones(5), shape=(3, 4))
    sparsity, sizes = fb.SparsityParametersT(), []
    for size in (3, 4):
        dimension = fb.DimensionMetadataT()
        dimension.format, dimension.denseSize = 0, size
        sizes.append(dimension)
    sparsity.traversalOrder, sparsity.dimMetadata = [0, 1], sizes
    b.graphs[0].tensors[w].sparsity = sparsity
    b.operator("FULLY_CONNECTED", [x, w], [y])
    facts = facts_of(b, tmp_path, [x], [y])
    assert facts.parameters.value == 5
    assert facts.macs.value is None
    assert "sparse" in facts.macs.reason


def test_a_sequence_lstm_multiplies_at_every_step_and_its_states_are_no_weights(tmp_path):
    # batch 2, 7 steps, input 3, hidden 5; four gates.
    b = Builder()
    x, y = b.tensor([2, 7, 3]), b.tensor([2, 7, 5])
    wide, recurrent = ([b.constant(ones(5, n)) for _ in range(4)] for n in (3, 5))
    biases = [b.constant(ones(5)) for _ in range(4)]
    states = [b.tensor([2, 5], variable=True) for _ in range(2)]
    b.operator("UNIDIRECTIONAL_SEQUENCE_LSTM", [x, *wide, *recurrent, -1, -1, -1, *biases, -1, -1, *states], [y])
    facts = facts_of(b, tmp_path, [x], [y])
    assert facts.macs.value == 2 * 7 * 4 * 5 * (3 + 5)
    assert facts.parameters.value == 4 * 5 * (3 + 5) + 4 * 5


def test_a_state_of_zeros_is_no_parameter_and_the_graph_that_sets_it_runs_once(tmp_path):
    b = Builder()
    b.graphs.append(Graph())
    handle = b.tensor([], kind=fb.TensorType.RESOURCE, graph=1)
    b.operator("VAR_HANDLE", [], [handle], graph=1)
    b.operator("ASSIGN_VARIABLE", [handle, b.constant(np.zeros((1, 40), np.float32), graph=1)], [], graph=1)
    x, y = b.tensor([1, 4]), b.tensor([1, 3])
    b.operator("CALL_ONCE", [], [])
    b.operator("FULLY_CONNECTED", [x, b.constant(ones(3, 4))], [y])
    facts = facts_of(b, tmp_path, [x], [y])
    assert (facts.parameters.value, facts.macs.value, facts.subgraphs) == (12, 12, 2)


def composite(index):
    options = fb.StableHLOCompositeOptionsT()
    options.name, options.decompositionSubgraphIndex, options.compositeAttributes = "odml.x", index, []
    return ("2", fb.BuiltinOptions2.StableHLOCompositeOptions, options)


def test_a_composite_counts_what_it_stands_for(tmp_path):
    b = Builder()
    b.graphs.append(Graph())
    inner, result = b.tensor([1, 4], graph=1), b.tensor([1, 3], graph=1)
    b.operator("FULLY_CONNECTED", [inner, b.constant(ones(3, 4), graph=1)], [result], graph=1)
    b.graphs[1].inputs, b.graphs[1].outputs = [inner], [result]
    x, y = b.tensor([1, 4]), b.tensor([1, 3])
    b.operator("STABLEHLO_COMPOSITE", [x], [y], options=composite(1))
    assert facts_of(b, tmp_path, [x], [y]).macs.value == 12


def test_a_composite_of_itself_is_unknown_not_endless(tmp_path):
    b = Builder()
    x, y = b.tensor([1, 4]), b.tensor([1, 4])
    b.operator("STABLEHLO_COMPOSITE", [x], [y], options=composite(0))
    assert facts_of(b, tmp_path, [x], [y]).macs.value is None


@pytest.mark.parametrize(
    "kind",
    [
        "STABLEHLO_DOT_GENERAL",
        "STABLEHLO_CONVOLUTION",
        "STABLEHLO_CUSTOM_CALL",
        "WHILE",
        "IF",
        "DELEGATE",
        "RFFT2D",
        250,
    ],
)
def test_an_operator_that_is_not_counted_is_named_and_never_0(kind, tmp_path):
    b = Builder()
    x, y = b.tensor([1, 4]), b.tensor([1, 4])
    b.operator(kind, [x], [y])
    macs = facts_of(b, tmp_path, [x], [y]).macs
    assert macs.value is None
    assert str(kind) in macs.reason


def test_the_operator_of_the_edge_tpu_hides_weights_and_work(tmp_path):
    b = Builder()
    x, y = b.tensor([1, 4]), b.tensor([1, 4])
    b.operator("CUSTOM", [x], [y], custom="edgetpu-custom-op")
    facts = facts_of(b, tmp_path, [x], [y])
    assert facts.custom_operators == ("edgetpu-custom-op",)
    assert facts.macs.value is facts.parameters.value is facts.weight_bytes.value is None


def test_a_weight_of_a_type_that_is_newer_than_the_reader_makes_parameters_unknown(tmp_path):
    b = Builder()
    x, y = b.tensor([1, 4]), b.tensor([1, 3])
    b.operator("FULLY_CONNECTED", [x, b.constant(ones(12, dtype=np.uint8), kind=99, shape=(3, 4))], [y])
    facts = facts_of(b, tmp_path, [x], [y])
    assert facts.parameters.value is None
    assert "type 99" in facts.parameters.reason


@pytest.mark.parametrize(
    ("given", "weight", "made"), [([1, 5], (3, 4), [1, 3]), ([1, 4], (3, 4), [1, 2]), ([2**30, 2**30], (3, 4), [1, 3])]
)
def test_sizes_that_do_not_fit_each_other_are_unknown(given, weight, made, tmp_path):
    b = Builder()
    x, y = b.tensor(given), b.tensor(made)
    b.operator("FULLY_CONNECTED", [x, b.constant(ones(*weight))], [y])
    assert facts_of(b, tmp_path, [x], [y]).macs.value is None


def test_an_open_axis_inside_is_unknown_and_an_open_batch_is_one(tmp_path):
    b = Builder()
    x, y = b.tensor([1, 1, 4], signature=[-1, -1, 4]), b.tensor([1, 1, 3], signature=[-1, -1, 3])
    b.operator("FULLY_CONNECTED", [x, b.constant(ones(3, 4))], [y])
    facts = facts_of(b, tmp_path, [x], [y])
    assert facts.macs.value is facts.peak_activation_bytes.value is None
    assert facts.counted_with == {"t0": (1, None, 4)}
