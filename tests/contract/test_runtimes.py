"""Every runtime plug-in keeps the contract; a new file is walked without being listed anywhere."""

import ast
from pathlib import Path

import numpy as np
import pytest

from benchfleet.agent import probe
from benchfleet.agent.runner.contract import Available, Options, RuntimeFault, Tensor, Unavailable
from benchfleet.core import plugins

DATA = Path(__file__).parents[2] / "controller/src/benchfleet/controller/demo/data"
RUNTIMES = plugins.load_all(probe.RUNTIMES, probe.GROUP)


@pytest.mark.parametrize("name", RUNTIMES)
def test_a_runtime_says_whether_it_is_there_and_what_it_loads(name):
    module = RUNTIMES[name]
    found = module.probe()
    assert isinstance(found, (Available, Unavailable))
    assert module.FORMATS
    assert callable(module.load)
    if isinstance(found, Unavailable):
        assert "install" in found.why


@pytest.mark.parametrize("name", RUNTIMES)
def test_a_runtime_file_imports_its_vendor_only_inside_its_functions(name):
    tree = ast.parse(Path(RUNTIMES[name].__file__).read_text())
    tops = {a.name.split(".")[0] for n in tree.body if isinstance(n, ast.Import) for a in n.names}
    tops |= {n.module.split(".")[0] for n in tree.body if isinstance(n, ast.ImportFrom)}
    assert not tops & {"numpy", "onnxruntime", "ai_edge_litert", "tflite_runtime", "openvino", "torch", "tensorrt"}


def test_every_runtime_is_in_the_inventory():
    assert {r.name for r in probe.runtimes()} == set(RUNTIMES)


def _model(dtype, shape):
    from onnx import helper

    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    ends = [helper.make_tensor_value_info(name, kind, shape) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", ends[:1], ends[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    return model.SerializeToString()


@pytest.mark.parametrize("shape", [[], [2], ["batch", 3], ["batch", None]])
@pytest.mark.parametrize("dtype", ["float32", "float16", "int64", "uint8", "bool", "float64"])
def test_onnxruntime_gives_every_feed_back_and_keeps_its_outputs(dtype, shape):
    onnxruntime = RUNTIMES["onnxruntime"]
    session = onnxruntime.load(_model(dtype, shape), Options(1, 2, {}))
    sizes = [s if isinstance(s, int) else 2 for s in shape]
    for i in range(3):
        array = np.asarray(np.ones(sizes) * (i % 2), dtype)
        session.prepare([Tensor("x", dtype, tuple(sizes), array.tobytes())])
        session.run()
        (out,) = session.outputs()
        assert (out.dtype, out.shape, out.data) == (dtype, tuple(sizes), array.tobytes())
    session.close()


@pytest.mark.parametrize("name", [n for n, m in RUNTIMES.items() if hasattr(m, "smallest")])
def test_the_smallest_model_of_a_runtime_runs(name):
    if isinstance(RUNTIMES[name].probe(), Unavailable):
        pytest.skip("the library is not installed here; make test-engines has it")
    session = RUNTIMES[name].smallest(Options(1, 8, {}))
    session.run()
    assert session.outputs()


@pytest.mark.parametrize("name", [n for n, m in RUNTIMES.items() if hasattr(m, "profile")])
def test_a_profile_tells_every_execution_but_the_first_and_what_it_ran_on(name):
    module = RUNTIMES[name]
    if isinstance(module.probe(), Unavailable):
        pytest.skip("the library is not installed here; make test-engines has it")
    session = module.profile(str(DATA / "digits-int8.onnx"), Options(1, 1, {}))
    session.prepare([Tensor("x", "float32", (1, 1, 32, 32), bytes(4096))])
    for _ in range(4):
        session.run()
    found = session.operators()
    assert {len(o.spent_us) for o in found} == {3}
    assert {o.provider for o in found} == set(session.facts["placement"]["nodes"])
    assert any("conv" in o.kind.lower() for o in found)
    session.close()


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_weights_in_the_model_s_folder_are_let_in_and_a_link_out_of_it_is_not(tmp_path, name):
    vet = RUNTIMES[name].vet
    entry = b"\x0a\x08location\x12\x07weights"
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "model.onnx").write_bytes(b"\x08\x08" + entry)
    with pytest.raises(RuntimeFault, match="did not come with the model"):
        vet(str(tmp_path / "m" / "model.onnx"))
    (tmp_path / "m" / "weights").write_bytes(b"1")
    vet(str(tmp_path / "m" / "model.onnx"))
    (tmp_path / "m" / "weights").unlink()
    (tmp_path / "secret").write_bytes(b"2")
    (tmp_path / "m" / "weights").symlink_to(tmp_path / "secret")
    with pytest.raises(RuntimeFault, match="outside"):
        vet(str(tmp_path / "m" / "model.onnx"))
