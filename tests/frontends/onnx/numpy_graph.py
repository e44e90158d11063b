"""Runs small imported graphs with NumPy, to check that import keeps what a network computes."""

from __future__ import annotations

from itertools import product
from math import erf, prod
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lgsim.graph import Graph, Op

Array = np.ndarray[Any, Any]

_erf = np.vectorize(erf)


def _sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


ACTIVE: dict[str, Callable[[Array], Array]] = {
    "abs": np.abs,
    "celu": lambda x: np.maximum(x, 0) + np.minimum(0, np.exp(x) - 1),
    "ceil": np.ceil,
    "cos": np.cos,
    "elu": lambda x: np.where(x > 0, x, np.exp(x) - 1),
    "erf": _erf,
    "exp": np.exp,
    "floor": np.floor,
    "gelu": lambda x: 0.5 * x * (1 + _erf(x / np.sqrt(2))),
    "hard_swish": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "is_inf": np.isinf,
    "is_nan": np.isnan,
    "log": np.log,
    "mish": lambda x: x * np.tanh(np.logaddexp(x, 0)),
    "neg": np.negative,
    "not": np.logical_not,
    "quick_gelu": lambda x: x * _sigmoid(1.702 * x),
    "round": np.round,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "sigmoid": _sigmoid,
    "sign": np.sign,
    "silu": lambda x: x * _sigmoid(x),
    "sin": np.sin,
    "softplus": lambda x: np.logaddexp(x, 0),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "sqrt": np.sqrt,
    "tan": np.tan,
    "tanh": np.tanh,
    "tanh_gelu": lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
}
COMPARE: dict[str, Callable[..., Array]] = {
    "and": np.logical_and,
    "equal": np.equal,
    "greater": np.greater,
    "greater_equal": np.greater_equal,
    "less": np.less,
    "less_equal": np.less_equal,
    "not_equal": np.not_equal,
    "or": np.logical_or,
    "xor": np.logical_xor,
}
REDUCE: dict[str, Callable[..., Array]] = {
    "l1": lambda x, **o: np.abs(x).sum(**o),
    "l2": lambda x, **o: np.sqrt((x * x).sum(**o)),
    "logsum": lambda x, **o: np.log(x.sum(**o)),
    "logsumexp": lambda x, **o: np.log(np.exp(x).sum(**o)),
    "max": np.max,
    "mean": np.mean,
    "min": np.min,
    "prod": np.prod,
    "sum": np.sum,
    "sumsquare": lambda x, **o: (x * x).sum(**o),
}


def _active(a: Any, x: Array) -> Array:
    if a.mode == "hard_sigmoid":
        return np.clip(a.alpha * x + a.beta, 0, 1)
    if a.mode == "thresholded_relu":
        return np.where(x > a.alpha, x, 0)
    return ACTIVE[a.mode](x)


def _norm(x: Array, axes: tuple[int, ...], eps: float, centre: bool = True) -> Array:
    mean = x.mean(axes, keepdims=True) if centre else 0
    return (x - mean) / np.sqrt(((x - mean) ** 2).mean(axes, keepdims=True) + eps)


def _channels(x: Array, *affine: Array) -> list[Array]:
    return [p.reshape(-1, *(1,) * (x.ndim - 2)) for p in affine]


def _affine(x: Array, *parts: Array) -> Array:
    scale = parts[0] if parts else 1
    return x * scale + (parts[1] if len(parts) > 1 else 0)


def _group_norm(a: Any, x: Array, *p: Array) -> Array:
    grouped = _norm(x.reshape(x.shape[0], a.groups, -1), (2,), a.eps)
    return _affine(grouped.reshape(x.shape), *_channels(x, *p))


def _trailing(x: Array, axis: int) -> tuple[int, ...]:
    return tuple(range(axis, x.ndim))


def _softmax(a: Any, x: Array) -> Array:
    e = np.exp(x - x.max(a.axis, keepdims=True))
    soft = e / e.sum(a.axis, keepdims=True)
    return np.log(soft) if a.log else soft


def _matmul(a: Any, x: Array, y: Array, bias: Array | None = None) -> Array:
    x = x.swapaxes(-1, -2) if a.left_transpose else x
    y = y.swapaxes(-1, -2) if a.right_transpose else y
    return x @ y + (0 if bias is None else bias)


