"""Data movement: the boxes of moves and transposes, executed on arrays, give the right result."""

from __future__ import annotations

from itertools import product
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from single_op import CHIP, graph_of, schedule_of, violations

from lgsim.graph.dtypes import DType
from lgsim.graph.interpreter.layout import FUNCTIONS
from lgsim.graph.ops import (
    Concat,
    Depth2Space,
    OpKind,
    Pad,
    Permute,
    Slice,
    SwapDimInner,
    Tile,
)
from lgsim.graph.ops.layout import merge_permutation
from lgsim.kernels.alias import view_offset
from lgsim.kernels.movement.permute import blocks_as_dimensions, lane_cuts, transposes
from lgsim.kernels.schedule import GmemBox

F16 = DType.F16
shapes = st.lists(st.integers(1, 7), min_size=1, max_size=5).map(tuple)


def elements(box: GmemBox) -> np.ndarray:
    """Positions of the elements of a box, in its order."""
    index = np.full(box.shape, box.offset)
    for axis, (size, stride) in enumerate(zip(box.shape, box.strides, strict=True)):
        steps = np.arange(size) * stride
        index = index + steps.reshape([-1 if i == axis else 1 for i in range(len(box.shape))])
    return index.ravel()


def moved(kind: OpKind, *inputs: np.ndarray) -> np.ndarray:
    """Run the moves of a schedule on the arrays; −1 where nothing was written."""
    graph = graph_of(kind, *((x.shape, F16) for x in inputs))
    result = np.full(graph.tensor("y").shape, -1).ravel()
    for step in schedule_of(kind, *((x.shape, F16) for x in inputs)):
        assert not step.instructions
        for transfer in step.transfers:
            source, target = transfer.source, transfer.destination
            assert source is not None
            assert target is not None
            result[elements(target)] = inputs[source.operand].ravel()[elements(source)]
    return result.reshape(graph.tensor("y").shape)


@given(shapes, st.data())
@settings(deadline=None)
def test_roll(shape: tuple[int, ...], data: st.DataObject) -> None:
    offsets = tuple(data.draw(st.integers(0, n - 1)) for n in shape)
    x = np.arange(prod(shape)).reshape(shape)
    if any(offsets):
        expected = np.roll(x, [-offset for offset in offsets], range(len(shape)))
        assert (moved(SwapDimInner(offsets), x) == expected).all()


@given(shapes, st.data())
@settings(deadline=None)
def test_slice(shape: tuple[int, ...], data: st.DataObject) -> None:
    starts = tuple(data.draw(st.integers(0, n - 1)) for n in shape)
    ends = tuple(data.draw(st.integers(s + 1, n)) for s, n in zip(starts, shape, strict=True))
    steps = tuple(data.draw(st.integers(1, 3)) for _ in shape)
    x = np.arange(prod(shape)).reshape(shape)
    kind = Slice(starts, ends, steps)
    expected = x[tuple(slice(*bounds) for bounds in zip(starts, ends, steps, strict=True))]
    graph = graph_of(kind, (shape, F16))
    offset = view_offset(graph, graph.op("op"))
    if offset is None:
        assert (moved(kind, x) == expected).all()
    else:
        first = offset // 2
        assert (x.ravel()[first : first + expected.size] == expected.ravel()).all()


@given(shapes, st.data())
@settings(deadline=None)
def test_tile(shape: tuple[int, ...], data: st.DataObject) -> None:
    repeats = tuple(data.draw(st.integers(1, 3)) for _ in shape)
    x = np.arange(prod(shape)).reshape(shape)
    if max(repeats) > 1:
        assert (moved(Tile(repeats), x) == np.tile(x, repeats)).all()


@given(shapes, st.data())
@settings(deadline=None)
def test_concat(shape: tuple[int, ...], data: st.DataObject) -> None:
    axis = data.draw(st.integers(0, len(shape) - 1))
    lengths = data.draw(st.lists(st.integers(1, 5), min_size=2, max_size=4))
    parts, first = [], 0
    for length in lengths:
        part = (*shape[:axis], length, *shape[axis + 1 :])
        parts.append(np.arange(first, first + prod(part)).reshape(part))
        first += prod(part)
    assert (moved(Concat(axis), *parts) == np.concatenate(parts, axis)).all()


