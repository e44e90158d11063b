"""Which ops may be local: each rule where it holds and where it is broken."""

from __future__ import annotations

import pytest

from lgsim.graph import ops
from lgsim.graph.core import TensorType
from lgsim.graph.dtypes import DType
from lgsim.kernels import local_support, splittable
from lgsim.kernels.site import Operand, OpSite
from lgsim.kernels.support import KERNEL_FEATURES, Features, axis_dims

F16, F32, I8, U8 = DType.F16, DType.F32, DType.I8, DType.U8
NEW = Features()
OLD = Features(slice_5d=False, squeeze_local=False, weight_split=False)


def site(attrs: ops.OpKind, *shapes: tuple[int, ...], dtype: DType = F16, weights=()) -> OpSite:
    operands = tuple(
        Operand(TensorType(shape, dtype), k in weights) for k, shape in enumerate(shapes)
    )
    return OpSite(attrs, operands, attrs.infer([operand.type for operand in operands]))


def cut(shape: tuple[int, ...], axis: int, start: int = 0, size: int = 1, step: int = 1) -> OpSite:
    starts, ends, steps = [0] * len(shape), list(shape), [1] * len(shape)
    starts[axis], ends[axis], steps[axis] = start, start + size, step
    return site(ops.Slice(tuple(starts), tuple(ends), tuple(steps)), shape)


QKV_INNER, QKV_OUTER = (64, 49, 3, 3, 32), (3, 64, 3, 49, 32)


@pytest.mark.parametrize(
    ("case", "before", "after"),
    [
        (cut(QKV_INNER, 2), False, True),
        (cut(QKV_OUTER, 0), False, False),
        (cut((1, 64, 7, 7), 1, 16, 16), True, True),
        (cut((1, 64, 7, 7), 1, 0, 64, step=2), False, False),
    ],
)
def test_slices_of_swin(case, before, after):
    # Truth table of the 5-D slice: before and after it was taught to the compiler.
    assert (local_support(case, OLD) is None) is before
    assert (local_support(case, NEW) is None) is after


@pytest.mark.parametrize(
    ("case", "before", "after"),
    [
        (site(ops.Squeeze((2,)), (64, 49, 1, 3, 32)), False, True),
        (site(ops.Squeeze((0,)), (1, 64, 3, 49, 32)), False, False),
    ],
)
def test_squeezes_of_swin(case, before, after):
    assert (local_support(case, OLD) is None) is before
    assert (local_support(case, NEW) is None) is after


def test_features_name_what_lifts_them():
    refused = {
        "slice_5d": cut(QKV_INNER, 2),
        "squeeze_local": site(ops.Squeeze((2,)), (64, 49, 1, 3, 32)),
        "weight_split": site(ops.Add(), (64, 49, 3, 49), (1, 49, 3, 49), weights=(1,)),
    }
    assert set(refused) == set(KERNEL_FEATURES)
    for name, case in refused.items():
        refusal = local_support(case, Features.without([name]))
        assert refusal is not None
        assert refusal.feature == name
        assert name in refusal.lift
        others = [other for other in KERNEL_FEATURES if other != name]
        assert local_support(case, Features.without(others)) is None


def test_a_feature_is_not_offered_where_it_would_not_help():
    for case in (cut(QKV_OUTER, 0), site(ops.Squeeze((0,)), (1, 64, 3, 49, 32))):
        refusal = local_support(case, OLD)
        assert refusal is not None
        assert refusal.feature is None


CONV3D = {"kernel": (3, 3, 3), "pads": (1,) * 6, "dilations": (1, 1, 1)}
DECONV = {"pads": (0,) * 4, "dilations": (1, 1), "output_padding": (0, 0)}