def _windows(x: Array, a: Any, fill: float) -> tuple[Array, list[tuple[Any, ...]], list[Any]]:
    rank = len(a.kernel)
    dilations = a.dilations or (1,) * rank
    pads = [(0, 0), (0, 0), *zip(a.pads[:rank], a.pads[rank:], strict=True)]
    padded = np.pad(x, pads, constant_values=fill)
    spans = [d * (k - 1) + 1 for k, d in zip(a.kernel, dilations, strict=True)]
    sizes = [
        (n - span) // s + 1 for n, span, s in zip(padded.shape[2:], spans, a.strides, strict=True)
    ]
    places = list(product(*map(range, sizes)))
    cuts = [
        tuple(
            slice(p * s, p * s + span, d)
            for p, s, span, d in zip(place, a.strides, spans, dilations, strict=True)
        )
        for place in places
    ]
    return padded, list(zip(places, cuts, strict=True)), sizes


def _pool(a: Any, x: Array) -> Array:
    nan = a.mode == "avg" and not a.count_include_pad
    fill = {"max": -np.inf, "avg": np.nan if nan else 0.0, "lp": 0.0}[a.mode]
    padded, cuts, sizes = _windows(x, a, fill)
    out = np.zeros((*x.shape[:2], *sizes))
    for place, cut in cuts:
        window = padded[(..., *cut)].reshape(*x.shape[:2], -1)
        if a.mode == "max":
            value = window.max(-1)
        elif a.mode == "lp":
            value = np.sqrt((window**2).sum(-1))
        else:
            value = np.nanmean(window, -1)
        out[(..., *place)] = value
    return out


def _conv(a: Any, x: Array, w: Array, bias: Array | None = None) -> Array:
    padded, cuts, sizes = _windows(x, a, 0.0)
    out = np.zeros((x.shape[0], w.shape[0], *sizes))
    each_in, each_out = w.shape[1], w.shape[0] // a.groups
    for place, cut in cuts:
        window = padded[(..., *cut)]
        for oc in range(w.shape[0]):
            first = oc // each_out * each_in
            patch = window[:, first : first + each_in]
            axes = tuple(range(1, patch.ndim))
            out[(slice(None), oc, *place)] = (patch * w[oc]).sum(axes)
    return out if bias is None else out + bias.reshape(-1, *(1,) * len(sizes))


