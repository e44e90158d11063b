"""Constant folding of ops that make, move, pick or convert elements."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from lgsim.frontends.onnx.folding.registry import Inputs, TooLargeError, folds
from lgsim.frontends.onnx.tensors import VALUE_LIMIT_ELEMENTS, Array

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lgsim.frontends.onnx.node import Node

# onnx.TensorProto.DataType -> NumPy type that constants are computed in; narrow floats are
# computed as 32-bit ones.
_NUMPY = {
    1: np.float32, 2: np.uint8, 3: np.int8, 4: np.uint16, 5: np.int16, 6: np.int32,
    7: np.int64, 9: np.bool_, 10: np.float32, 11: np.float64, 12: np.uint32, 13: np.uint64,
    16: np.float32,
}  # fmt: skip


def _given(inputs: Inputs, index: int) -> Array | None:
    return inputs[index] if index < len(inputs) else None


def _first(inputs: Inputs) -> Array:
    assert inputs[0] is not None
    return inputs[0]


def _ints(node: Node, attribute: str, value: Array | None) -> tuple[int, ...] | None:
    """Integers from an attribute or from an input."""
    if value is not None:
        return tuple(int(number) for number in value.reshape(-1))
    given = node.get(attribute, None)
    return (given,) if isinstance(given, int) else given


@folds("Constant")
def _constant(node: Node, _inputs: Inputs) -> Sequence[Any]:
    from onnx import numpy_helper

    for name in ("value_int", "value_ints"):
        if name in node.attrs:
            return (np.array(node.attrs[name], dtype=np.int64),)
    for name in ("value_float", "value_floats"):
        if name in node.attrs:
            return (np.array(node.attrs[name], dtype=np.float32),)
    if "value" not in node.attrs:
        raise ValueError("it has no numeric value")
    array = numpy_helper.to_array(node.attrs["value"])
    return (array if array.dtype.kind in "iubf" else array.astype(np.float32),)


@folds("ConstantOfShape")
def _constant_of_shape(node: Node, inputs: Inputs) -> Sequence[Any]:
    from onnx import numpy_helper

    fill = numpy_helper.to_array(node.attrs["value"]) if "value" in node.attrs else np.float32(0)
    shape = tuple(int(dim) for dim in _first(inputs).reshape(-1))
    # a view without memory of its own, so that large fills cost nothing
    return (np.broadcast_to(np.asarray(fill).reshape(()), shape),)


@folds("Identity", "Dropout")
def _identity(_node: Node, inputs: Inputs) -> Sequence[Any]:
    return (_first(inputs), np.ones(_first(inputs).shape, np.bool_))


@folds("Cast")
def _cast(node: Node, inputs: Inputs) -> Sequence[Any]:
    return (_first(inputs).astype(_NUMPY[node.attrs["to"]]),)


@folds("CastLike")
def _cast_like(_node: Node, inputs: Inputs) -> Sequence[Any]:
    like = _given(inputs, 1)
    return (_first(inputs).astype(_first(inputs).dtype if like is None else like.dtype),)


@folds("Range")
def _range(_node: Node, inputs: Inputs) -> Sequence[Any]:
    start, limit, delta = (np.asarray(value).reshape(-1)[0] for value in inputs)
    if abs(limit - start) > VALUE_LIMIT_ELEMENTS * abs(delta):
        raise TooLargeError
    return (np.arange(start, limit, delta, dtype=_first(inputs).dtype),)


@folds("EyeLike")
def _eye_like(node: Node, inputs: Inputs) -> Sequence[Any]:
    x = _first(inputs)
    dtype = _NUMPY[node.attrs["dtype"]] if "dtype" in node.attrs else x.dtype
    rows, columns = x.shape
    return (np.eye(rows, columns, k=node.get("k", 0)).astype(dtype),)


@folds("Reshape")
def _reshape(node: Node, inputs: Inputs) -> Sequence[Any]:
    x = _first(inputs)
    target = _ints(node, "shape", _given(inputs, 1)) or ()
    if not node.get("allowzero", 0):
        target = tuple(x.shape[i] if dim == 0 else dim for i, dim in enumerate(target))
    return (x.reshape(target),)


@folds("Flatten")
def _flatten(node: Node, inputs: Inputs) -> Sequence[Any]:
    x = _first(inputs)
    axis = node.get("axis", 1)
    axis += x.ndim if axis < 0 else 0
    return (x.reshape(int(np.prod(x.shape[:axis], dtype=np.int64)), -1),)


@folds("Transpose")
def _transpose(node: Node, inputs: Inputs) -> Sequence[Any]:
    return (np.transpose(_first(inputs), node.get("perm", None)),)


@folds("Squeeze")
def _squeeze(node: Node, inputs: Inputs) -> Sequence[Any]:
    return (np.squeeze(_first(inputs), _ints(node, "axes", _given(inputs, 1))),)


@folds("Unsqueeze")
def _unsqueeze(node: Node, inputs: Inputs) -> Sequence[Any]:
    return (np.expand_dims(_first(inputs), _ints(node, "axes", _given(inputs, 1)) or ()),)


@folds("Expand")
def _expand(_node: Node, inputs: Inputs) -> Sequence[Any]:
    shape = tuple(int(dim) for dim in np.asarray(inputs[1]).reshape(-1))
    x = _first(inputs)
    return (np.broadcast_to(x, np.broadcast_shapes(x.shape, shape)),)


@folds("Tile")
def _tile(_node: Node, inputs: Inputs) -> Sequence[Any]:
    repeats = np.asarray(inputs[1]).reshape(-1).tolist()
    if _first(inputs).size * prod(repeats) > VALUE_LIMIT_ELEMENTS:
        raise TooLargeError
    return (np.tile(_first(inputs), repeats),)


@folds("Concat")
def _concat(node: Node, inputs: Inputs) -> Sequence[Any]:
    return (np.concatenate([np.asarray(value) for value in inputs], node.get("axis", 0)),)


@folds("Split")
def _split(node: Node, inputs: Inputs) -> Sequence[Any]:
    x, axis = _first(inputs), node.get("axis", 0)
    sizes = _ints(node, "split", _given(inputs, 1))
    count = len(node.outputs)
    if sizes is None:
        each = -(-x.shape[axis] // count)
        return np.split(x, [min(each * (i + 1), x.shape[axis]) for i in range(count - 1)], axis)
    return np.split(x, np.cumsum(sizes)[:-1], axis)


@folds("Slice")
def _slice(node: Node, inputs: Inputs) -> Sequence[Any]:
    x = _first(inputs)
    starts = _ints(node, "starts", _given(inputs, 1)) or ()
    ends = _ints(node, "ends", _given(inputs, 2)) or ()
    axes = _ints(node, "axes", _given(inputs, 3)) or tuple(range(len(starts)))
    steps = _ints(node, "steps", _given(inputs, 4)) or (1,) * len(starts)
    window = [slice(None)] * x.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        # with a negative step, an end below the front means "through element 0"
        window[axis] = slice(start, None if step < 0 and end < -x.shape[axis] else end, step)
    return (x[tuple(window)],)


@folds("Gather")
def _gather(node: Node, inputs: Inputs) -> Sequence[Any]:
    return (np.take(_first(inputs), np.asarray(inputs[1]), axis=node.get("axis", 0)),)


@folds("GatherElements")
def _gather_elements(node: Node, inputs: Inputs) -> Sequence[Any]:
    return (np.take_along_axis(_first(inputs), np.asarray(inputs[1]), node.get("axis", 0)),)


@folds("ScatterND")
def _scatter_nd(node: Node, inputs: Inputs) -> Sequence[Any]:
    if node.get("reduction", "none") != "none":
        raise ValueError("a scattering reduction of constants is not computed")
    x, indices, updates = (np.asarray(value) for value in inputs)
    scattered = x.copy()
    scattered[tuple(np.moveaxis(indices, -1, 0))] = updates
    return (scattered,)


@folds("NonZero")
def _non_zero(_node: Node, inputs: Inputs) -> Sequence[Any]:
    return (np.stack(np.nonzero(_first(inputs))).astype(np.int64),)


@folds("Pad")
def _pad(node: Node, inputs: Inputs) -> Sequence[Any]:
    x = _first(inputs)
    mode = node.get("mode", "constant")
    pads = _ints(node, "pads", _given(inputs, 1)) or ()
    axes = _ints(node, "axes", _given(inputs, 3)) or tuple(range(x.ndim))
    widths = [(0, 0)] * x.ndim
    for i, axis in enumerate(axes):
        widths[axis] = (pads[i], pads[len(axes) + i])
    if mode != "constant":
        return (np.pad(x, widths, mode=mode),)
    fill = _given(inputs, 2)
    value = node.get("value", 0) if fill is None else fill.reshape(-1)[0]
    return (np.pad(x, widths, constant_values=value),)
