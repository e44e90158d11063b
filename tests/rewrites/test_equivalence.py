"""Rewrites change no result: alone, together, and each one left out."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import NETWORKS, assert_results, expected_results, ready

from lgsim.lowering import lower
from lgsim.rewrites import PRECISIONS, REWRITES, apply_rewrites

NAMES = frozenset(rewrite.name for rewrite in REWRITES)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", NETWORKS)
def test_all_together(name, precision):
    rewritten = ready(name).copy()
    counts = apply_rewrites(rewritten, precision)
    assert sum(counts.values()) > 0
    assert_results(expected_results(name), rewritten)


@pytest.mark.parametrize("precision", ["f32", "f16", "bf16"])
@pytest.mark.parametrize("name", NETWORKS)
def test_lowering_to_floats_adds_nothing_but_casts(name, precision):
    rewritten = ready(name).copy()
    apply_rewrites(rewritten, precision)
    assert_results(expected_results(name), lower(rewritten, precision))


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(list(NETWORKS)),
    st.sampled_from(PRECISIONS),
    st.sets(st.sampled_from(sorted(NAMES))),
)
def test_any_subset(name, precision, disabled):
    rewritten = ready(name).copy()
    apply_rewrites(rewritten, precision, disabled)
    assert_results(expected_results(name), rewritten)


@pytest.mark.parametrize("rewrite", sorted(NAMES))
@pytest.mark.parametrize("name", NETWORKS)
def test_alone(name, rewrite):
    rewritten = ready(name).copy()
    counts = apply_rewrites(rewritten, "f16", NAMES - {rewrite})
    assert set(counts) == {rewrite}
    assert_results(expected_results(name), rewritten)


@pytest.mark.parametrize("rewrite", sorted(NAMES))
@pytest.mark.parametrize("name", NETWORKS)
def test_left_out(name, rewrite):
    rewritten = ready(name).copy()
    counts = apply_rewrites(rewritten, "f16", frozenset({rewrite}))
    assert rewrite not in counts
    assert_results(expected_results(name), rewritten)


def test_every_rewrite_is_exercised():
    applied = dict.fromkeys(NAMES, 0)
    for name in NETWORKS:
        for precision in ("f32", "f16"):
            for rewrite, count in apply_rewrites(NETWORKS[name](), precision).items():
                applied[rewrite] += count
    assert {name for name, count in applied.items() if not count} == set()


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", NETWORKS)
def test_nothing_left_to_do(name, precision):
    graph = NETWORKS[name]()
    apply_rewrites(graph, precision)
    assert sum(apply_rewrites(graph, precision).values()) == 0


@pytest.mark.parametrize("name", NETWORKS)
def test_input_shapes_outputs_and_warnings_stay(name):
    graph = NETWORKS[name]()
    rewritten = graph.copy()
    apply_rewrites(rewritten, "f16")
    assert rewritten.inputs == graph.inputs
    shapes = [[g.tensor(name).shape for name in g.outputs] for g in (graph, rewritten)]
    assert shapes[0] == shapes[1]
