"""Evaluation of look-ups and updates by index; negative indices count from the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lgsim.graph import ops
from lgsim.graph.interpreter.arrays import Array, Function


def _replace(x: Array, places: Any, updates: Array) -> None:
    x[places] = updates


# How an update changes the elements at an index, which may stand there more than once.
_UPDATES: dict[str, Callable[..., None]] = {
    "none": _replace,
    "add": np.add.at,
    "mul": np.multiply.at,
    "min": np.minimum.at,
    "max": np.maximum.at,
}


def _from_front(indices: Array, size: int) -> Array:
    return np.where(indices < 0, indices + size, indices)


def _gather_elements(attrs: ops.GatherElements, x: Array, indices: Array) -> Array:
    return x[_places(attrs.axis, indices, x)]


def _places(axis: int, indices: Array, x: Array) -> tuple[Array, ...]:
    """Where each index points to: its own position, but for the axis."""
    own: list[Array] = list(np.indices(indices.shape))
    own[axis] = _from_front(indices, x.shape[axis])
    return tuple(own)


def _gather_nd(attrs: ops.GatherND, x: Array, indices: Array) -> Array:
    batch = indices.shape[: attrs.batch_dims]
    lead = [
        np.arange(size).reshape(-1, *(1,) * (indices.ndim - 2 - axis))
        for axis, size in enumerate(batch)
    ]
    places = (*lead, *(indices[..., i] for i in range(indices.shape[-1])))
    return np.asarray(x[places])


def _scatter_elements(
    attrs: ops.ScatterElements, x: Array, indices: Array, updates: Array
) -> Array:
    result = x.copy()
    _UPDATES[attrs.reduction](result, _places(attrs.axis, indices, x), updates)
    return result


def _scatter_nd(attrs: ops.ScatterND, x: Array, indices: Array, updates: Array) -> Array:
    result = x.copy()
    places = tuple(indices[..., i] for i in range(indices.shape[-1]))
    _UPDATES[attrs.reduction](result, places, updates)
    return result


def _one_hot(attrs: ops.OneHot, indices: Array, values: Array | None = None) -> Array:
    off, on = (0.0, 1.0) if values is None else values
    places = np.arange(attrs.depth).reshape(-1, *(1,) * (indices.ndim - attrs.axis))
    hit = np.expand_dims(_from_front(indices, attrs.depth), attrs.axis) == places
    return np.where(hit, on, off)


FUNCTIONS: dict[type[ops.OpKind], Function] = {
    ops.Gather: lambda attrs, x, indices: np.take(x, indices, attrs.axis),
    ops.GatherElements: _gather_elements,
    ops.GatherND: _gather_nd,
    ops.OneHot: _one_hot,
    ops.ScatterElements: _scatter_elements,
    ops.ScatterND: _scatter_nd,
}
