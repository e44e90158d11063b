"""Shape rules against NumPy, on random small cases."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lgsim.errors import LgsimError
from lgsim.graph import DType, TensorType, ops

small = settings(max_examples=60, deadline=None)

sizes = st.integers(1, 5)
shapes = st.lists(sizes, min_size=1, max_size=5).map(tuple)


def f32(*shape: int) -> TensorType:
    return TensorType(tuple(shape), DType.F32)


def i64(*shape: int) -> TensorType:
    return TensorType(tuple(shape), DType.I64)


def only(attrs: ops.OpKind, *inputs: TensorType) -> tuple[int, ...]:
    (output,) = attrs.infer(inputs)
    return output.shape


@given(
    st.lists(st.lists(st.sampled_from([1, 1, 2, 3]), max_size=4).map(tuple), min_size=2, max_size=2)
)
@small
def test_binary_broadcasts_as_numpy(pair):
    try:
        expected = np.broadcast_shapes(*pair)
    except ValueError:
        with pytest.raises(LgsimError, match="do not broadcast"):
            ops.Add().infer([f32(*shape) for shape in pair])
    else:
        assert only(ops.Add(), *(f32(*shape) for shape in pair)) == expected


@given(
    batch_left=st.lists(st.sampled_from([1, 2]), max_size=2),
    batch_right=st.lists(st.sampled_from([1, 2]), max_size=2),
    m=sizes, k=sizes, n=sizes, left_transpose=st.booleans(), right_transpose=st.booleans(),
)  # fmt: skip
@small
def test_matmul_is_numpys(batch_left, batch_right, m, k, n, left_transpose, right_transpose):
    left, right = np.zeros((*batch_left, m, k)), np.zeros((*batch_right, k, n))
    product = np.matmul(left, right)
    if left_transpose:
        left = left.swapaxes(-1, -2)
    if right_transpose:
        right = right.swapaxes(-1, -2)
    attrs = ops.MatMul(left_transpose, right_transpose)
    inputs = [f32(*left.shape), f32(*right.shape), f32(n)]
    assert only(attrs, *inputs) == product.shape
    assert attrs.macs(inputs, attrs.infer(inputs)) == product.size * k


@pytest.mark.parametrize(("left", "right"), [((4,), (4,)), ((4,), (2, 4, 3)), ((2, 3, 4), (4,))])
def test_matmul_with_vectors_is_numpys(left, right):
    assert (
        only(ops.MatMul(), f32(*left), f32(*right))
        == np.matmul(np.zeros(left), np.zeros(right)).shape
    )


@pytest.mark.parametrize("right_transpose", [False, True])
def test_inner_batch_matmul_is_the_permuted_one(right_transpose):
    left, right = f32(64, 49, 3, 32), f32(64, *((50, 3, 32) if right_transpose else (32, 3, 50)))
    attrs = ops.MatMul(right_transpose=right_transpose, hdim_is_batch=True)
    heads_first = [ops.Permute((0, 2, 1, 3)).infer([x])[0] for x in (left, right)]
    plain = ops.MatMul(right_transpose=right_transpose).infer(heads_first)
    (result,) = attrs.infer([left, right])
    assert result == ops.Permute((0, 2, 1, 3)).infer(plain)[0]
    assert attrs.macs([left, right], [result]) == 64 * 3 * 49 * 50 * 32


@pytest.mark.parametrize(
    ("equation", "operands"),
    [("ij,jk->ik", [(2, 3), (3, 4)]), ("bchq,bkc->bhkq", [(2, 3, 4, 5), (2, 6, 3)]),
     ("abc->ca", [(2, 3, 4)]), ("i,i->", [(3,), (3,)])],
)  # fmt: skip
def test_einsum_is_numpys(equation, operands):
    expected = np.einsum(equation, *(np.zeros(shape) for shape in operands)).shape
    assert only(ops.Einsum(equation), *(f32(*shape) for shape in operands)) == expected


@given(st.data(), shapes)
@small
def test_slice_is_numpys(data, shape):
    bounds = [
        slice(
            data.draw(st.none() | st.integers(-6, 6)),
            data.draw(st.none() | st.integers(-6, 6)),
            data.draw(st.sampled_from([1, 1, 2, 3, -1, -2])),
        ).indices(size)
        for size in shape
    ]
    expected = tuple(len(range(*b)) for b in bounds)
    attrs = ops.Slice(*(tuple(column) for column in zip(*bounds, strict=True)))
    if prod(expected):
        assert only(attrs, f32(*shape)) == expected
    else:
        with pytest.raises(LgsimError):
            attrs.infer([f32(*shape)])


@given(st.data(), shapes)
@small
def test_permute_tells_whether_data_moves(data, shape):
    order = tuple(data.draw(st.permutations(range(len(shape)))))
    array = np.arange(prod(shape)).reshape(shape)
    moved = array.transpose(order)
    assert only(ops.Permute(order), f32(*shape)) == moved.shape
    assert ops.Permute(order).moves_data(shape) == (moved.ravel() != array.ravel()).any()


@given(st.data(), shapes)
@small
def test_pad_tile_concat_gather_are_numpys(data, shape):
    rank = len(shape)
    array, x = np.zeros(shape), f32(*shape)
    borders = data.draw(st.lists(st.tuples(sizes, sizes), min_size=rank, max_size=rank))
    pads = tuple(before for before, _ in borders) + tuple(after for _, after in borders)
    assert only(ops.Pad(pads), x) == np.pad(array, borders).shape
    repeats = tuple(data.draw(st.lists(sizes, min_size=rank, max_size=rank)))
    assert only(ops.Tile(repeats), x) == np.tile(array, repeats).shape
    axis = data.draw(st.integers(0, rank - 1))
    assert only(ops.Concat(axis), x, x, x) == np.concatenate([array] * 3, axis).shape
    picks = tuple(data.draw(st.lists(sizes, max_size=2)))
    indices = np.zeros(picks, int)
    assert only(ops.Gather(axis), x, i64(*picks)) == np.take(array, indices, axis).shape


@given(st.data(), shapes)
@small
def test_reductions_are_numpys(data, shape):
    axes = tuple(sorted(data.draw(st.sets(st.integers(0, len(shape) - 1), min_size=1))))
    keepdims = data.draw(st.booleans())
    expected = np.zeros(shape).sum(axes, keepdims=keepdims).shape
    assert only(ops.Reduce("sum", axes, keepdims), f32(*shape)) == expected
    positions = np.zeros(shape).argmax(axes[0], keepdims=keepdims)
    (found,) = ops.Arg("max", axes[0], keepdims).infer([f32(*shape)])
    assert (found.shape, found.dtype) == (positions.shape, DType.I64)


@given(st.data(), shapes)
@small
def test_squeeze_undoes_unsqueeze(data, shape):
    rank = len(shape) + 2
    axes = tuple(data.draw(st.sets(st.integers(0, rank - 1), min_size=2, max_size=2)))
    wide = only(ops.Unsqueeze(axes), f32(*shape))
    assert wide == np.expand_dims(np.zeros(shape), axes).shape
    assert only(ops.Squeeze(axes), f32(*wide)) == shape


@given(shapes, shapes)
@small
def test_reshape_needs_the_same_elements(old, new):
    if prod(old) == prod(new):
        assert only(ops.Reshape(new), f32(*old)) == new
    else:
        with pytest.raises(LgsimError, match="does not reshape"):
            ops.Reshape(new).infer([f32(*old)])


@given(st.tuples(sizes, sizes, sizes, sizes), st.integers(1, 3), st.integers(1, 3), st.booleans())
@small
def test_space_to_depth_undoes_depth_to_space(shape, block_h, block_w, channels_last):
    n, c, h, w = shape
    assume(c % (block_h * block_w) == 0)
    x = f32(n, h, w, c) if channels_last else f32(*shape)
    there = ops.Depth2Space(block_h, block_w, channels_last=channels_last)
    back = ops.Depth2Space(block_h, block_w, inverse=True, channels_last=channels_last)
    assert back.infer(there.infer([x])) == (x,)