ACCEPTED = [
    site(ops.Add(), (1, 64, 7, 7), (1, 64, 7, 7)),
    site(ops.Add(), (64, 49, 3, 49), (1, 49, 3, 49), weights=(1,)),
    site(ops.Add(), (1, 197, 192), (192,), weights=(1,)),
    site(ops.Mul(), (2, 3, 4, 5, 6), (2, 3, 1, 1, 1)),
    site(ops.MulConst(0.5), (64, 49, 3, 32)),
    site(ops.PRelu(), (1, 8, 4, 4), (1, 8, 1, 1), weights=(1,)),
    site(ops.Where(), (1, 8, 4, 4), (1, 8, 4, 4), (1, 1, 1, 1), weights=(2,)),
    site(ops.Compare("less"), (1, 8), (1, 8)),
    site(ops.Active("gelu"), (1, 197, 768)),
    site(ops.Cast(F32), (1, 16, 8, 56, 56)),
    site(ops.Concat(1), (1, 32, 7, 7), (1, 32, 7, 7)),
    site(ops.Conv((3, 3), (2, 2), (1,) * 4, (1, 1)), (1, 8, 32, 32), (16, 8, 3, 3), weights=(1,)),
    site(ops.Conv(strides=(1, 15, 15), **CONV3D), (1, 8, 4, 32, 32), (8, 8, 3, 3, 3)),
    site(ops.Deconv((2, 2), (2, 2), **DECONV), (1, 8, 4, 4), (8, 4, 2, 2), weights=(1,)),
    site(ops.Pool("max", (3, 3), (2, 2), (1,) * 4), (1, 64, 112, 112)),
    site(ops.Pool("avg", (7, 7), (1, 1), (0,) * 4), (1, 2048, 7, 7)),
    cut((1, 197, 192), 1),
    cut((4, 8, 6), 0),
    site(ops.Reshape((64, 49, 96)), (64, 49, 3, 32)),
    site(ops.MatMul(), (1, 197, 192), (192, 768), weights=(1,)),
    site(ops.MatMul(), (4, 49, 16), (4, 16, 49)),
    site(ops.MatMul(hdim_is_batch=True), (64, 49, 3, 49), (64, 49, 3, 32)),
    site(ops.MatMul(), (1, 3, 197, 64), (64, 32), weights=(1,)),
    site(ops.MatMul(), (1, 1, 197, 197), (1, 1, 197, 64)),
    site(ops.Softmax(3), (64, 49, 3, 49)),
    site(ops.Softmax(2), (64, 49, 3, 49)),
    site(ops.LayerNorm(2), (1, 197, 192)),
    site(ops.RMSNorm(2), (1, 197, 192)),
    site(ops.GroupNorm(4), (1, 64, 8, 8)),
    site(ops.Scale(), (1, 192), (192,), (192,), weights=(1, 2)),
    site(ops.Reduce("mean", (3,)), (1, 8, 7, 7)),
    site(ops.Reduce("max", (3,), keepdims=False), (1, 8, 7, 7)),
    site(ops.Upsample(2, 2), (1, 8, 7, 7)),
    site(ops.SwapDimInner((0, 3, 0, 0)), (1, 56, 56, 96)),
    site(ops.MulShift(), (1, 49, 24, 32), dtype=I8),
    site(ops.Lut(), (1, 8, 4, 4), (1, 1, 1, 256), dtype=U8, weights=(1,)),
]

