"""Convolutions in local memory: the BDC instructions of a slice.

What follows the convolution on the cube depends on the element type (reference/commands, all
networks): float adds one AR pass in place for a ReLU; int8 sums in int32, adds the bias in place
and requantizes; a depthwise convolution adds its bias itself. Inputs of few channels are spread
over the lanes first, so that the cube sums kernel rows as if they were channels ("3IC").
"""

from __future__ import annotations

from dataclasses import replace

from lgsim.graph.dtypes import DType
from lgsim.kernels.base import Local, Work
from lgsim.kernels.commands import cube
from lgsim.kernels.commands.tiling import ceil_div
from lgsim.kernels.commands.vector import Emitter, Scratch, retyped
from lgsim.kernels.conv.coefficients import folded_taps
from lgsim.kernels.schedule import Instruction, LmemSpan
from lgsim.kernels.window import ConvShape
from lgsim.target.timing import bdc


def convolve(
    emitter: Emitter,
    scratch: Scratch,
    shape: ConvShape,
    work: Work,
    sums: Local | None = None,
) -> None:
    """Append the instructions of one 2-D slice: sums, then what turns them into the result.

    `sums` is where int32 sums go; in the scratch by default.
    """
    x, out = work.input(0), work.outputs[0]
    weights = tuple(operand.span for operand in work.inputs[1:] if operand is not None)
    if not shape.requant:
        sums = out
    elif sums is None:
        sums = scratch.local(out.shape, DType.I32)
    if shape.depthwise:
        _depthwise(emitter, shape, x, sums, weights)
    else:
        _grouped(emitter, scratch, shape, x, sums, weights)
    finish(emitter, shape, sums, out, weights)


def accumulate(
    emitter: Emitter, scratch: Scratch, shape: ConvShape, work: Work, sums: Local, last: bool
) -> None:
    """Append the instructions that add a block of input channels to 32-bit `sums`.

    The `last` block turns them into the result, which may lie where they do.
    """
    x, out = work.input(0), work.outputs[0]
    weights = tuple(operand.span for operand in work.inputs[1:] if operand is not None)
    _grouped(emitter, scratch, shape, x, sums, weights)
    if last:
        if not shape.integer and out.dtype is not sums.dtype:
            emitter.ar("cast", out, sums)
        finish(emitter, shape, sums, out, weights)


