"""Vendor operations to op kinds: one small function per operation, in one table.

Names and attributes are those of tpu-mlir's ``tpu`` dialect as it prints itself.
"""

from __future__ import annotations

from collections.abc import Callable

from lgsim.frontends.tpu_mlir.site import VendorSite
from lgsim.graph import ops
from lgsim.graph.core import Shape, TensorType

Handler = Callable[[VendorSite], ops.OpKind]

# What the vendor calls activations where the name differs from the catalogue's.
_ACTIVE = {
    "ln": "log",
    "absval": "abs",
    "hswish": "hard_swish",
    "hsigmoid": "hard_sigmoid",
    "soft_plus": "softplus",
    "soft_sign": "softsign",
    "tgelu": "tanh_gelu",
    "qgelu": "quick_gelu",
    "logical_not": "not",
    "arctan": "atan",
    "arctanh": "atanh",
}
# What the vendor calls comparisons.
_COMPARE = {
    "lessorequal": "less_equal",
    "greaterorequal": "greater_equal",
    "notequal": "not_equal",
}


def _conv(site: VendorSite) -> ops.OpKind:
    kernel = site.integers("kernel_shape")
    return ops.Conv(
        kernel,
        site.integers("strides"),
        site.integers("pads"),
        site.integers("dilations", (1,) * len(kernel)),
        site.integer("group", 1),
        site.relu(),
        site.number("relu_limit", -1.0) if site.relu() else -1.0,
    )


def _deconv(site: VendorSite) -> ops.OpKind:
    kernel = site.integers("kernel_shape")
    return ops.Deconv(
        kernel,
        site.integers("strides"),
        site.integers("pads"),
        site.integers("dilations", (1,) * len(kernel)),
        site.integers("output_padding", (0,) * len(kernel)),
        site.integer("group", 1),
        site.relu(),
        site.number("relu_limit", -1.0) if site.relu() else -1.0,
    )


def _matmul(site: VendorSite) -> ops.OpKind:
    return ops.MatMul(
        site.flag("left_transpose"),
        site.flag("right_transpose"),
        site.flag("hdim_is_batch"),
        site.relu(),
    )


def _attention(site: VendorSite) -> ops.OpKind:
    # Operands: queries, keys, values, then weight and bias of q, k, v and output, mask, table.
    return ops.Attention(
        heads=site.integer("head"),
        dim=site.integer("dim"),
        scale=site.number("scale"),
        biases=(site.present[4], site.present[6], site.present[8], site.present[10]),
        masked=len(site.present) > 11 and site.present[11],
        operands_qkv=1 + sum(site.present[1:3]),
    )


def _pool(site: VendorSite) -> ops.OpKind:
    pads = site.integers("pads")
    return ops.Pool(
        site.word("pool_mode"),
        site.integers("kernel_shape"),
        site.integers("strides"),
        pads,
        any(pads) and site.flag("count_include_pad"),
        site.relu(),
    )


def _active(site: VendorSite) -> ops.OpKind:
    mode = site.word("mode")
    coefficients = site.attributes.get("coeffs")
    numbers = [
        float(c) for c in (coefficients if isinstance(coefficients, list) else [])
        if isinstance(c, int | float)
    ]  # fmt: skip
    return ops.Active(_ACTIVE.get(mode, mode), *numbers[:2])


def _slice(site: VendorSite) -> ops.OpKind:
    starts, ends = [], []
    steps = site.integers("steps")
    for size, start, end in zip(
        site.shape, site.integers("offset"), site.integers("ends"), strict=True
    ):
        starts.append(min(max(start + size if start < 0 else start, 0), size))
        ends.append(min(max(end + size if end < 0 else end, 0), size))
    return ops.Slice(tuple(starts), tuple(ends), steps)


def _depth2space(site: VendorSite) -> ops.OpKind:
    return ops.Depth2Space(
        site.integer("block_h"),
        site.integer("block_w"),
        dcr=not site.flag("is_CRD"),
        inverse=site.flag("is_inversed"),
        channels_last=not site.flag("in_is_NCHW"),
        column_first=site.flag("swap_cr"),
    )


def _pad(site: VendorSite) -> ops.OpKind:
    mode = site.word("mode", "constant")
    return ops.Pad(site.integers("paddings"), mode, site.number("val", 0.0))


def _reduce(site: VendorSite) -> ops.OpKind:
    mode = site.word("mode").removeprefix("reduce")
    return ops.Reduce(mode, site.axes(), site.integer("keepdims", 1) != 0 or site.flag("keepdims"))


def _interp(site: VendorSite) -> ops.OpKind:
    return ops.Interp(
        site.outputs[0].shape[2:],
        site.word("mode", "linear"),
        site.word("coord_mode", "half_pixel"),
    )


def _compare(site: VendorSite) -> str:
    mode = site.word("mode")
    return _COMPARE.get(mode, mode)