REFUSED = [
    ("same_rank", site(ops.Add(), (2, 64, 7, 7), (7, 7))),
    ("broadcast_5d", site(ops.Add(), (2, 3, 4, 5, 6), (2, 3, 4, 1, 6))),
    ("same_rank", site(ops.Where(), (8, 4), (1, 8, 4), (1, 8, 4))),
    ("computed_operands", site(ops.Compare("less"), (1, 8), (1, 8), weights=(1,))),
    ("no_local_form", site(ops.Pow(), (1, 8), (1, 8))),
    ("no_local_form", site(ops.PowConst(3.0), (1, 8))),
    ("too_many_dims", site(ops.Cast(F32), (1, 14, 14, 3, 16, 16))),
    ("too_many_dims", site(ops.Add(), (1, 2, 3, 4, 5, 6), (1, 2, 3, 4, 5, 6))),
    ("concat_axis", site(ops.Concat(0), (1, 32, 7, 7), (1, 32, 7, 7))),
    ("concat_axis", site(ops.Concat(4), (1, 2, 3, 4, 5), (1, 2, 3, 4, 5))),
    (
        "conv3d_stride",
        site(ops.Conv(strides=(1, 16, 1), **CONV3D), (1, 8, 4, 32, 32), (8, 8, 3, 3, 3)),
    ),
    ("deconv_kernel", site(ops.Deconv((2, 2), (3, 3), **DECONV), (1, 8, 4, 4), (8, 4, 2, 2))),
    (
        "deconv_rank",
        site(
            ops.Deconv((2, 2, 2), (2, 2, 2), (0,) * 6, (1, 1, 1), (0, 0, 0)),
            (1, 8, 4, 4, 4),
            (8, 4, 2, 2, 2),
        ),
    ),
    ("pool_stride", site(ops.Pool("max", (16, 16), (16, 16), (0,) * 4), (1, 8, 64, 64))),
    ("pool_mode", site(ops.Pool("lp", (2, 2), (2, 2), (0,) * 4), (1, 8, 64, 64))),
    ("slice_step", cut((1, 64, 7, 7), 1, 0, 64, step=2)),
    (
        "slice_step",
        site(ops.Slice((0, 0, 6), (1, 64, -1), (1, 1, -1)), (1, 64, 7)),
    ),
    ("slice_channels", cut((1, 65536, 2), 2)),
    ("slice_5d", cut((2, 3, 4, 5, 6), 3)),
    ("keep_outer", site(ops.Reshape((1, 3136, 96)), (1, 56, 56, 96))),
    ("keep_outer", site(ops.Reshape((8,)), (2, 4))),
    ("no_local_form", site(ops.Unsqueeze((2,)), (2, 4))),
    ("f32_matmul", site(ops.MatMul(), (1, 197, 192), (192, 768), dtype=F32, weights=(1,))),
    ("matmul_ranks", site(ops.MatMul(), (1, 768), (768, 1000), weights=(1,))),
    ("matmul_ranks", site(ops.MatMul(), (1, 14, 14, 768), (768, 768), weights=(1,))),
    ("matmul_batch", site(ops.MatMul(), (2, 3, 8, 4), (1, 3, 4, 8))),
    ("softmax_4d", site(ops.Softmax(2), (4, 49, 49))),
    ("softmax_4d", site(ops.Softmax(1), (1, 8, 4, 4))),
    ("norm_axis", site(ops.LayerNorm(0), (4, 8))),
    ("rms_axis", site(ops.RMSNorm(1), (4, 8, 6))),
    ("reduce_mode", site(ops.Reduce("min", (3,)), (1, 8, 7, 7))),
    ("reduce_4d", site(ops.Reduce("mean", (2, 3)), (1, 8, 7, 7))),
    ("reduce_4d", site(ops.Reduce("mean", (2,)), (1, 8, 7))),
    ("reduce_rank", site(ops.Reduce("mean", (2,), keepdims=False), (1, 8, 7, 7))),
    ("whole_factor", site(ops.Interp((14, 14)), (1, 8, 7, 7))),
    ("roll_4d", site(ops.SwapDimInner((0, 0, 1, 0, 0)), (1, 2, 3, 4, 5))),
    ("no_local_form", site(ops.Permute((0, 2, 1)), (1, 49, 768))),
    ("no_local_form", site(ops.Depth2Space(2, 2), (1, 64, 7, 7))),
    ("no_local_form", site(ops.Tile((1, 2)), (1, 64))),
    ("no_local_form", site(ops.Pad((0, 0, 1, 1)), (8, 8))),
    ("no_local_form", site(ops.TopK(1, 2), (8, 8))),
    ("no_local_form", site(ops.Unknown("Magic", (TensorType((1, 8), F16),)), (1, 8))),
]


@pytest.mark.parametrize("case", ACCEPTED, ids=lambda case: case.kind)
def test_accepted(case):
    assert local_support(case, NEW) is None


@pytest.mark.parametrize(("rule", "case"), REFUSED, ids=lambda part: str(part)[:24])
def test_refused(rule, case):
    refusal = local_support(case, NEW)
    assert refusal is not None
    assert refusal.rule == rule
    assert refusal.sentence
    assert refusal.value
    assert refusal.limit
    assert refusal.value in refusal.detail


def test_every_rule_is_tested():
    from lgsim.kernels import kernels

    rules = {rule.name for kernel in kernels().values() for rule in kernel.rules}
    tested = {rule for rule, _ in REFUSED} | {"weight_operand", "squeeze_local"}
    assert rules <= tested


