"""Cycle laws of the BDC (TIU) instructions, one function per hardware unit.

Every law has the form *steps*: how often the array of lanes and EUs (or the cube) has to step to
cover the result. There is no start-up cost. Channels are spread over the lanes, so c channels take
⌈c/64⌉ rounds; a lane computes `chip.eu_num` elements of a plane per step.

Shapes are those of the result as the instruction sees it: n, c and the plane h × w. `start_lane` is
the lane of the first channel, which is not 0 when a slice or concatenation along the channels is
not a multiple of the lanes. All laws are derived from the recorded commands of the vendor's
simulator; the agreement of each is given in docs/accuracy.md.
"""

from __future__ import annotations

from lgsim.graph.dtypes import DType
from lgsim.target.chip import Chip
from lgsim.target.layout import ceil_div

# Iterations of the division, the reciprocal square root and the compare-and-select over the EU
# words of the result. Derived from the recorded commands: exact on 7,049, 642 and 1,370 of them.
DIV_PASSES = 31
RSQRT_PASSES = 30
SELECT_PASSES = 2

# A window that moves by more than one column loses two of three steps, whatever the step.
# Derived from the recorded commands: exact on all 29,097 pooling and depthwise ones.
STRIDED_WINDOW_PASSES = 3


def _rounds(chip: Chip, n: int, c: int, start_lane: int = 0) -> int:
    """Rounds over the lanes that n images of c channels take."""
    return n * ceil_div(c + start_lane, chip.lanes)


def conv_cycles(
    chip: Chip, dtype: DType, *, n: int, ic: int, oc: int, oh: int, ow: int, kh: int, kw: int
) -> int:
    """CONV on the cube: bias, requant and relu are free. `dtype` is that of the input.

    Exact on 3,658 of 3,658 recorded commands. A group of a grouped convolution is one call.
    """
    positions = ceil_div(oh * ow, chip.cube_rows(dtype))
    return _rounds(chip, n, oc) * positions * ceil_div(ic, chip.ic_parallel(dtype)) * kh * kw


def mm2_cycles(chip: Chip, dtype: DType, *, m: int, k: int, n: int) -> int:
    """MM2, the matrix product (m, k) × (k, n) on the cube, rows on the lanes; one batch element.

    The same whether the right operand is transposed. Exact on 56,549 of 56,549 recorded commands.
    """
    columns = ceil_div(n, chip.cube_rows(dtype))
    return ceil_div(m, chip.lanes) * columns * ceil_div(k, chip.ic_parallel(dtype))


def mm_cycles(
    chip: Chip,
    dtype: DType,
    *,
    m: int,
    k: int,
    n: int,
    lane_columns: int,
    bias: bool = False,
    accumulate: bool = False,
) -> int:
    """MM, the matrix product on the EUs, columns folded over the lanes `lane_columns` each.

    Bias and accumulation onto the result each cost as much as one more k. `dtype` is that of the
    left operand. Exact on 2,904 of 2,904 recorded commands.
    """
    groups = ceil_div(ceil_div(n, lane_columns), chip.lanes)
    words = ceil_div(lane_columns, chip.eu_num(dtype))
    return m * (k + bias + accumulate) * groups * words


def arith_cycles(
    chip: Chip,
    dtype: DType,
    *,
    n: int,
    c: int,
    h: int,
    w: int,
    in_place: bool = False,
    repeat_second: bool = False,
    w_stride: int = 1,
    start_lane: int = 0,
) -> int:
    """AR: add, sub, mul, min, max, cast, copy, shift, logic, compare: one step per EU word.

    Parameters
    ----------
    dtype : DType
        Type of the widest tensor among operands and result.
    in_place : bool
        The result starts at the address of an operand: reading and writing the same word take
        turns, which doubles the cycles. A kernel that does not know addresses passes what its
        data flow implies (False for a result in a buffer of its own).
    repeat_second : bool
        The words of two tensor operands are fetched in turn, which doubles the cycles (again). Seen
        where the second operand has a stride of 0 along n, as the vendor's kernels for Add, Sub
        and Mul of two tensors write it when n is 1 (pass True for those) and as Softmax in a
        layer group subtracts the maximum; not in LayerNorm, in Softmax that runs alone, or inside
        activations (False). The likely cause, that both operands are addressed with strides of
        their own instead of the aligned layout, is not visible in the records.
    w_stride : int
        Stride in elements of the widest-spread operand along w (local transposes): a word is
        collected from, or scattered over, up to that many words.
    """
    words = ceil_div(h * w, chip.eu_num(dtype))
    spread = min(max(w_stride, 1), chip.eu_num(dtype))
    factor = (2 if in_place else 1) * (2 if repeat_second else 1) * spread
    return _rounds(chip, n, c, start_lane) * words * factor


