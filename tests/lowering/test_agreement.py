"""The zoo's networks, rewritten and lowered, agree with the vendor's lowered graphs."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from lgsim.frontends import load_model
from lgsim.frontends.tpu_mlir import import_mlir, import_mlir_network
from lgsim.graph.core import Graph
from lgsim.lowering import lower
from lgsim.rewrites import apply_rewrites

DATA = Path(__file__).resolve().parents[1] / "data" / "ir"

# Networks that also stand in the zoo, and the precisions there are files of.
ZOO = [
    (model, precision)
    for model in ("resnet18", "deit_tiny", "bert_base", "swin_t")
    for precision in ("f32", "f16", "int8")
] + [("resnet50", "f16")]

# Networks that only the folder of reference figures has, with the reason for differences.
REFERENCE = [
    ("resnet18", 1.0, ("f32", "f16", "int8")),
    ("resnet50", 1.0, ("f32", "f16", "int8")),
    ("resnet50_b8", 1.0, ("f16", "int8")),
    ("resnet50_1080p", 1.0, ("f16", "int8")),
    ("yolov5s", 1.0, ("f32", "f16", "int8")),
    ("yolov5s_1080p", 1.0, ("f16", "int8")),
    ("unet512", 1.0, ("f16", "int8")),
    ("c3d_487", 1.0, ("f16", "int8")),
    ("deit_tiny", 1.0, ("f32", "f16", "int8")),
    ("deit_tiny_b16", 1.0, ("f16", "int8")),
    ("bert_base", 1.0, ("f32", "f16", "int8")),
    # The vendor keeps permutes of a single window, which move nothing, and their reshapes.
    ("swin_t", 0.97, ("f32", "f16", "int8")),
    ("swin_t_b8", 0.97, ("f16", "int8")),
    # The vendor saw that the position biases of the untrained network were all zero.
    ("efficientvit_m0", 0.95, ("f32", "f16", "int8")),
]


def agreement(ours: Graph, vendors: Graph) -> float:
    """Intersection over union of the multisets of op kinds."""
    a, b = Counter(ours.op_counts()), Counter(vendors.op_counts())
    return (a & b).total() / (a | b).total()


def signature(graph: Graph) -> Counter:
    """Multiset of op kinds with the types of their results, aliases left out."""
    return Counter(
        (op.kind, graph.output_types(op)) for op in graph if op.kind not in ("Reshape", "Permute")
    )


def lowered(graph: Graph, precision: str) -> Graph:
    apply_rewrites(graph, precision)
    return lower(graph, precision)


@pytest.mark.parametrize(("model", "precision"), ZOO)
def test_zoo(model, precision):
    ours = lowered(load_model(model), precision)
    vendors = import_mlir(DATA / f"{model}_{precision}.mlir.gz")
    least = 0.97 if model == "swin_t" else 1.0
    assert agreement(ours, vendors) >= least
    assert ours.precision == vendors.precision == precision
    assert ours.macs() == vendors.macs()
    assert ours.params() == vendors.params()
    if least == 1.0:
        assert signature(ours) == signature(vendors)


@pytest.mark.parametrize(
    ("model", "least", "precision"),
    [(model, least, p) for model, least, precisions in REFERENCE for p in precisions],
)
def test_reference(reference, model, least, precision):
    from lgsim.frontends.onnx import import_onnx

    ours = lowered(import_onnx(reference / "onnx" / f"{model}.onnx"), precision)
    network = import_mlir_network(reference / "ir" / f"{model}_{precision}.mlir.gz")
    assert agreement(ours, network.graph) >= least
    assert network.precision == precision
    assert network.chip == "bm1684x"


def test_real_permutes_of_swin():
    # 58 that move data before, 22 after; f32 keeps four per attention at its matmuls.
    graph = load_model("swin_t")
    assert moving_permutes(graph) == 58
    assert moving_permutes(lowered(graph.copy(), "f16")) == 22
    assert moving_permutes(lowered(graph.copy(), "int8")) == 22
    assert moving_permutes(lowered(graph.copy(), "f32")) == 22 + 4 * 12


def moving_permutes(graph: Graph) -> int:
    return sum(
        op.kind == "Permute" and op.attrs.moves_data(graph.tensor(op.inputs[0]).shape)
        for op in graph
    )