@pytest.mark.parametrize("mode", ["edge", "wrap"])
@given(shape=shapes, data=st.data())
@settings(deadline=None)
def test_pad(mode: str, shape: tuple[int, ...], data: st.DataObject) -> None:
    pads = tuple(data.draw(st.integers(0, 3)) for _ in range(2 * len(shape)))
    x = np.arange(prod(shape)).reshape(shape)
    if any(pads):
        widths = list(zip(pads[: len(shape)], pads[len(shape) :], strict=True))
        found = moved(Pad(pads, mode), x)
        assert (found == np.pad(x, widths, mode)).all()  # type: ignore[call-overload]


@given(shapes, st.data())
@settings(deadline=None)
def test_chain_of_transposes_is_the_permutation(
    shape: tuple[int, ...], data: st.DataObject
) -> None:
    order = tuple(data.draw(st.permutations(range(len(shape)))))
    x = np.arange(prod(shape)).reshape(shape)
    sizes, merged = merge_permutation(shape, order)
    if merged == tuple(range(len(merged))):
        assert (x.transpose(order).ravel() == x.ravel()).all()
        return
    found = x.ravel()
    for n, c, m in transposes(sizes, merged):
        found = found.reshape(n, c, m).transpose(0, 2, 1).ravel()
    assert (found == x.transpose(order).ravel()).all()


@pytest.mark.parametrize("length", [1, 31, 49, 64, 65, 197, 3136, 50176])
def test_lanes_share_a_dimension_without_gap(length: int) -> None:
    covered = sorted(
        position
        for start, lanes, rounds in lane_cuts(CHIP, length)
        for position in range(start, start + lanes * rounds)
    )
    assert covered == list(range(length))


def test_permuting_ones_is_free() -> None:
    assert schedule_of(Permute((0, 2, 1, 3)), ((1, 1, 8, 9), F16)) == ()


@given(shapes, st.data())
@settings(deadline=None, max_examples=25)
def test_permutes_pass_the_checker(shape: tuple[int, ...], data: st.DataObject) -> None:
    order = tuple(data.draw(st.permutations(range(len(shape)))))
    assert violations(Permute(order), (shape, F16)) == []


@pytest.mark.parametrize(
    ("dtype", "batch", "recorded"),
    [
        (DType.F16, 1, (30786, 11544, 5772)),
        (DType.I8, 1, (30786, 7696, 2886)),
        (DType.F32, 1, (46179, 23089, 11544)),
        (DType.F16, 8, (246290, 92358, 46179)),
        (DType.I8, 8, (246290, 61572, 23089)),
    ],
)
def test_patch_merging_is_one_move(
    dtype: DType, batch: int, recorded: tuple[int, int, int]
) -> None:
    """The stages of swin_t, at batch 1 and 8: the move and its cycles as recorded."""
    merging = Depth2Space(2, 2, inverse=True, channels_last=True, column_first=True)
    for (size, channels), cycles in zip(((56, 96), (28, 192), (14, 384)), recorded, strict=True):
        schedule = schedule_of(merging, ((batch, size, size, channels), dtype))
        moves = [move for step in schedule for move in step.transfers]
        assert [move.cycles for move in moves] == [cycles]
        assert moves[0].source is not None
        assert moves[0].source.shape == (batch * size // 2, 2, size, channels)


@pytest.mark.parametrize("flags", list(product((False, True), repeat=4)))
def test_blocks_go_where_the_interpreter_puts_them(flags: tuple[bool, ...]) -> None:
    """The permutation of the commands is that of the op, for all orders of channels."""
    dcr, inverse, channels_last, column_first = flags
    attrs = Depth2Space(2, 3, dcr, inverse, channels_last, column_first)
    x = np.arange(2 * 12 * 6 * 12).reshape(2, 12, 6, 12)
    shape, order = blocks_as_dimensions(attrs, x.shape)
    expected = FUNCTIONS[Depth2Space](attrs, x)
    assert np.array_equal(x.reshape(shape).transpose(order).ravel(), expected.ravel())