def div_cycles(chip: Chip, dtype: DType, *, n: int, c: int, h: int, w: int) -> int:
    """AR division: `DIV_PASSES` iterations; the operands are latched, so in place is free."""
    return DIV_PASSES * arith_cycles(chip, dtype, n=n, c=c, h=h, w=w)


def select_cycles(chip: Chip, dtype: DType, *, n: int, c: int, h: int, w: int) -> int:
    """FUSED_CMP: compare two operands and select one of two others, two passes."""
    return SELECT_PASSES * arith_cycles(chip, dtype, n=n, c=c, h=h, w=w)


def taylor_cycles(chip: Chip, dtype: DType, *, n: int, c: int, h: int, w: int, table: int) -> int:
    """SFU Taylor series (exp, erf, …) with `table` coefficients: one pass per coefficient.

    The vendor's tables have 7 coefficients for 16-bit and 10 for 32-bit floats.
    """
    return table * arith_cycles(chip, dtype, n=n, c=c, h=h, w=w)


def rsqrt_cycles(chip: Chip, dtype: DType, *, n: int, c: int, h: int, w: int) -> int:
    """SFU reciprocal square root: `RSQRT_PASSES` iterations."""
    return RSQRT_PASSES * arith_cycles(chip, dtype, n=n, c=c, h=h, w=w)


def requant_cycles(
    chip: Chip, dtype: DType, *, n: int, c: int, h: int, w: int, in_place: bool = False
) -> int:
    """RQDQ, requant and dequant: one step per word of the wider side, `dtype` (int32 or f32)."""
    return arith_cycles(chip, dtype, n=n, c=c, h=h, w=w, in_place=in_place)


def pord_cycles(
    chip: Chip,
    dtype: DType,
    *,
    n: int,
    c: int,
    oh: int,
    ow: int,
    kh: int,
    kw: int,
    stride_w: int = 1,
    start_lane: int = 0,
) -> int:
    """Pooling and depthwise convolution: one step per EU word of results and per window tap.

    `dtype` is the wider of input and result: an int8 depthwise that accumulates in int32 is four
    times slower. When a row shrinks to one column (reductions along w), each row takes its own
    words; a horizontal stride costs `STRIDED_WINDOW_PASSES`, a vertical one nothing.
    """
    eu_num = chip.eu_num(dtype)
    words = oh if ow == 1 and kw > 1 and kh == 1 else ceil_div(oh * ow, eu_num)
    passes = STRIDED_WINDOW_PASSES if stride_w > 1 else 1
    return _rounds(chip, n, c, start_lane) * words * kh * kw * passes


def gather_cycles(
    chip: Chip, *, n: int, c: int, h: int, w: int, check_hazards: bool = False
) -> int:
    """SG, gather, scatter and table look-up: one index per lane and step, whatever the type.

    n, c, h, w are those of the indices (for a gather with one index list, of the result). The
    variants that check the indices for hazards stall at every second one.
    """
    steps = _rounds(chip, n, c) * h * w
    return steps * 3 // 2 if check_hazards else steps


def lane_copy_cycles(
    chip: Chip, dtype: DType, *, n: int, c: int, h: int, w: int, start_lane: int = 0
) -> int:
    """LANE_COPY, channels moved to other lanes: one word of one lane per step.

    Each round of the destination's lanes, which begin at `start_lane`, reads all channels again,
    so moving many channels is quadratic.
    """
    words = ceil_div(h * w, chip.eu_num(dtype))
    return n * c * words * ceil_div(c + start_lane, chip.lanes)


def lane_broadcast_cycles(
    chip: Chip, dtype: DType, *, n: int, h: int, w: int, in_place: bool = False
) -> int:
    """LANE_BC, one lane's plane copied to other lanes: one word per step, however many lanes.

    `in_place`: the copy starts at the lane and address of its source, which doubles the cycles.
    """
    words = ceil_div(h * w, chip.eu_num(dtype))
    return n * words * (2 if in_place else 1)


def static_broadcast_cycles(chip: Chip, dtype: DType, *, w: int) -> int:
    """STATIC_BC and DISTRIBUTE_BC, w constants from static memory to all lanes: word by word."""
    return ceil_div(w, chip.eu_num(dtype))
