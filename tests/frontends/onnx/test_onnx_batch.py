"""`--batch` and `--shape`: symbolic and static inputs, also where the batch is baked in."""

from __future__ import annotations

import numpy as np
import pytest
from onnx_models import Case, kinds, node

from lgsim.errors import LgsimError


def shape(graph, name="y"):
    return graph.tensor(name).shape


def test_symbolic_and_static_batches(tmp_path):
    for first in ("N", 1, 2):
        case = Case([node("Relu", "x")], {"x": ((first, 3, 8, 8), "f")})
        assert shape(case.load(tmp_path, batch=4)) == (4, 3, 8, 8)


def test_all_inputs_take_the_batch_unless_a_shape_is_given(tmp_path):
    case = Case([node("Add", "x m")], {"x": (("N", 5), "f"), "m": (("N", 1), "f")})
    assert shape(case.load(tmp_path, batch=3)) == (3, 5)
    assert shape(case.load(tmp_path, batch=3, shapes={"m": (1, 1)})) == (3, 5)


def test_shapes_replace_static_ones(tmp_path):
    case = Case([node("Conv", "x w")], weights={"w": np.ones((2, 4, 3, 3))})
    assert shape(case.load(tmp_path, shapes={"x": (2, 4, 10, 12)})) == (2, 2, 8, 10)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ([1, -1], (4, 144)),
        ([1, 2, 2, 36], (4, 2, 2, 36)),
        ([-1, 36], (16, 36)),
        ([0, -1], (4, 144)),
        ([2, 72], (8, 72)),
    ],
)
def test_a_baked_target_takes_the_batch(target, expected, tmp_path):
    case = Case([node("Reshape", "x t")], weights={"t": target})
    assert shape(case.load(tmp_path, batch=4)) == expected


def test_a_computed_target_is_left_alone(tmp_path):
    nodes = [node("Shape", "x", "s", end=1), node("Concat", "s rest", "t", axis=0),
             node("Reshape", "x t")]  # fmt: skip
    case = Case(nodes, weights={"rest": [-1]})
    assert shape(case.load(tmp_path, batch=4)) == (4, 144)


def test_a_batch_that_is_not_outermost(tmp_path):
    nodes = [node("Transpose", "x", "p", perm=[1, 0, 2]), node("Reshape", "p t")]
    case = Case(nodes, {"x": (1, 7, 6)}, {"t": [7, 2, 3]})
    assert shape(case.load(tmp_path, batch=4)) == (7, 8, 3)


def test_an_exported_batch_can_shrink(tmp_path):
    case = Case([node("Reshape", "x t")], {"x": (8, 4, 6)}, {"t": [16, 12]})
    assert shape(case.load(tmp_path, batch=2)) == (4, 12)
    with pytest.raises(LgsimError, match="dynamic batch dimension"):
        Case([node("Reshape", "x t")], {"x": (8, 4, 6)}, {"t": [4, 48]}).load(tmp_path, batch=3)


def test_a_class_token_that_was_expanded_to_the_batch(tmp_path):
    nodes = [node("Concat", "token x", axis=1)]
    case = Case(nodes, {"x": (2, 5, 4)}, {"token": np.ones((2, 1, 4))})
    assert shape(case.load(tmp_path, batch=6)) == (6, 6, 4)
    with pytest.raises(LgsimError, match=r"do not concatenate.*dynamic batch"):
        case.load(tmp_path, batch=3)


def test_sizes_and_states_with_the_batch_baked_in(tmp_path):
    case = Case([node("Resize", "x _ _ s", mode="linear")], weights={"s": [1, 4, 9, 9]})
    assert shape(case.load(tmp_path, batch=3)) == (3, 4, 9, 9)
    weights = {"w": np.ones((1, 15, 3)), "r": np.ones((1, 15, 5)), "h": np.ones((1, 1, 5))}
    nodes = [node("Transpose", "x", "t", perm=[1, 0, 2]), node("GRU", "t w r _ _ h", hidden_size=5)]
    graph = Case(nodes, {"x": (1, 7, 3)}, weights).load(tmp_path, batch=4)
    assert kinds(graph) == ["Permute", "GRU"]
    assert shape(graph) == (7, 1, 4, 5)
