"""Rewrites change no result of their own patterns and of what only looks like them."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from equivalence_patterns import PATTERNS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from networks import assert_same_results

from lgsim.graph.builder import GraphBuilder
from lgsim.graph.core import Graph
from lgsim.graph.interpreter import with_random_weights
from lgsim.rewrites import PRECISIONS, REWRITES, apply_rewrites

NAMES = tuple(rewrite.name for rewrite in REWRITES)

# Rewrites that each pattern in its plain form is there for.
EXERCISED = {
    "window_attention": {"qkv_split", "hdim_is_batch", "permute_softmax", "add_weight_merge"},
    "sliced_projection": {"qkv_matmul_split"},
    "separate_attention": {"attention_fuse"},
    "rolls": {"window_roll"},
    "patch_merging": {"patch_merging"},
    "mlp": {"mlp_split"},
    "convolutions": {"conv_scale_fold", "mean_to_pool"},
    "patches": {"conv_to_matmul"},
    "permuted_operands": {"hdim_is_batch"},
    "permute_chain": {"permute_scale", "permute_add", "permute_fuse"},
    "five_dimensions": {"permute_split"},
    "channel_shuffle": {"shuffle_channel"},
    "renamings": {"reshape_clean"},
    "sequence_first": {"rows_in_lanes"},
    "unit_axes": {"unit_permute"},
}


def network(name: str, departures: Mapping[int, int], seen: list[int] | None = None) -> Graph:
    """The network of a pattern that departs from the plain form at some of its picks.

    `departures` gives the number of the choice at such a pick; `seen` receives how many choices
    each pick had. An output that is named twice counts once.
    """
    numbers: list[int] = [] if seen is None else seen

    def pick(*choices):
        number = departures.get(len(numbers), 0) % len(choices)
        numbers.append(len(choices))
        return choices[number]

    b = GraphBuilder(name)
    outputs = {tensor.name: tensor for tensor in PATTERNS[name](b, pick)}
    b.output(*outputs.values())
    graph = b.build()
    graph.outputs = [name for name in graph.outputs if name not in graph.inputs]
    return with_random_weights(graph)


def check(graph: Graph, precision: str, disabled: set[str] | frozenset[str] = frozenset()) -> None:
    rewritten = graph.copy()
    apply_rewrites(rewritten, precision, disabled)
    assert_same_results(graph, rewritten)


@st.composite
def networks(draw: st.DrawFn, name: str) -> Graph:
    """A network with a few departures."""
    picks = draw(st.dictionaries(st.integers(0, 35), st.integers(1, 7), max_size=5))
    return network(name, picks)


@pytest.mark.parametrize("name", PATTERNS)
def test_plain_forms_are_matched(name):
    graph = network(name, {})
    counts = apply_rewrites(graph.copy(), "f16")
    assert {rewrite for rewrite, count in counts.items() if count} >= EXERCISED[name]


@pytest.mark.parametrize("name", PATTERNS)
def test_every_single_departure(name):
    choices: list[int] = []
    network(name, {}, choices)
    for position, count in enumerate(choices):
        for number in range(count):
            graph = network(name, {position: number})
            for precision in ("f32", "f16", "int8"):
                check(graph, precision)


few = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("name", PATTERNS)
@few
@given(st.data(), st.sampled_from(PRECISIONS), st.sets(st.sampled_from(NAMES), max_size=4))
def test_several_departures(name, data, precision, disabled):
    check(data.draw(networks(name)), precision, disabled)


@pytest.mark.parametrize("name", PATTERNS)
@few
@given(st.data(), st.sets(st.sampled_from(NAMES), min_size=1, max_size=3))
def test_few_rewrites_alone(name, data, enabled):
    check(data.draw(networks(name)), "f16", set(NAMES) - enabled)
