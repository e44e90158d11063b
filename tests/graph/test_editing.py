"""Editing a graph keeps producers, consumers, types and order consistent."""

from __future__ import annotations

import pytest

from lgsim.errors import LgsimError
from lgsim.graph import DType, Graph, Tensor, TensorType, ops

VECTOR = TensorType((4,), DType.F32)


def diamond() -> Graph:
    """x → a → (b, c) → d, with the output d."""
    graph = Graph("diamond")
    graph.add_input("x", VECTOR)
    graph.add_op(ops.Relu(), ["x"], ["a"])
    graph.add_op(ops.AddConst(1), ["a"], ["b"])
    graph.add_op(ops.MulConst(2), ["a"], ["c"])
    graph.add_op(ops.Add(), ["b", "c"], ["d"])
    graph.outputs.append("d")
    return graph


def assert_consistent(graph: Graph) -> None:
    """Every op comes after its producers, is known to them, and has the types its rule gives."""
    seen = {tensor.name for tensor in graph.tensors if graph.producer(tensor.name) is None}
    for op in graph:
        assert seen >= set(op.inputs)
        assert all(op in graph.consumers(tensor) for tensor in op.inputs)
        assert all(graph.producer(tensor) == op for tensor in op.outputs)
        assert op.attrs.infer(graph.input_types(op)) == graph.output_types(op)
        seen.update(op.outputs)
    for tensor in graph.tensors:
        assert all(tensor.name in op.inputs for op in graph.consumers(tensor.name))


def names(graph: Graph) -> list[str]:
    return [op.name for op in graph]


def test_replace_uses_moves_readers_and_outputs():
    graph = diamond()
    graph.add_op(ops.Relu(), ["d"], ["e"])
    graph.outputs.append("e")
    graph.replace_uses("d", "x")
    assert graph.outputs == ["x", "e"]
    assert graph.op("e").inputs == ("x",)
    assert graph.consumers("d") == ()
    assert_consistent(graph)


def test_an_op_can_be_put_behind_a_tensor():
    graph = diamond()
    graph.add_op(ops.Cast(DType.F32), ["a"], ["cast"], before="b")
    graph.replace_uses("a", "cast")
    assert graph.op("cast").inputs == ("a",)
    assert [op.name for op in graph.consumers("cast")] == ["b", "c"]
    assert names(graph) == ["a", "cast", "b", "c", "d"]
    assert_consistent(graph)


def test_one_op_may_read_a_tensor_twice():
    graph = diamond()
    graph.replace_uses("c", "b")
    assert graph.op("d").inputs == ("b", "b")
    assert graph.consumers("b") == (graph.op("d"),)
    graph.replace_op("d", inputs=["a", "x"])
    assert graph.consumers("b") == ()
    assert_consistent(graph)


def test_prune_removes_what_no_output_needs():
    graph = diamond()
    graph.add_tensor(Tensor("spare", VECTOR, weight=True))
    graph.outputs[:] = ["b"]
    assert graph.prune() == 2
    assert names(graph) == ["a", "b"]
    assert {tensor.name for tensor in graph.tensors} == {"x", "a", "b"}
    assert_consistent(graph)


def test_prune_keeps_all_outputs_of_an_op_that_one_output_needs():
    graph = diamond()
    graph.add_op(ops.TopK(0, 2), ["d"], ["values", "positions"], name="top")
    graph.outputs[:] = ["positions"]
    assert graph.prune() == 0
    assert graph.has_tensor("values")


def test_remove_refuses_what_is_still_read_and_changes_nothing():
    graph = diamond()
    with pytest.raises(LgsimError, match="'a' is still used"):
        graph.remove_op("a")
    assert_consistent(graph)
    assert len(graph) == 4


def test_replace_op_infers_the_type_again():
    graph = diamond()
    graph.replace_op("d", attrs=ops.Cast(DType.F16), inputs=["c"])
    assert graph.tensor("d").dtype is DType.F16
    assert [op.name for op in graph.consumers("b")] == []


def test_sort_restores_order_and_keeps_what_is_free():
    graph = diamond()
    graph.add_op(ops.Relu(), ["x"], ["late"])
    graph.replace_op("b", inputs=["late"])
    graph.sort()
    assert names(graph) == ["a", "late", "b", "c", "d"]
    assert_consistent(graph)


def test_sort_reports_a_cycle():
    graph = diamond()
    graph.replace_op("a", inputs=["d"])
    with pytest.raises(LgsimError, match=r"diamond: op '\w': the graph has a cycle"):
        graph.sort()


def test_a_refused_op_leaves_no_trace():
    graph = diamond()
    graph.add_input("y", TensorType((5,), DType.F32))
    before = (names(graph), [t.name for t in graph.tensors])
    attempts = [
        (ops.Add(), ["x", "y"], ["bad"], {}, "diamond: Add 'bad': shapes 4, 5 do not broadcast"),
        (ops.Relu(), ["ghost"], ["bad"], {}, "there is no tensor 'ghost'"),
        (ops.Relu(), ["x"], ["a"], {"name": "bad"}, "tensor 'a' is defined twice"),
        (ops.Relu(), ["x"], ["bad"], {"name": "a"}, "op 'a' is defined twice"),
        (ops.Relu(), ["x"], ["bad", "worse"], {}, "2 output"),
        (ops.Relu(), ["x"], ["bad"], {"before": "ghost"}, "there is no op 'ghost'"),
    ]
    for attrs, inputs, outputs, options, words in attempts:
        with pytest.raises(LgsimError) as refusal:
            graph.add_op(attrs, inputs, outputs, **options)
        assert words in str(refusal.value)
    assert (names(graph), [t.name for t in graph.tensors]) == before
    assert_consistent(graph)


def test_a_refused_replacement_leaves_no_trace():
    graph = diamond()
    with pytest.raises(LgsimError, match="does not reshape"):
        graph.replace_op("d", attrs=ops.Reshape((5,)), inputs=["b"])
    assert graph.op("d").attrs == ops.Add()
    assert_consistent(graph)


def test_copies_are_independent():
    graph = diamond()
    twin = graph.copy()
    twin.replace_uses("a", "x")
    twin.outputs[:] = ["c"]
    assert twin.prune() == 3
    assert names(graph) == ["a", "b", "c", "d"]
    assert_consistent(graph)
    assert_consistent(twin)


def test_shared_weights_count_once_and_unused_ones_never():
    graph = diamond()
    graph.add_tensor(Tensor("w", VECTOR, weight=True))
    graph.add_tensor(Tensor("unused", VECTOR, weight=True))
    graph.add_op(ops.Mul(), ["d", "w"], ["e"])
    graph.add_op(ops.Add(), ["e", "w"], ["f"])
    assert graph.params() == 4


def test_networkx_view_has_an_edge_per_tensor_and_reader():
    view = diamond().to_networkx()
    assert sorted(view.edges(data="tensor")) == [
        ("a", "b", "a"), ("a", "c", "a"), ("b", "d", "b"), ("c", "d", "c"),
    ]  # fmt: skip
    assert view.nodes["d"]["kind"] == "Add"