def _depth_to_space(a: Any, x: Array) -> Array:
    n, c, h, w = x.shape
    b = a.block_h
    if a.inverse:
        blocks = x.reshape(n, c, h // b, b, w // b, b).transpose(0, 3, 5, 1, 2, 4)
        return blocks.reshape(n, c * b * b, h // b, w // b)
    if a.dcr:
        blocks = x.reshape(n, b, b, c // b // b, h, w).transpose(0, 3, 4, 1, 5, 2)
    else:
        blocks = x.reshape(n, c // b // b, b, b, h, w).transpose(0, 1, 4, 2, 5, 3)
    return blocks.reshape(n, c // b // b, h * b, w * b)


def _topk(a: Any, x: Array) -> tuple[Array, Array]:
    order = np.argsort(-x if a.largest else x, a.axis, kind="stable").take(range(a.k), a.axis)
    return np.take_along_axis(x, order, a.axis), order


def _slice(a: Any, x: Array) -> Array:
    cuts = zip(a.starts, a.ends, a.steps, strict=True)
    return x[tuple(slice(s, None if e < 0 else e, step) for s, e, step in cuts)]


def _pad(a: Any, x: Array) -> Array:
    widths = list(zip(a.pads[: x.ndim], a.pads[x.ndim :], strict=True))
    options = {"constant_values": a.value} if a.mode == "constant" else {}
    return np.pad(x, widths, mode=a.mode, **options)


def _compare_const(a: Any, x: Array) -> Array:
    pair = (a.value, x) if a.reverse else (x, a.value)
    return COMPARE[a.mode](*pair)


def _cumsum(a: Any, x: Array) -> Array:
    flipped = np.flip(x, a.axis) if a.reverse else x
    total = np.cumsum(flipped, a.axis) - (flipped if a.exclusive else 0)
    return np.flip(total, a.axis) if a.reverse else total


def _einsum(a: Any, *x: Array) -> Array:
    return np.einsum(a.equation, *x)


RUN: dict[str, Callable[..., Any]] = {
    "Active": _active,
    "Add": lambda a, x, y: x + y,
    "AddConst": lambda a, x: x + a.value,
    "Arg": lambda a, x: getattr(np, f"arg{a.mode}")(x, a.axis, keepdims=a.keepdims),
    "Cast": lambda a, x: x.astype(np.float32 if a.to.is_float else a.to.value.replace("i", "int")),
    "Clip": lambda a, x: np.clip(x, a.low, a.high),
    "Compare": lambda a, x, y: COMPARE[a.mode](x, y),
    "CompareConst": _compare_const,
    "Concat": lambda a, *x: np.concatenate(x, a.axis),
    "Conv": _conv,
    "CumSum": _cumsum,
    "Depth2Space": _depth_to_space,
    "Div": lambda a, x, y: x / y if x.dtype.kind == "f" else x // y,
    "DivConst": lambda a, x: a.value / x,
    "Einsum": _einsum,
    "Gather": lambda a, x, i: np.take(x, i, a.axis),
    "GatherElements": lambda a, x, i: np.take_along_axis(x, i, a.axis),
    "GroupNorm": _group_norm,
    "InstanceNorm": lambda a, x, *p: _affine(_norm(x, _trailing(x, 2), a.eps), *_channels(x, *p)),
    "LayerNorm": lambda a, x, *p: _affine(_norm(x, _trailing(x, a.axis), a.eps), *p),
    "LeakyRelu": lambda a, x: np.where(x > 0, x, a.alpha * x),
    "MatMul": _matmul,
    "Max": lambda a, x, y: np.maximum(x, y),
    "MaxConst": lambda a, x: np.maximum(x, a.value),
    "Min": lambda a, x, y: np.minimum(x, y),
    "MinConst": lambda a, x: np.minimum(x, a.value),
    "Mod": lambda a, x, y: np.mod(x, y),
    "Mul": lambda a, x, y: x * y,
    "MulConst": lambda a, x: x * a.value,
    "PRelu": lambda a, x, s: np.where(x > 0, x, s * x),
    "Pad": _pad,
    "Permute": lambda a, x: x.transpose(a.order),
    "Pool": _pool,
    "Pow": lambda a, x, y: x**y,
    "PowConst": lambda a, x: x**a.exponent,
    "RMSNorm": lambda a, x, *p: _affine(_norm(x, _trailing(x, a.axis), a.eps, centre=False), *p),
    "Reduce": lambda a, x: REDUCE[a.mode](x, axis=a.axes, keepdims=a.keepdims),
    "Relu": lambda a, x: np.clip(x, 0, a.limit if a.limit > 0 else None),
    "Reshape": lambda a, x: x.reshape(a.shape),
    "Slice": _slice,
    "Softmax": _softmax,
    "Squeeze": lambda a, x: np.squeeze(x, a.axes),
    "Sub": lambda a, x, y: x - y,
    "SubConst": lambda a, x: a.value - x if a.reverse else x - a.value,
    "Tile": lambda a, x: np.tile(x, a.repeats),
    "TopK": _topk,
    "Unsqueeze": lambda a, x: np.expand_dims(x, a.axes),
    "Upsample": lambda a, x: x.repeat(a.scale_h, 2).repeat(a.scale_w, 3),
    "Where": lambda a, c, x, y: np.where(c, x, y),
}


def run_graph(graph: Graph, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Values of all tensors; KeyError for kinds that are not written down here."""
    values: dict[str, Array] = dict(inputs)
    for tensor in graph.tensors:
        if tensor.weight:
            assert tensor.data is not None, f"weight {tensor.name} has no data"
            values[tensor.name] = tensor.data
    for op in graph:
        results = _run(op, [values[name] for name in op.inputs])
        for name, value in zip(op.outputs, results, strict=True):
            assert value.shape == graph.tensor(name).shape
            assert prod(value.shape) >= 1
            values[name] = value
    return values


def _run(op: Op, operands: list[Array]) -> tuple[Array, ...]:
    result = RUN[type(op.attrs).__name__](op.attrs, *operands)
    return result if isinstance(result, tuple) else (np.asarray(result),)
