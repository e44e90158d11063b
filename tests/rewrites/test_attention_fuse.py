"""Attention with separate projections is fused however its scale and its keys are written."""

from __future__ import annotations

import pytest
from networks import assert_same_results

from lgsim.graph.builder import GraphBuilder
from lgsim.graph.core import Graph
from lgsim.graph.interpreter import with_random_weights
from lgsim.rewrites import apply_rewrites

TOKENS, HEADS, DIM = 5, 2, 4


def attention(
    *,
    scale_at: str = "scores",
    keys: str = "one permute",
    mask: bool = False,
    mask_rows: int = 1,
    cross: bool = False,
    bias: bool = True,
) -> Graph:
    b = GraphBuilder("attention")
    x = b.input("x", (2, TOKENS, HEADS * DIM))
    y = b.input("y", (2, 7, HEADS * DIM)) if cross else x
    keys_count = 7 if cross else TOKENS

    def scaled(t, place):
        return b.mul(t, 0.5) if scale_at in (place, "both" if place in "qk" else "") else t

    def heads(source, name, order):
        t = b.linear(source, HEADS * DIM, bias=bias, name=name)
        return b.permute(b.reshape(t, (2, -1, HEADS, DIM)), order)

    q = scaled(heads(x, "q", (0, 2, 1, 3)), "q")
    if keys == "one permute":
        k = heads(y, "k", (0, 2, 3, 1))
    else:
        k = b.transpose(heads(y, "k", (0, 2, 1, 3)), -2, -1)
    scores = scaled(b.matmul(q, scaled(k, "k")), "scores")
    if mask:
        scores = b.add(scores, b.input("mask", (2, 1, mask_rows, keys_count)))
    context = b.permute(b.matmul(b.softmax(scores), heads(y, "v", (0, 2, 1, 3))), (0, 2, 1, 3))
    b.output(b.linear(b.reshape(context, (2, -1, HEADS * DIM)), HEADS * DIM, name="out"))
    return with_random_weights(b.build())


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"scale_at": "q"},
        {"scale_at": "both"},
        {"scale_at": "none"},
        {"keys": "two permutes"},
        {"keys": "two permutes", "scale_at": "both", "mask": True},
        {"mask": True},
        {"cross": True, "mask": True},
        {"bias": False},
    ],
)
@pytest.mark.parametrize("precision", ["f32", "f16", "int8"])
def test_forms(form, precision):
    graph = attention(**form)
    rewritten = graph.copy()
    assert apply_rewrites(rewritten, precision)["attention_fuse"] == 1
    assert rewritten.op_counts() == {"Add": HEADS - 1, "Attention": HEADS}
    assert_same_results(graph, rewritten)


def test_shared_scores_are_left_alone():
    graph = attention()
    scores = next(op for op in graph if op.kind == "Softmax").outputs[0]
    graph.outputs.append(scores)
    rewritten = graph.copy()
    assert apply_rewrites(rewritten, "f16")["attention_fuse"] == 0
    assert_same_results(graph, rewritten)


def test_a_mask_with_a_row_per_query_is_left_alone():
    graph = attention(mask=True, mask_rows=TOKENS)
    rewritten = graph.copy()
    assert apply_rewrites(rewritten, "f16")["attention_fuse"] == 0
    assert_same_results(graph, rewritten)