def convolve_depth(emitter: Emitter, scratch: Scratch, shape: ConvShape, work: Work) -> None:
    """Append the instructions of a slice of a 3-D convolution, one output depth after the other.

    The cube adds up one plane per kernel depth; 16-bit results are summed in f32 and cast plane by
    plane (reference/commands: c3d_487 in f16 and int8). Planes in the depth padding are skipped.
    """
    x, out = work.input(0), work.outputs[0]
    weights = tuple(operand.span for operand in work.inputs[1:] if operand is not None)
    plane_shape = (1, *out.shape[1:])
    sums = out
    if shape.requant:
        sums = scratch.local(out.shape, DType.I32)
    narrow = not shape.integer and shape.result.bits < 32
    plane = scratch.local(plane_shape, DType.F32) if narrow else replace(sums, shape=plane_shape)
    for taps in _depth_taps(shape, x.shape[0] * work.depth // out.shape[0], work.depth):
        for _ in range(out.shape[0] // work.depth):
            _plane(emitter, shape, x, plane, weights, taps)
            if narrow:
                emitter.ar("cast", replace(out, shape=plane_shape), plane)
    finish(emitter, shape, sums, out, weights)


def _depth_taps(shape: ConvShape, planes: int, depth: int) -> list[int]:
    """Kernel planes that meet one of the slice's input planes, per output depth.

    A slice has fewer planes than its outputs span where it touches the padding, in front as far as
    the layer is padded there.
    """
    slide = shape.depth
    span = (depth - 1) * slide.stride + (slide.kernel - 1) * slide.dilation + 1
    front = min(slide.pad, max(0, span - planes))
    return [
        sum(
            0 <= index * slide.stride + tap * slide.dilation - front < planes
            for tap in range(slide.kernel)
        )
        for index in range(depth)
    ]


def _plane(
    emitter: Emitter,
    shape: ConvShape,
    x: Local,
    plane: Local,
    weights: tuple[LmemSpan, ...],
    taps: int,
) -> None:
    """The sums of one output plane over `taps` input planes."""
    chip, reads = emitter.chip, (x.span, *weights)
    if shape.depthwise:
        kernel = (taps * shape.rows.kernel, shape.cols.kernel)
        stride = shape.cols.stride
        emitter.instructions.append(
            cube.depthwise(chip, plane, x.dtype, reads, kernel=kernel, stride_w=stride)
        )
        return
    n, c, h, w = plane.shape
    group = replace(plane, shape=(n, ceil_div(c, shape.groups), h, w))
    once = cube.conv(chip, group, x.dtype, reads, ic=shape.group_ic, kernel=shape.kernel)
    emitter.instructions += [once] * (taps * shape.groups)


def finish(
    emitter: Emitter,
    shape: ConvShape,
    sums: Local,
    out: Local,
    weights: tuple[LmemSpan, ...],
) -> None:
    """From sums to the result: int32 bias and requant, or the ReLU of a float convolution.

    Sums that stay int32 get no ReLU: requantizing them to unsigned bytes clips as well (the Conv3D
    of reference/commands, c3d_487_int8).
    """
    if shape.integer and shape.bias is not None and not shape.depthwise:
        emitter.ar("add_bias", sums, sums)
    if shape.requant:
        n, c, h, w = out.shape
        in_place = sums.span.address == out.span.address
        cycles = bdc.requant_cycles(emitter.chip, sums.dtype, n=n, c=c, h=h, w=w, in_place=in_place)
        reads = (sums.span, *weights)
        emitter.instructions.append(Instruction("RQDQ", "requant", cycles, reads, (out.span,)))
    elif shape.relu and not shape.integer:
        emitter.ar("relu", out, out)


def _grouped(
    emitter: Emitter,
    scratch: Scratch,
    shape: ConvShape,
    x: Local,
    sums: Local,
    weights: tuple[LmemSpan, ...],
) -> None:
    chip = emitter.chip
    kernel = shape.kernel
    ic = shape.group_ic
    if folded_taps(chip, shape) != (1, 1):
        rows, cols = folded_taps(chip, shape)
        x = _fold(emitter, scratch, shape, x, sums, rows, cols)
        ic, kernel = ic * rows * cols, (kernel[0] // rows, kernel[1] // cols)
    groups = max(1, x.shape[1] // ic) if shape.groups > 1 else 1
    n, c, h, w = sums.shape
    for group in range(groups):
        source = x
        if (group * ic) % chip.lanes:
            source = scratch.local((x.shape[0], ic, x.shape[2], x.shape[3]), x.dtype)
            _lane_copy(emitter, source, x)
        result = replace(sums, shape=(n, ceil_div(c, groups), h, w))
        emitter.instructions.append(
            cube.conv(chip, result, x.dtype, (source.span, *weights), ic=ic, kernel=kernel)
        )


def _lane_copy(emitter: Emitter, out: Local, x: Local) -> None:
    n, c, h, w = out.shape
    cycles = bdc.lane_copy_cycles(emitter.chip, out.dtype, n=n, c=c, h=h, w=w)
    emitter.instructions.append(Instruction("LANE_COPY", "l_copy", cycles, (x.span,), (out.span,)))


def _depthwise(
    emitter: Emitter, shape: ConvShape, x: Local, sums: Local, weights: tuple[LmemSpan, ...]
) -> None:
    emitter.instructions.append(
        cube.depthwise(
            emitter.chip,
            sums,
            x.dtype,
            (x.span, *weights),
            kernel=shape.kernel,
            stride_w=shape.cols.stride,
        )
    )


def _fold(
    emitter: Emitter,
    scratch: Scratch,
    shape: ConvShape,
    x: Local,
    sums: Local,
    rows: int,
    cols: int,
) -> Local:
    """Copy every channel to rows × cols lanes and let a depthwise selector shift each copy.

    An input that already has a lane per channel and tap is not spread again; one that others read
    is spread into the scratch.
    """
    chip, taps = emitter.chip, rows * cols
    n, c, h, w = x.shape
    lanes = shape.ic * taps
    if c < lanes:
        spread = scratch.local((n, lanes, h, w), x.dtype) if shape.shared else x
        for channel in reversed(range(c)):
            in_place = channel == 0 and not shape.shared
            cycles = bdc.lane_broadcast_cycles(chip, x.dtype, n=n, h=h, w=w, in_place=in_place)
            emitter.instructions.append(
                Instruction("LANE_BC", "l_bc", cycles, (x.span,), (spread.span,))
            )
        x = spread
    selector = _selector(emitter, scratch, x.dtype, shape.ic, taps)
    width = sums.shape[3] if cols > 1 else w
    folded = scratch.local((n, lanes, sums.shape[2], width), x.dtype)
    stride = shape.cols.stride if cols > 1 else 1
    emitter.instructions.append(
        cube.depthwise(
            chip, folded, x.dtype, (x.span, selector), kernel=(rows, cols), stride_w=stride
        )
    )
    return folded


def _selector(
    emitter: Emitter, scratch: Scratch, dtype: DType, channels: int, taps: int
) -> LmemSpan:
    """Kernels with a single one: lane k of each channel's copies gets tap k."""
    chip = emitter.chip
    index = Local((1, taps, 1, 1), DType.I32, scratch.take(chip.eu_bytes))
    one = Local((1, taps, 1, 1), dtype, scratch.take(chip.eu_bytes))
    table = scratch.local((1, taps, 1, taps), dtype)
    word = bdc.static_broadcast_cycles(chip, DType.I32, w=1)
    steps = emitter.instructions
    steps.append(Instruction("DISTRIBUTE_BC", "s_distribute", word, (), (index.span,)))
    narrow = retyped(index, DType.I8)
    emitter.ar("cast", narrow, index)
    emitter.ar("copy", one)
    emitter.ar("copy", table)
    scatter = bdc.gather_cycles(chip, n=1, c=taps, h=1, w=1, check_hazards=True)
    steps.append(Instruction("SG", "scatter", scatter, (one.span, index.span), (table.span,)))
    for _ in range(channels - 1):
        _lane_copy(emitter, table, table)
    return table.span