def axes(case: OpSite, group_type: str) -> str:
    return "".join(axis for axis in "ncdhw" if splittable(case, axis, group_type))


@pytest.mark.parametrize(
    ("case", "group_type", "expected"),
    [
        (site(ops.Active("gelu"), (4, 64, 7, 7)), "NORMAL", "nchw"),
        (site(ops.Conv((1, 1), (1, 1), (0,) * 4, (1, 1)), (1, 8, 4, 4), (8, 8, 1, 1)), "NORMAL",
         "nhw"),
        (site(ops.Conv(strides=(1, 1, 1), **CONV3D), (1, 8, 4, 8, 8), (8, 8, 3, 3, 3)), "3D",
         "ndhw"),
        (site(ops.Pool("avg", (7, 7), (1, 1), (0,) * 4), (1, 2048, 7, 7)), "NORMAL", "nc"),
        (site(ops.Pool("max", (3, 3), (2, 2), (1,) * 4), (1, 64, 112, 112)), "NORMAL", "nchw"),
        (site(ops.MatMul(), (8, 197, 192), (192, 768)), "NORMAL", "n"),
        (site(ops.MatMul(), (8, 197, 192), (192, 768)), "MM", "nc"),
        (site(ops.MatMul(hdim_is_batch=True), (64, 49, 3, 49), (64, 49, 3, 32)), "MM", "nch"),
        (site(ops.MatMul(), (2, 3, 197, 64), (2, 3, 64, 197)), "SMALL_C", "nc"),
        (site(ops.Softmax(3), (64, 49, 3, 49)), "MM", "nch"),
        (site(ops.Softmax(3), (2, 3, 197, 197)), "SMALL_C", "nc"),
        (site(ops.LayerNorm(2), (1, 197, 192)), "MM", "nc"),
        (site(ops.GroupNorm(4), (2, 64, 8, 8)), "NORMAL", "n"),
        (site(ops.InstanceNorm(), (2, 64, 8, 8)), "NORMAL", "nc"),
        (site(ops.Concat(2), (1, 32, 7, 7), (1, 32, 7, 7)), "NORMAL", "ncw"),
        (site(ops.Reshape((64, 49, 96)), (64, 49, 3, 32)), "MM", "nc"),
        (site(ops.Reduce("mean", (3,)), (1, 8, 7, 7)), "NORMAL", "nch"),
        (site(ops.SwapDimInner((0, 0, 3, 0)), (8, 56, 56, 96)), "NORMAL", "ncw"),
        (cut(QKV_INNER, 2), "3D", "nchw"),
        (cut((1, 64, 7, 7), 1, 16, 16), "NORMAL", "nhw"),
    ],
    ids=lambda part: part if isinstance(part, str) else part.kind,
)  # fmt: skip
def test_splittable(case, group_type, expected):
    assert axes(case, group_type) == expected


@pytest.mark.parametrize(
    ("shape", "group_type", "expected"),
    [
        ((2, 3), "NORMAL", {"n": (0,), "c": (1,)}),
        ((2, 3, 4), "MM", {"n": (0,), "c": (1,), "h": (2,)}),
        ((2, 3, 4, 5, 6), "NORMAL", {"n": (0,), "c": (1,), "h": (2,), "w": (3, 4)}),
        ((2, 3, 4, 5, 6), "3D", {"n": (0,), "c": (1,), "d": (2,), "h": (3,), "w": (4,)}),
        ((2, 3, 4, 5), "3D", {"n": (0,), "c": (1,), "h": (2,), "w": (3,)}),
        ((2, 3, 5, 6), "SMALL_C", {"n": (0, 1), "c": (2,), "h": (3,)}),
        ((2, 4, 8, 6), "SMALL_C", {"n": (0, 1, 2), "c": (0, 1, 2), "h": (3,)}),
        ((2, 3, 4), "SMALL_C", {"c": (0, 1), "h": (2,)}),
        ((2, 3), "SMALL_C", {"c": (0,), "h": (1,)}),
        ((2,), "SMALL_C", {"h": (0,)}),
    ],
)
def test_axis_dims(shape, group_type, expected):
    for axis in "ncdhw":
        assert axis_dims(shape, axis, group_type) == expected.get(axis, ())
