"""A quantised ONNX network as one of floats: it gives what the integers stood for."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="the natural teacher's network needs the extra [teacher]")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402
from onnx.reference import ReferenceEvaluator  # noqa: E402

DRAW = np.random.default_rng(1)


@pytest.fixture(scope="module")
def floating():
    tools = str(Path(__file__).parents[3] / "tools")
    sys.path.insert(0, tools)
    yield importlib.import_module("voice.floats").floating
    sys.path.remove(tools)


def network(nodes, weights, shape, out_shape):
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()]
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, out_shape)],
        tensors,
    )
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


def quantised(kind: str, weight: np.ndarray, bias: bool, **attributes):
    """As ONNX Runtime's tools write a product: the bias is integers over both factors."""
    node = helper.make_node
    nodes = [
        node("DynamicQuantizeLinear", ["x"], ["q", "q_factor", "q_zero"], "quantise"),
        node(kind, ["q", "weight", "q_zero", "weight_zero"], ["whole"], "product", **attributes),
        node("Mul", ["q_factor", "weight_factor"], ["factors"], "factors"),
    ]
    weights = {"weight": weight, "weight_zero": np.uint8(3), "weight_factor": np.float32(0.05)}
    last = "whole"
    if bias:
        weights |= {"bias": np.array([0.5, -2, 1, 0], np.float32), "shape": np.array([1, -1, 1])}
        nodes += [
            node("Div", ["bias", "factors"], ["bias_whole"], "divide"),
            node("Floor", ["bias_whole"], ["bias_floor"], "floor"),
            node("Cast", ["bias_floor"], ["bias_integer"], "integer", to=TensorProto.INT32),
            node("Reshape", ["bias_integer", "shape"], ["bias_shaped"], "reshape"),
            node("Add", ["whole", "bias_shaped"], ["sum"], "add"),
        ]
        last = "sum"
    nodes += [
        node("Cast", [last], ["real"], "cast", to=TensorProto.FLOAT),
        node("Mul", ["real", "factors"], ["y"], "multiply"),
    ]
    return nodes, weights


@pytest.mark.parametrize("kind", ["ConvInteger", "MatMulInteger"])
def test_a_product_of_integers_is_one_of_floats(floating, kind):
    conv = kind == "ConvInteger"
    weight = DRAW.integers(0, 255, (4, 6, 3) if conv else (6, 4)).astype(np.uint8)
    attributes = {"pads": [2, 2], "dilations": [2]} if conv else {}
    nodes, weights = quantised(kind, weight, bias=conv, **attributes)
    model = network(nodes, weights, [1, 6, 9] if conv else [9, 6], [1, 4, 9] if conv else [9, 4])
    x = DRAW.normal(size=(1, 6, 9) if conv else (9, 6)).astype(np.float32)
    integers = ReferenceEvaluator(model).run(None, {"x": x})[0]
    changed = floating(model)
    onnx.checker.check_model(changed)
    assert [node.op_type for node in changed.graph.node] == [kind.removesuffix("Integer")]
    floats = ReferenceEvaluator(changed).run(None, {"x": x})[0]
    assert np.abs(floats - integers).max() < 0.03 * np.abs(floats).max()  # 8 bits of x


def test_an_lstm_has_its_weights_back(floating):
    inputs, states = 5, 4
    real = {
        "w": DRAW.normal(size=(2, 4 * states, inputs)).astype(np.float32),
        "r": DRAW.normal(size=(2, 4 * states, states)).astype(np.float32),
    }
    weights = {"b": DRAW.normal(size=(2, 8 * states)).astype(np.float32)}
    for name, weight in real.items():
        factor = np.abs(weight).max((1, 2)) / 127
        zero = np.array([0, 2], np.int8)
        whole = np.round(weight / factor[:, None, None]) + zero[:, None, None]
        weights[f"{name}_whole"] = whole.clip(-128, 127).astype(np.int8).transpose(0, 2, 1)
        weights[f"{name}_factor"], weights[f"{name}_zero"] = factor.astype(np.float32), zero
    given = ["x", "w_whole", "r_whole", "b", "", "", "", "", "w_factor", "w_zero", "r_factor", "r_zero"]
    attributes = {"direction": "bidirectional", "hidden_size": states}
    node = helper.make_node("DynamicQuantizeLSTM", given, ["y"], "lstm", domain="com.microsoft", **attributes)
    changed = floating(network([node], weights, [7, 1, inputs], [7, 2, 1, states]))
    onnx.checker.check_model(changed)
    plain = helper.make_node("LSTM", ["x", "w", "r", "b"], ["y"], "lstm", **attributes)
    wanted = network([plain], real | {"b": weights["b"]}, [7, 1, inputs], [7, 2, 1, states])
    x = DRAW.normal(size=(7, 1, inputs)).astype(np.float32)
    found, expected = (ReferenceEvaluator(model).run(None, {"x": x})[0] for model in (changed, wanted))
    assert np.abs(found - expected).max() < 0.05


def test_the_square_of_a_sine_is_a_polynomial_and_other_sines_stay(floating):
    nodes = [
        helper.make_node("Sin", ["x"], ["sine"], "sine"),
        helper.make_node("Pow", ["sine", "two"], ["square"], "square"),
        helper.make_node("Sin", ["square"], ["y"], "other"),
    ]
    model = network(nodes, {"two": np.float32(2)}, [4001], [4001])
    x = np.linspace(-20, 20, 4001).astype(np.float32)
    changed = floating(model)
    assert [node.op_type for node in changed.graph.node].count("Sin") == 1
    found = ReferenceEvaluator(changed).run(None, {"x": x})[0]
    assert np.abs(found - np.sin(np.sin(x) ** 2)).max() < 1e-4


def test_what_is_quantised_otherwise_is_told(floating):
    nodes, weights = quantised("MatMulInteger", DRAW.integers(0, 255, (6, 4)).astype(np.uint8), bias=False)
    nodes[-2].op_type = "Identity"
    with pytest.raises(ValueError, match="product is read by Identity, expected one Cast"):
        floating(network(nodes, weights, [9, 6], [9, 4]))
