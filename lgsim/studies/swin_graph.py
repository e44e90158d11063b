"""Swin-T on the BM1684X, experiments 1 to 5: the graph, its rewrite, what may be local."""

from __future__ import annotations

import numpy as np

from lgsim.graph import Graph, TensorType, ops
from lgsim.graph.dtypes import DType
from lgsim.graph.interpreter import evaluate, with_random_weights
from lgsim.kernels import local_support
from lgsim.kernels.site import Operand, OpSite
from lgsim.kernels.support import Features
from lgsim.rewrites import apply_rewrites
from lgsim.studies.checks import at_most, equal, pattern
from lgsim.studies.experiment import Finding, experiment
from lgsim.studies.lab import Lab
from lgsim.studies.swin_attention import AFTER, AS_MOVES, FIXES, STEPS, off_at_step, permutes

STUDY = "swin-1684x"
ARTICLE = "Swin on 1684X"


@experiment(
    1,
    study=STUDY,
    kind="E",
    claim="Swin-T has 28.3 M parameters and 4.5 G MACs; its graph is full of permutes",
    source=ARTICLE,
)
def swin_graph(lab: Lab) -> Finding:
    """Count what the zoo's Swin-T consists of."""
    graph = lab.net("swin_t")
    return Finding(
        (
            equal("parameters", graph.trained_params, 28_288_354, "{:,}"),
            equal("MACs", graph.macs() / 1e9, 4.4906, "{:.4f} G"),
            equal("permutes", graph.op_counts()["Permute"], 62),
            equal("that move data", permutes(graph), 58),
            equal("in attention", permutes(graph, "/attn/"), 36),
        )
    )


@experiment(
    2,
    study=STUDY,
    kind="E",
    claim="Attention has three permutes, and the rewrite removes them all, step by step",
    source=ARTICLE,
)
def permutes_by_step(lab: Lab) -> Finding:
    """Permutes of every attention after each step, and the outputs of a small Swin."""
    counts = []
    for step in range(len(STEPS)):
        graph = lab.net("swin_t").copy()
        apply_rewrites(graph, "f16", off_at_step(step))
        blocks = {op.name.partition("/attn/")[0] for op in graph if "/attn/" in op.name}
        per_block = {permutes(graph, f"{block}/attn/") for block in blocks}
        counts.append("/".join(map(str, sorted(per_block))))
    whole = lab.net("swin_t").copy()
    apply_rewrites(whole, "f16", AFTER | AS_MOVES)
    return Finding(
        (
            equal(
                "per attention, A0 to A6,",
                ", ".join(counts),
                ", ".join(str(count) for _, _, count in STEPS),
            ),
            equal("whole network", permutes(whole), 22),
            at_most("largest difference of outputs", _difference(lab), 1e-5, "{:.0e}"),
        ),
        note="All twelve blocks, shifted or not, agree. The outputs are those of a small Swin.",
        data={"permutes": counts},
    )


def _difference(lab: Lab) -> float:
    """Largest difference any step makes to what a small Swin computes."""
    build = lab.script("swin").build
    small: Graph = build(dim=8, depths=(2, 2), heads=(2, 4), window=2, image=8, patch=2, classes=5)
    graph = with_random_weights(small)
    inputs = {"input": np.random.default_rng(1).standard_normal(graph.tensor("input").shape)}
    expected = list(evaluate(graph, inputs).values())
    worst = 0.0
    for step in range(len(STEPS)):
        rewritten = graph.copy()
        apply_rewrites(rewritten, "f16", off_at_step(step))
        for a, b in zip(expected, evaluate(rewritten, inputs).values(), strict=True):
            worst = max(worst, float(np.abs(a - b).max()))
    return worst


@experiment(
    3,
    study=STUDY,
    kind="E",
    claim="The matrix product with heads inside does not exist in FP32, so permutes stay",
    source=f"{ARTICLE} (tpu-mlir)",
)
def f32_keeps_permutes(lab: Lab) -> Finding:
    """Permutes left in attention per precision, with every rewrite on."""
    left = {}
    for precision in ("f32", "f16", "int8"):
        graph = lab.net("swin_t").copy()
        apply_rewrites(graph, precision, AFTER | AS_MOVES)
        left[precision] = permutes(graph, "/attn/")
    return Finding(
        (
            equal("in FP32", left["f32"], 12 * 4),
            equal("in FP16", left["f16"], 0),
            equal("in INT8", left["int8"], 0),
        ),
        note="Of the 12 attentions together; 4 each is step A2.",
    )


@experiment(
    4,
    study=STUDY,
    kind="E",
    claim="Of 5-D slices only a cut along the third axis may be local, and only after the fix",
    source=ARTICLE,
)
def slice_rule(lab: Lab) -> Finding:
    """The capability check of four slices with the feature off and on."""
    del lab
    cases = (
        _slice((64, 49, 3, 3, 32), axis=2, size=1),
        _slice((3, 64, 3, 49, 32), axis=0, size=1),
        _slice((1, 64, 7, 7), axis=1, size=16),
        _slice((1, 64, 7, 7), axis=1, size=64, step=2),
    )
    return Finding(
        (
            pattern(
                "before", [_local(case, "slice_5d") for case in cases], [False, False, True, False]
            ),
            pattern("after", [_local(case) for case in cases], [True, False, True, False]),
        ),
        note="Slices of 64x49x3x3x32 along axis 2, of 3x64x3x49x32 along axis 0, of 1x64x7x7 along"
        " axis 1, and the last with a step of 2.",
    )


@experiment(
    5,
    study=STUDY,
    kind="E",
    claim="A squeeze may be local if it keeps the first two axes, and only after the fix",
    source=ARTICLE,
)
def squeeze_rule(lab: Lab) -> Finding:
    """The capability check of two squeezes with the feature off and on."""
    del lab
    cases = (
        _site(ops.Squeeze((2,)), (64, 49, 1, 3, 32)),
        _site(ops.Squeeze((0,)), (1, 64, 3, 49, 32)),
    )
    return Finding(
        (
            pattern("before", [_local(case, "squeeze_local") for case in cases], [False, False]),
            pattern("after", [_local(case) for case in cases], [True, False]),
        ),
        note="Squeezes of 64x49x1x3x32 along axis 2 and of 1x64x3x49x32 along axis 0.",
    )


def _slice(shape: tuple[int, ...], axis: int, size: int, step: int = 1) -> OpSite:
    rank = len(shape)
    ends, steps = list(shape), [1] * rank
    ends[axis], steps[axis] = size, step
    return _site(ops.Slice((0,) * rank, tuple(ends), tuple(steps)), shape)


def _site(attrs: ops.OpKind, shape: tuple[int, ...]) -> OpSite:
    operand = TensorType(shape, DType.F16)
    return OpSite(attrs, (Operand(operand, weight=False),), attrs.infer([operand]))


def _local(site: OpSite, *disabled: str) -> bool:
    assert set(disabled) <= set(FIXES)
    return local_support(site, Features.without(disabled)) is None
