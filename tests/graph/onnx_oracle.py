"""Runs a small ONNX model with the ONNX reference and, imported, with the interpreter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from lgsim.frontends.onnx import import_onnx
from lgsim.graph import Graph
from lgsim.graph.interpreter import evaluate

Arrays = Mapping[str, Any]


def node(op: str, inputs: str, outputs: str = "y", **attrs: Any) -> onnx.NodeProto:
    """A node; names are separated by blanks, ``_`` is an optional one left out."""
    names = [["" if name == "_" else name for name in text.split()] for text in (inputs, outputs)]
    return helper.make_node(op, *names, **attrs)


def sample(*shape: int, seed: int = 0, positive: bool = False) -> np.ndarray:
    """Normally distributed numbers in double precision, or their magnitude."""
    values = np.random.default_rng((seed, *shape)).standard_normal(shape)
    return np.abs(values) + 0.1 if positive else values


def agree(
    nodes: Sequence[onnx.NodeProto],
    inputs: Arrays,
    weights: Arrays | None = None,
    outputs: str = "y",
    opset: int = 18,
    rtol: float = 1e-9,
    folded: Arrays | None = None,
) -> list[str]:
    """Assert that both give the same outputs; returns the kinds of the imported ops.

    Numbers are double precision, in which the reference computes too. `folded` replaces values
    of weights that the importer folds numbers into of which it keeps the shape only.
    """
    weights = {name: np.asarray(value) for name, value in (weights or {}).items()}
    samples = {name: np.asarray(value) for name, value in inputs.items()}
    infos = [
        helper.make_tensor_value_info(
            name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape
        )
        for name, value in samples.items()
    ]
    graph = helper.make_graph(
        list(nodes),
        "case",
        infos,
        [onnx.ValueInfoProto(name=name) for name in outputs.split()],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    wanted = ReferenceEvaluator(model).run(outputs.split(), samples)
    imported = imported_graph(model)
    found = evaluate(imported, samples, {**weights, **(folded or {})})
    assert imported.warnings == []
    for name, value in zip(imported.outputs, wanted, strict=True):
        assert found[name].shape == value.shape
        np.testing.assert_allclose(found[name], value, rtol=rtol, atol=rtol)
    return [op.kind for op in imported]


def imported_graph(model: onnx.ModelProto) -> Graph:
    """The graph the importer makes of a model."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "case.onnx"
        path.write_bytes(model.SerializeToString())
        return import_onnx(path)
