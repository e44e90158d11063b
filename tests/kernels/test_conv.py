"""Convolutions: instruction sequences of a slice, coefficient sizes, sound global schedules."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import prod

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from reference_layers import runs
from single_op import CHIP, SMALL_CHIP, graph_of, moved_bytes, outcome, schedule_of, violations

from lgsim.errors import InfeasibleError, LgsimError
from lgsim.graph.core import TensorType
from lgsim.graph.dtypes import DType
from lgsim.graph.ops import Conv, Deconv
from lgsim.kernels import kernel_of
from lgsim.kernels.base import Local, Work
from lgsim.kernels.commands.tiling import lane_bytes
from lgsim.kernels.conv.coefficients import coefficient_bytes, folded_taps
from lgsim.kernels.schedule import Direction, LmemSpan
from lgsim.kernels.site import Operand, OpSite, site_of
from lgsim.kernels.window import Slide, conv_shape

F32, F16, I8, I32 = DType.F32, DType.F16, DType.I8, DType.I32


def conv_site(kind: Conv, x: tuple[int, ...], oc: int, dtype: DType, result: DType) -> OpSite:
    filter_shape = (oc, x[1] // kind.groups, *kind.kernel)
    bias = TensorType((oc,), F32 if dtype.is_float else I32)
    types = (TensorType(x, dtype), TensorType(filter_shape, dtype), bias)
    out = TensorType(kind.infer(types)[0].shape, result)
    return OpSite(kind, tuple(Operand(t, i > 0) for i, t in enumerate(types)), (out,))


def sequence(site: OpSite) -> list[tuple[str, int]]:
    """Unit and cycles of the instructions of the whole op in local memory."""
    kernel = kernel_of(type(site.attrs))

    def local(type_: TensorType, buffer: int) -> Local:
        n, c, h, w = type_.shape
        address = buffer << 18
        span = LmemSpan(buffer, address, lane_bytes(CHIP, (n, c, h, w), type_.dtype))
        return Local((n, c, h, w), type_.dtype, span)

    oc = site.outputs[0].shape[1]
    coefficients = [Local((1, oc, 1, 1), F32, LmemSpan(i, i << 18, 64)) for i in (2, 3)]
    work = Work((local(site.inputs[0].type, 0), *coefficients), (local(site.outputs[0], 1),))
    scratch = LmemSpan(4, 4 << 18, kernel.scratch_bytes(site, CHIP, work))
    instructions = kernel.instructions(site, CHIP, replace(work, scratch=scratch))
    return [(i.unit, i.cycles) for i in instructions]


def plain(k: int, stride: int, pad: int, **more: bool) -> Conv:
    return Conv((k, k), (stride, stride), (pad,) * 4, (1, 1), **more)


def test_first_layer_is_spread_over_the_lanes() -> None:
    site = conv_site(plain(7, 2, 3, relu=True), (1, 3, 224, 224), 64, F16, F16)
    recorded = [(c["unit"], c["cycles"]) for c in runs("resnet18_f16", "Conv2D")[0]]
    assert sequence(site) == recorded


@pytest.mark.parametrize(("file", "dtype"), [("resnet18_f16", F16), ("resnet18_int8", I8)])
def test_convolution_then_bias_and_requant_or_relu(file: str, dtype: DType) -> None:
    site = conv_site(plain(3, 1, 1, relu=True), (1, 64, 56, 56), 64, dtype, dtype)
    recorded = [(c["unit"], c["cycles"]) for c in runs(file, "Conv2D")[1]]
    assert sequence(site) == recorded[: len(sequence(site))]


@pytest.mark.parametrize(
    ("dtype", "result", "steps"),
    [
        (F16, F16, [*[("CONV", 28224)] * 2, ("AR", 392), *[("CONV", 28224)] * 3, ("AR", 392)]),
        (I8, I32, [("CONV", 14112)] * 5),
    ],
)
def test_depth_slices(dtype: DType, result: DType, steps: list[tuple[str, int]]) -> None:
    """c3d_487: the first two depths of a 3 × 3 × 3 layer, from three planes of the input."""
    kind = Conv((3, 3, 3), (1, 1, 1), (1,) * 6, (1, 1, 1), relu=dtype is F16)
    site = conv_site(kind, (1, 64, 16, 56, 56), 128, dtype, result)
    kernel = kernel_of(Conv)
    spans = [LmemSpan(i, i << 18, 64) for i in range(5)]
    x = Local((3, 64, 56, 56), dtype, spans[0])
    out = Local((2, 128, 56, 56), result, spans[1])
    coefficients = [Local((1, 128, 1, 1), F32, spans[i]) for i in (2, 3)]
    work = Work((x, *coefficients), (out,), depth=2)
    scratch = LmemSpan(4, 4 << 18, kernel.scratch_bytes(site, CHIP, work))
    found = kernel.instructions(site, CHIP, replace(work, scratch=scratch))
    last = ("AR", 784) if dtype is F16 else ("AR", 1568)
    assert [(i.unit, i.cycles) for i in found] == [*steps, last]


def test_depthwise_int8_sums_in_int32() -> None:
    kind = Conv((3, 3), (2, 2), (1, 1, 1, 1), (1, 1), groups=256, relu=True)
    site = conv_site(kind, (1, 256, 14, 14), 256, I8, I8)
    assert sequence(site) == [("PorD", 432), ("RQDQ", 16)]


@pytest.mark.parametrize(
    ("ic", "kernel", "dtype", "taps"),
    [
        (3, 7, F16, (7, 1)),
        (3, 4, I8, (4, 4)),
        (8, 3, F16, (3, 1)),
        (16, 3, F16, (3, 1)),
        (64, 3, F16, (1, 1)),
        (3, 7, F32, (1, 1)),
    ],
)
def test_when_kernel_rows_become_channels(
    ic: int, kernel: int, dtype: DType, taps: tuple[int, int]
) -> None:
    site = conv_site(plain(kernel, 2, 1), (1, ic, 56, 56), 64, dtype, dtype)
    assert folded_taps(CHIP, conv_shape(site)) == taps


@pytest.mark.parametrize(
    ("ic", "oc", "kernel", "groups", "lane_bytes_"),
    [(64, 64, 3, 1, 640), (64, 128, 3, 1, 1280), (256, 256, 3, 1, 9472), (128, 128, 3, 128, 102)],
)
def test_merged_coefficients(ic: int, oc: int, kernel: int, groups: int, lane_bytes_: int) -> None:
    kind = Conv((kernel, kernel), (1, 1), (1,) * 4, (1, 1), groups=groups)
    site = conv_site(kind, (1, ic, 14, 14), oc, I8, I8)
    assert coefficient_bytes(CHIP, conv_shape(site), oc) == (lane_bytes_, 0)


def test_strided_pointwise_loads_only_what_it_reads() -> None:
    """Rows and columns that no window touches stay in global memory (resnet50, bytes exact)."""
    kind = plain(1, 2, 0)
    schedule = schedule_of(kind, ((1, 64, 56, 56), F16), ((128, 64, 1, 1), F16), weights=1)
    weights = 128 * 64 * 2
    assert moved_bytes(schedule, Direction.LOAD) == 64 * 55 * 55 * 2 + weights


def test_equal_tiles_share_their_instructions() -> None:
    schedule = schedule_of(
        plain(1, 1, 0), ((1, 512, 7, 7), F16), ((2048, 512, 1, 1), F16), weights=1
    )
    instructions = [i for step in schedule for i in step.instructions]
    assert len(instructions) == 32
    assert len({id(i) for i in instructions}) == 2


def test_what_does_not_fit_is_said() -> None:
    tiny = replace(CHIP, lmem_bytes=2048)
    with pytest.raises(InfeasibleError, match="bytes per lane too many"):
        schedule_of(
            plain(7, 1, 3), ((1, 4096, 9, 9), F16), ((64, 4096, 7, 7), F16), weights=1, chip=tiny
        )


@pytest.mark.parametrize(("dtype", "bias"), [(F32, F32), (F16, F32), (I8, I32)])
@pytest.mark.parametrize("groups", [1, 2])
def test_input_channels_are_added_up_where_windows_reach_too_far(
    dtype: DType, bias: DType, groups: int
) -> None:
    """The widest branch of DeepLabV3: a single row of windows needs 73 rows of 2048 channels."""
    kind = Conv((3, 3), (1, 1), (36,) * 4, (36, 36), groups, relu=True)
    weight = (256, 2048 // groups, 3, 3)
    operands = [((1, 2048, 64, 64), dtype), (weight, dtype), ((256,), bias)]
    assert violations(kind, *operands, weights=2) == []
    schedule = schedule_of(kind, *operands, weights=2)
    stores = [t for step in schedule for t in step.transfers if t.direction is Direction.STORE]
    assert len(stores) <= 4  # at most one per round of output channels
    assert outcome(kind, *operands, weights=2).gdma_cycles < 8e6


def test_input_channels_are_added_up_where_a_filter_fills_a_lane() -> None:
    tiny = replace(CHIP, lmem_bytes=16384)
    operands = [((1, 4096, 9, 9), F16), ((64, 4096, 7, 7), F16)]
    assert violations(plain(7, 1, 3), *operands, weights=1, chip=tiny) == []


@pytest.mark.parametrize("dtype", [F16, I8])
def test_the_bias_has_room_beside_the_last_piece_of_a_sum(dtype: DType) -> None:
    """The upsampling of a GAN with 16 KiB a lane: the next input lay over the bias."""
    tiny = replace(CHIP, lmem_bytes=16384)
    kind = Deconv((4, 4), (2, 2), (1,) * 4, (1, 1), (0, 0), relu=True)
    bias = I32 if dtype is I8 else F32
    operands = [((1, 256, 8, 8), dtype), ((256, 128, 4, 4), dtype), ((128,), bias)]
    assert violations(kind, *operands, weights=2, chip=tiny) == []


@pytest.mark.parametrize("kib", [4, 8, 16, 32])
@pytest.mark.parametrize("dtype", [F16, I8])
def test_scratch_is_large_enough_for_tiles_inside_the_image(dtype: DType, kib: int) -> None:
    """The first tile is padded, reads less than the ones after it, and spreads less."""
    chip = replace(CHIP, lmem_bytes=1024 * kib)
    operands = [((1, 3, 512, 256), dtype), ((32, 3, 7, 7), dtype)]
    for stride in (1, 4):
        assert violations(plain(7, stride, 3), *operands, weights=1, chip=chip) == []


convolutions = st.tuples(
    st.booleans(),  # deconvolution
    st.integers(1, 3),  # rank
    st.sampled_from([1, 2, 3]),  # batch
    st.sampled_from([1, 3, 17, 65]),  # input channels of a group
    st.sampled_from([1, 8, 70]),  # output channels of a group
    st.sampled_from([1, 1, 2, 3]),  # groups
    st.sampled_from([F32, F16, I8]),
    st.lists(st.integers(1, 3), min_size=3, max_size=3),  # kernel
    st.lists(st.integers(1, 3), min_size=3, max_size=3),  # stride
    st.lists(st.integers(1, 2), min_size=3, max_size=3),  # dilation
    st.lists(st.integers(0, 2), min_size=6, max_size=6),  # padding
    st.lists(st.sampled_from([1, 5, 14, 33]), min_size=3, max_size=3),
    st.booleans(),  # bias
    st.booleans(),  # relu
    st.sampled_from([CHIP, SMALL_CHIP]),
)


@given(convolutions)
@settings(max_examples=60, deadline=None)
def test_sound_schedules(case: tuple) -> None:  # type: ignore[type-arg]  # a bag of values
    transposed, rank, n, ic, oc, groups, dtype, kernel, stride, dilation, pad, *rest = case
    size, bias, relu, chip = rest
    kernel, stride, dilation = (tuple(x[:rank]) for x in (kernel, stride, dilation))
    pad = tuple(min(p, kernel[i % rank] - 1) for i, p in enumerate(pad[: 2 * rank]))
    x = (n, ic * groups, *size[:rank])
    kind: Conv | Deconv
    if transposed:
        kind = Deconv(kernel, stride, pad, dilation, (0,) * rank, groups, relu)
        weight = (ic * groups, oc, *kernel)
    else:
        kind = Conv(kernel, stride, pad, dilation, groups, relu)
        weight = (oc * groups, ic, *kernel)
    operands = [(x, dtype), (weight, dtype)]
    if bias:
        operands.append(((oc * groups,), F32 if dtype.is_float else I32))
    try:
        graph = graph_of(kind, *operands, weights=len(operands) - 1)
    except LgsimError:
        assume(False)
    found = violations(kind, *operands, weights=len(operands) - 1, chip=chip)
    # Input that no window touches need not be loaded.
    assert [text for text in found if "never loaded" not in text] == []
    schedule = schedule_of(kind, *operands, weights=len(operands) - 1, chip=chip)
    out = graph.tensor("y").type
    assert moved_bytes(schedule, Direction.STORE) == out.nbytes
    assert site_of(graph, graph.op("op")).outputs == (out,)


@given(
    st.integers(1, 40),
    st.integers(1, 5),
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(0, 4),
    st.booleans(),
)
def test_needed_input_of_a_slice(
    size: int, kernel: int, stride: int, dilation: int, pad: int, transposed: bool
) -> None:
    """`needs` covers every element that some tap of the slice reads, and nothing outside."""
    reach = (kernel - 1) * dilation
    out = (size - 1) * stride + reach + 1 - 2 * pad if transposed else size + 2 * pad - reach
    out = out if transposed else (out - 1) // stride + 1
    assume(out >= 1)
    slide = Slide(size, out, kernel, stride, dilation, pad, transposed)
    for start, length in ((0, out), (out // 2, 1), (out // 3, out - out // 3)):
        first, count = slide.needs(start, length)
        read = {s for o in range(start, start + length) for s in slide.sources(o)} - {None}
        assert first >= 0
        assert first + count <= size
        assert all(first <= s < first + count for s in read if s is not None)


@pytest.mark.parametrize("dtype", [F32, F16, I8])
def test_more_work_takes_no_less(dtype: DType) -> None:
    """Bytes and BDC cycles grow; small transfers may be slower than larger ones (DDR channels)."""

    def total(size: int, channels: int) -> tuple[int, int]:
        operands = ((1, 64, size, size), dtype), ((channels, 64, 3, 3), dtype)
        schedule = schedule_of(plain(3, 1, 1), *operands, weights=1)
        loaded = moved_bytes(schedule, Direction.LOAD)
        return loaded, outcome(plain(3, 1, 1), *operands, weights=1).bdc_cycles

    for totals in (
        [total(size, 128) for size in (7, 14, 28, 56, 112, 224)],
        [total(28, channels) for channels in (32, 64, 128, 512, 1024)],
    ):
        assert all(a[0] <= b[0] and a[1] <= b[1] for a, b in pairwise(totals))


def test_macs_never_beat_the_peak() -> None:
    kind = plain(3, 1, 1)
    operands = ((1, 256, 28, 28), F16), ((256, 256, 3, 3), F16)
    macs = prod((28, 28, 256, 256, 9))
    assert outcome(kind, *operands, weights=1).bdc_cycles * CHIP.macs_per_cycle(F16) >= macs
