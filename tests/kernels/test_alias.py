"""Which ops are free: views, and concatenations that are written in place."""

from __future__ import annotations

import pytest

from lgsim.graph.core import Graph, Tensor, TensorType
from lgsim.graph.dtypes import DType
from lgsim.graph.ops import Concat, Permute, Pool, Relu, Reshape, Slice
from lgsim.kernels.alias import free_ops, placements

SHAPE = (1, 8, 4, 4)


def network() -> Graph:
    graph = Graph("net")
    graph.add_input("x", TensorType(SHAPE, DType.F16))
    graph.add_op(Relu(), ["x"], ["a"])
    graph.add_op(Relu(), ["x"], ["b"])
    return graph


def test_two_relus_write_into_the_concatenation() -> None:
    graph = network()
    graph.add_op(Concat(1), ["a", "b"], ["y"])
    assert free_ops(graph) == {"y"}
    found = placements(graph)
    assert (found["a"].root, found["a"].offset_bytes) == ("y", 0)
    assert (found["b"].root, found["b"].offset_bytes) == ("y", 256)


@pytest.mark.parametrize("operand", ["x", "weight", "view", "c"])
def test_operands_that_have_to_be_copied(operand: str) -> None:
    """A graph input, a constant, a view, and what an op makes of another operand (SPPF)."""
    graph = network()
    graph.add_tensor(Tensor("weight", TensorType(SHAPE, DType.F16), weight=True))
    graph.add_op(Reshape(SHAPE), ["b"], ["view"])
    graph.add_op(Pool("max", (3, 3), (1, 1), (1, 1, 1, 1), (1, 1)), ["a"], ["c"])
    graph.add_op(Concat(1), ["a", operand], ["y"])
    assert "y" not in free_ops(graph)


def test_only_contiguous_parts_are_in_place() -> None:
    graph = network()
    graph.add_op(Concat(2), ["a", "b"], ["rows"])
    graph.add_op(Slice((0, 2, 0, 0), (1, 6, 4, 4), (1, 1, 1, 1)), ["a"], ["channels"])
    graph.add_op(Slice((0, 0, 1, 0), (1, 8, 3, 4), (1, 1, 1, 1)), ["a"], ["inner"])
    graph.add_op(Permute((0, 2, 1, 3)), ["a"], ["moved"])
    assert free_ops(graph) == {"channels"}
    assert placements(graph)["channels"].offset_bytes == 2 * 16 * 2


def test_views_of_views_are_resolved() -> None:
    graph = network()
    graph.add_op(Slice((0, 4, 0, 0), (1, 8, 4, 4), (1, 1, 1, 1)), ["a"], ["half"])
    graph.add_op(Reshape((4, 16)), ["half"], ["flat"])
    graph.add_op(Slice((1, 0), (2, 16), (1, 1)), ["flat"], ["row"])
    found = placements(graph)["row"]
    assert (found.root, found.offset_bytes) == ("a", (4 * 16 + 16) * 2)
