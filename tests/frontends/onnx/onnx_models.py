"""Tiny ONNX models for the tests of the importer, and both ways to run them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from lgsim.frontends.onnx import import_onnx
from lgsim.graph.interpreter import evaluate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lgsim.graph import Graph

DTYPES = {"f": TensorProto.FLOAT, "i": TensorProto.INT64, "b": TensorProto.BOOL}


def node(op: str, inputs: str, outputs: str = "y", **attrs: Any) -> onnx.NodeProto:
    """A node; names are separated by blanks, and ``_`` stands for an optional one left out."""
    names = [["" if name == "_" else name for name in text.split()] for text in (inputs, outputs)]
    domain, _, op_type = op.rpartition(":")
    return helper.make_node(op_type, *names, domain=domain, **attrs)


@dataclass
class Case:
    """A model: nodes, input shapes (``name``: dims, or (dims, kind)), weights, outputs."""

    nodes: Sequence[onnx.NodeProto]
    inputs: Mapping[str, Any] = field(default_factory=lambda: {"x": (1, 4, 6, 6)})
    weights: Mapping[str, Any] = field(default_factory=dict)
    outputs: Sequence[str] = ("y",)
    opset: int = 17

    def types(self) -> dict[str, tuple[tuple[Any, ...], str]]:
        return {
            name: dims if dims and isinstance(dims[0], tuple) else (dims, "f")
            for name, dims in self.inputs.items()
        }

    def proto(self) -> onnx.ModelProto:
        infos = [
            helper.make_tensor_value_info(name, DTYPES[kind], dims)
            for name, (dims, kind) in self.types().items()
        ]
        weights = [numpy_helper.from_array(as_array(v), name) for name, v in self.weights.items()]
        outputs = [onnx.ValueInfoProto(name=name) for name in self.outputs]
        graph = helper.make_graph(list(self.nodes), "case", infos, outputs, weights)
        domains = {n.domain for n in self.nodes} - {""}
        opsets = [helper.make_opsetid("", self.opset)]
        opsets += [helper.make_opsetid(domain, 1) for domain in sorted(domains)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)

    def save(self, folder: Path, name: str = "case.onnx") -> Path:
        path = folder / name
        path.write_bytes(self.proto().SerializeToString())
        return path

    def load(self, folder: Path, **options: Any) -> Graph:
        return import_onnx(self.save(folder), **options)

    def samples(self) -> dict[str, np.ndarray]:
        random = np.random.default_rng(1)
        samples = {}
        for name, (dims, kind) in self.types().items():
            if kind == "f":
                samples[name] = random.normal(size=dims).astype(np.float32)
            else:
                samples[name] = random.integers(0, 2, dims).astype("int64" if kind == "i" else bool)
        return samples

    def check(self, folder: Path) -> Graph:
        """Import, run both the ONNX model and the graph, and compare; returns the graph."""
        graph = self.load(folder)
        samples = self.samples()
        wanted = ReferenceEvaluator(self.proto()).run(list(self.outputs), samples)
        got = evaluate(graph, samples)
        for tensor, value in zip(graph.outputs, wanted, strict=True):
            assert graph.tensor(tensor).shape == value.shape
            np.testing.assert_allclose(got[tensor], value, rtol=2e-3, atol=2e-4)
        return graph


def as_array(value: Any) -> np.ndarray:
    """Floats as 32-bit, integers as 64-bit arrays, as exporters write them."""
    array = np.asarray(value)
    wanted = {"f": np.float32, "i": np.int64}.get(array.dtype.kind)
    return array if wanted is None or array.dtype == np.int8 else array.astype(wanted)


def kinds(graph: Graph) -> list[str]:
    """Kinds of all ops, in order."""
    return [op.kind for op in graph]


TOKENS = {"x": (2, 5, 4)}
# Numbers that the spellings of normalisations and activations are written with.
NUMBERS = {
    "axes": [-1], "two": 2.0, "e": 1e-5, "w": np.full(4, 2.0), "b": np.ones(4), "one": 1.0,
    "half": 0.5, "root": np.sqrt(2), "third": 3.0,
}  # fmt: skip


def fused(nodes, folder, inputs=None, weights=None, opset=18, outputs=("y",)) -> Graph:
    """The graph a spelling becomes, after a check that it still computes the same."""
    case = Case(nodes, inputs or TOKENS, {**NUMBERS, **(weights or {})}, outputs, opset)
    return case.check(folder)
