"""What does not fit is refused in words, whatever it is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lgsim.errors import LgsimError
from lgsim.graph import DType, TensorType, ops


def f32(*shape: int) -> TensorType:
    return TensorType(shape, DType.F32)


def i64(*shape: int) -> TensorType:
    return TensorType(shape, DType.I64)


SQUARE = ((3, 3), (1, 1), (1, 1, 1, 1), (1, 1))

REFUSED = {
    "filter of another rank": (ops.Conv(*SQUARE), [f32(1, 3, 8, 8), f32(8, 3, 3)], "2 spatial"),
    "filter of another kernel": (ops.Conv(*SQUARE), [f32(1, 3, 8, 8), f32(8, 3, 3, 5)], "kernel"),
    "groups": (ops.Conv(*SQUARE, groups=2), [f32(1, 3, 8, 8), f32(8, 3, 3, 3)], "3 channels"),
    "bias": (ops.Conv(*SQUARE), [f32(1, 3, 8, 8), f32(8, 3, 3, 3), f32(4)], "bias is 4, not 8"),
    "zero stride": (
        ops.Conv((3, 3), (0, 1), (1, 1, 1, 1), (1, 1)),
        [f32(1, 3, 8, 8), f32(8, 3, 3, 3)],
        "strides",
    ),
    "pads of one side": (ops.Pool("avg", (2, 2), (2, 2), (0, 0)), [f32(1, 3, 8, 8)], "takes 4"),
    "pool mode": (ops.Pool("median", (2,), (2,), (0, 0)), [f32(1, 3, 8)], "avg, max, lp"),
    "inner dimensions": (ops.MatMul(), [f32(2, 3), f32(4, 5)], "K is 3 and 4"),
    "scalar matrix": (ops.MatMul(), [f32(), f32(4, 5)], "scalar"),
    "inner batch of rank 3": (ops.MatMul(hdim_is_batch=True), [f32(2, 3, 4)] * 2, "rank 4"),
    "negative axis": (ops.Softmax(-1), [f32(2, 3)], "axes of rank 2 are 0 to 1"),
    "axis twice": (ops.Reduce("sum", (1, 1)), [f32(2, 3)], "twice"),
    "scale of LayerNorm": (ops.LayerNorm(1), [f32(2, 3), f32(2)], "the scale is 2, not 3"),
    "order": (ops.Permute((0, 0)), [f32(2, 3)], "does not permute"),
    "squeeze": (ops.Squeeze((1,)), [f32(2, 3)], "not all 1"),
    "concat": (ops.Concat(1), [f32(2, 3), f32(3, 3)], "do not concatenate"),
    "concat of ranks": (ops.Concat(0), [f32(2, 3), f32(2)], "do not concatenate"),
    "open slice": (ops.Slice((0, 1), (2, 2**63), (1, 1)), [f32(2, 3)], "no slice of 3"),
    "cropping pad": (ops.Pad((0, -1)), [f32(3)], "at least 0"),
    "reflection": (ops.Pad((3, 0), "reflect"), [f32(3)], "too small"),
    "roll too far": (ops.SwapDimInner((0, 3)), [f32(2, 3)], "beyond"),
    "float indices": (ops.Gather(0), [f32(2, 3), f32(1)], "integers"),
    "deep indices": (ops.GatherND(), [f32(2, 3), i64(4, 3)], "does not index"),
    "k": (ops.TopK(0, 5), [f32(2, 3)], "k = 5 of 2"),
    "blocks": (ops.Depth2Space(2, 2), [f32(1, 6, 4, 4)], "no 2x2 blocks"),
    "grid": (ops.GridSampler(), [f32(1, 3, 4, 4), f32(1, 4, 4, 3)], "does not sample"),
    "activation": (ops.Active("swoosh"), [f32(2)], "'swoosh' is not known"),
    "table": (ops.Lut(), [f32(2), f32(16)], "256"),
    "recurrent weight": (ops.LSTM(4), [f32(7, 1, 5), f32(1, 16, 5), f32(1, 12, 4)], "16x4"),
    "equation": (ops.Einsum("...i,ij->...j"), [f32(2, 3), f32(3, 4)], "form"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_message_says_what_is_wrong(case):
    attrs, inputs, words = REFUSED[case]
    with pytest.raises(LgsimError) as refusal:
        attrs.infer(inputs)
    assert words in str(refusal.value)


SAMPLES: list[ops.OpKind] = [
    ops.Conv(*SQUARE), ops.Deconv(*SQUARE, (0, 0)), ops.Deconv((3,), (1,), (0, 0), (1,), (0,)),
    ops.MatMul(), ops.MatMul(True, True), ops.MatMul(hdim_is_batch=True), ops.Einsum("ij,jk->ik"),
    ops.Pool("max", *SQUARE[:3]), ops.Add(), ops.Sub(), ops.Mul(), ops.Div(), ops.Min(), ops.Max(),
    ops.Pow(), ops.Mod(), ops.Compare("less"), ops.Where(), ops.AddConst(1), ops.SubConst(1),
    ops.MulConst(2), ops.DivConst(1), ops.MinConst(0), ops.MaxConst(0), ops.PowConst(2),
    ops.CompareConst("equal", 0), ops.Active("gelu"), ops.Relu(), ops.LeakyRelu(0.1), ops.PRelu(),
    ops.Clip(0, 6), ops.Cast(DType.F16), ops.Lut(), ops.MulShift(), ops.RequantInt(),
    ops.DequantInt(), ops.LayerNorm(1), ops.RMSNorm(1), ops.GroupNorm(2), ops.InstanceNorm(),
    ops.Scale(), ops.Softmax(1), ops.LRN(5), ops.Reduce("mean", (1,)), ops.Arg("max", 1),
    ops.TopK(1, 2), ops.CumSum(1), ops.Permute((1, 0)), ops.Reshape((4,)), ops.Squeeze((0,)),
    ops.Unsqueeze((1,)), ops.Concat(1), ops.Slice((0, 0), (1, 1), (1, 1)), ops.Tile((2, 1)),
    ops.Pad((0, 1, 0, 1)), ops.Depth2Space(2, 1), ops.SwapDimInner((0, 1)), ops.ShuffleChannel(2),
    ops.Gather(1), ops.GatherElements(1), ops.GatherND(), ops.GatherND(1), ops.ScatterElements(1),
    ops.ScatterND(), ops.OneHot(4, 1), ops.Upsample(2, 2), ops.Interp((4, 4)), ops.GridSampler(),
    ops.LSTM(2), ops.GRU(2, 2), ops.RNN(2), ops.Unknown("Mystery", (f32(2, 3),)),
    ops.Attention(2, 4, 0.5), ops.Attention(2, 4, 0.5, (False,) * 4, True, 3),
]  # fmt: skip


def test_samples_cover_the_catalogue():
    assert {type(attrs) for attrs in SAMPLES} == set(ops.OpKind.kinds.values())


types = st.builds(
    TensorType,
    st.lists(st.integers(1, 4), max_size=5).map(tuple),
    st.sampled_from([DType.F32, DType.I64]),
)


@given(st.sampled_from(SAMPLES), st.lists(types, max_size=5))
@settings(max_examples=600, deadline=None)
def test_rules_are_total(attrs, inputs):
    """Any operands give whole, non-empty types and a MAC count, or a refusal in words."""
    try:
        outputs = attrs.infer(inputs)
    except LgsimError:
        return
    assert all(min(output.shape, default=1) >= 1 for output in outputs)
    assert attrs.macs(inputs, outputs) >= 0
