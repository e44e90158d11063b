"""The way to attention without permutes: each step is reachable by switching rewrites off."""

import numpy as np
import pytest
from networks import random_inputs, swin

from lgsim.graph.interpreter import evaluate, with_random_weights
from lgsim.rewrites import REWRITES, apply_rewrites

# Rewrites each step adds, and permutes that are left in an attention core after it.
STEPS = [
    ("A0: as exported", set(), 3),
    ("A1: slice before permuting", {"qkv_split"}, 5),
    ("A2: fold the permutes of the keys", {"permute_fuse", "permute_scale"}, 4),
    ("A3: scores with heads inside", {"matmul_transpose", "hdim_is_batch"}, 3),
    ("A4: past the position bias", {"permute_add"}, 3),
    ("A5: past the softmax, values with heads inside", {"permute_softmax"}, 2),
    ("A6: what is left cancels", {"permute_cancel"}, 0),
]
CORE = {rewrite.name for rewrite in REWRITES} & set().union(*(step[1] for step in STEPS)) | {
    "hdim_right",
    "permute_split",
    "qkv_matmul_split",
}


@pytest.mark.parametrize("step", range(len(STEPS)))
def test_step(step):
    wanted = set().union(*(names for _, names, _ in STEPS[: step + 1]))
    graph = with_random_weights(swin())
    rewritten = graph.copy()
    apply_rewrites(rewritten, "f16", frozenset(CORE - wanted))
    inputs = random_inputs(graph)
    for a, b in zip(
        evaluate(graph, inputs).values(), evaluate(rewritten, inputs).values(), strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)
    # Four blocks; permutes of windows and of the whole network have other ranks or orders.
    heads = [op for op in rewritten if op.kind == "Permute" and in_attention(op, rewritten)]
    assert len(heads) == 4 * STEPS[step][2]


def in_attention(op, graph):
    orders = {(2, 0, 3, 1, 4), (0, 2, 1, 3), (0, 1, 3, 2), (0, 2, 3, 1)}
    return op.attrs.order in orders


def test_f32_keeps_the_permutes_at_its_matmuls():
    graph = swin()
    apply_rewrites(graph, "f32")
    assert sum(op.kind == "Permute" and in_attention(op, graph) for op in graph) == 4 * 4
    assert not any(getattr(op.attrs, "hdim_is_batch", False) for op in graph)