HANDLERS: dict[str, Handler] = {
    "Active": _active,
    "Add": lambda site: ops.Add(site.relu()),
    "AddConst": lambda site: ops.AddConst(site.number("const_val"), site.relu()),
    "Attention": _attention,
    "Cast": lambda site: ops.Cast(site.outputs[0].dtype),
    "Clip": lambda site: ops.Clip(site.number("min"), site.number("max")),
    "Compare": lambda site: ops.Compare(_compare(site)),
    "CompareConst": lambda site: ops.CompareConst(
        _compare(site), site.number("const_val"), site.flag("inversed")
    ),
    "Concat": lambda site: ops.Concat(site.axis()),
    "Conv2D": _conv,
    "Conv3D": _conv,
    "Deconv": _deconv,
    "Deconv3D": _deconv,
    "Depth2Space": _depth2space,
    "DequantInt": lambda _: ops.DequantInt(),
    "DequantIntAxis": lambda _: ops.DequantInt(),
    "Div": lambda _: ops.Div(),
    "Gather": lambda site: ops.Gather(site.axis(default=0)),
    "GatherElements": lambda site: ops.GatherElements(site.axis()),
    "GroupNorm": lambda site: ops.GroupNorm(site.integer("num_groups"), site.number("eps")),
    "InstanceNorm": lambda site: ops.InstanceNorm(site.number("eps")),
    "Interp": _interp,
    "LayerNorm": lambda site: ops.LayerNorm(site.axis(), site.number("eps")),
    "LeakyRelu": lambda site: ops.LeakyRelu(site.number("alpha")),
    "Lut": lambda _: ops.Lut(),
    "MatMul": _matmul,
    "Max": lambda _: ops.Max(),
    "MaxConst": lambda site: ops.MaxConst(site.number("const_val")),
    "Min": lambda _: ops.Min(),
    "MinConst": lambda site: ops.MinConst(site.number("const_val")),
    "Mul": lambda site: ops.Mul(site.relu()),
    "MulConst": lambda site: ops.MulConst(site.number("const_val"), site.relu()),
    "MulShift": lambda _: ops.MulShift(),
    "PRelu": lambda _: ops.PRelu(),
    "Pad": _pad,
    "Permute": lambda site: ops.Permute(site.integers("order")),
    "Pool1D": _pool,
    "Pool2D": _pool,
    "Pool3D": _pool,
    "RMSNorm": lambda site: ops.RMSNorm(site.rank - 1, site.number("eps")),
    "Reduce": _reduce,
    "Relu": lambda site: ops.Relu(site.number("relu_limit", -1.0)),
    "RequantInt": lambda site: ops.RequantInt(site.outputs[0].dtype),
    "RequantIntAxis": lambda site: ops.RequantInt(site.outputs[0].dtype),
    "Reshape": lambda site: ops.Reshape(site.outputs[0].shape),
    "Scale": lambda site: ops.Scale(site.relu()),
    "ShuffleChannel": lambda site: ops.ShuffleChannel(site.integer("group")),
    "Slice": _slice,
    "Softmax": lambda site: ops.Softmax(site.axis(), site.flag("log")),
    "Squeeze": lambda site: ops.Squeeze(site.axes()),
    "Sub": lambda site: ops.Sub(site.relu()),
    "SubConst": lambda site: ops.SubConst(
        site.number("const_val"), site.flag("is_reverse"), site.relu()
    ),
    "SwapDimInner": lambda site: ops.SwapDimInner(site.integers("offset")),
    "Tile": lambda site: ops.Tile(site.integers("tile")),
    "Unsqueeze": lambda site: ops.Reshape(site.outputs[0].shape),
    "Upsample": lambda site: ops.Upsample(site.integer("scale_h"), site.integer("scale_w")),
    "Where": lambda _: ops.Where(),
}


def weight_shape(attrs: ops.OpKind, index: int, inputs: tuple[TensorType, ...]) -> Shape:
    """Shape that operand `index`, a weight, has in the catalogue.

    The vendor pads the vectors of an op with unit dimensions and stores the filter of a
    transposed convolution with the output channels first.
    """
    shape = inputs[index].shape
    vector = (
        (isinstance(attrs, ops.MatMul | ops.Conv | ops.Deconv) and index == 2)
        or (isinstance(attrs, ops.Scale | ops.GroupNorm | ops.InstanceNorm) and index > 0)
    )  # fmt: skip
    if vector:
        return (inputs[index].elements,)
    if isinstance(attrs, ops.LayerNorm | ops.RMSNorm) and index > 0:
        return inputs[0].shape[attrs.axis :]
    if isinstance(attrs, ops.Deconv) and index == 1:
        groups = attrs.groups
        return (shape[1] * groups, shape[0] // groups, *shape[2:])
    return shape
