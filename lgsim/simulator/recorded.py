"""Prices recorded commands of the vendor's simulator with lgsim's own laws."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from lgsim.errors import LgsimError
from lgsim.frontends.command_file import RecordedCommand, RecordedTensor
from lgsim.graph.dtypes import DType
from lgsim.target.chip import Chip
from lgsim.target.timing import bdc, gdma

Columns: TypeAlias = dict[str, int]


def law_cycles(chip: Chip, commands: list[RecordedCommand]) -> list[int]:
    """Cycles that the laws give each command.

    Matrix multiplications need to know how many columns of the right operand a lane holds, which
    their records do not say: it is the channel stride with which the last command wrote there.

    Raises
    ------
    LgsimError
        A command no law covers.
    """
    columns: Columns = {}
    cycles = []
    for command in commands:
        law = _LAWS.get(command.op) or _LAWS.get(command.op.partition(".")[0])
        if law is None or (law in _NEEDS_INPUT and not command.inputs):
            where = f"{command.engine} command {command.id}"
            raise LgsimError(f"no timing law for '{command.op}'", where=where)
        cycles.append(law(chip, command, columns))
        for result in command.outputs:
            if result.strides is not None:
                columns[result.place] = result.strides[1]
    return cycles


def dtype_of(command: RecordedCommand) -> DType:
    """Type under which a command is tabulated: that of its first tensor operand, else result."""
    return (command.inputs or command.outputs)[0].dtype


def _widest(command: RecordedCommand) -> DType:
    """Widest type among operands and results."""
    return max((t.dtype for t in (*command.inputs, *command.outputs)), key=lambda t: t.bits)


def _nchw(tensor: RecordedTensor) -> dict[str, int]:
    """Shape of a four-dimensional tensor as keyword arguments of a law."""
    return dict(zip("nchw", tensor.shape, strict=True))


def _in_place(command: RecordedCommand) -> bool:
    """Whether the result starts where an operand starts."""
    return any(tensor.place == command.outputs[0].place for tensor in command.inputs)


def _conv(chip: Chip, command: RecordedCommand, _: Columns) -> int:
    n, oc, oh, ow = command.outputs[0].shape
    kh, kw = command.ints("kernel")
    ic = command.inputs[0].shape[1]
    dtype = command.inputs[0].dtype
    return bdc.conv_cycles(chip, dtype, n=n, ic=ic, oc=oc, oh=oh, ow=ow, kh=kh, kw=kw)


def _mm2(chip: Chip, command: RecordedCommand, _: Columns) -> int:
    m, n = command.outputs[0].shape
    left = command.inputs[0]
    k = left.shape[0 if command.flag("l_trans") else 1]
    return bdc.mm2_cycles(chip, left.dtype, m=m, k=k, n=n)


def _mm(chip: Chip, command: RecordedCommand, columns: Columns) -> int:
    m, n = command.outputs[0].shape
    left, right = command.inputs[:2]
    return bdc.mm_cycles(
        chip,
        left.dtype,
        m=m,
        k=left.shape[0 if command.flag("l_trans") else 1],
        n=n,
        lane_columns=columns.get(right.place, chip.eu_num(left.dtype)),
        bias=len(command.inputs) > 2,
        accumulate=command.flag("res_add"),
    )


def _arith(chip: Chip, command: RecordedCommand, _: Columns) -> int:
    result = command.outputs[0]
    tensors = (*command.inputs, result)
    second = command.inputs[1].strides if len(command.inputs) > 1 else None
    return bdc.arith_cycles(
        chip,
        _widest(command),
        **_nchw(result),
        in_place=_in_place(command),
        repeat_second=second is not None and second[0] == 0,
        w_stride=max(tensor.strides[3] for tensor in tensors if tensor.strides is not None),
        start_lane=result.lane,
    )


def _div(chip: Chip, command: RecordedCommand, _: Columns) -> int:
    return bdc.div_cycles(chip, _widest(command), **_nchw(command.outputs[0]))


def _select(chip: Chip, command: RecordedCommand, _: Columns) -> int:
    return bdc.select_cycles(chip, _widest(command), **_nchw(command.outputs[0]))


def _taylor(chip: Chip, command: RecordedCommand, _: Columns) -> int:
    result = command.outputs[0]
    table = command.inputs[1].shape[3]
    return bdc.taylor_cycles(chip, result.dtype, **_nchw(result), table=table)


def _rsqrt(chip: Chip, command: RecordedCommand, _: Columns) -> int:
    return bdc.rsqrt_cycles(chip, _widest(command), **_nchw(command.outputs[0]))


def _requant(chip: Chip, command: RecordedCommand, _: Columns) -> int:
    shape = _nchw(command.outputs[0])
    return bdc.requant_cycles(chip, _widest(command), **shape, in_place=_in_place(command))


def _pord(chip: Chip, command: RecordedCommand, _: Columns) -> int:
    source, result = command.inputs[0], command.outputs[0]
    n, c, oh, ow = result.shape
    kh, kw = command.ints("kernel")
    return bdc.pord_cycles(
        chip,
        max(source.dtype, result.dtype, key=lambda dtype: dtype.bits),
        n=n,
        c=c,
        oh=oh,
        ow=ow,
        kh=kh,
        kw=kw,
        stride_w=command.ints("stride")[1],
        start_lane=result.lane,
    )


def _gather(chip: Chip, command: RecordedCommand, _: Columns) -> int:
    spot = command.inputs[1] if "scatter" in command.op else command.outputs[0]
    return bdc.gather_cycles(chip, **_nchw(spot), check_hazards=command.op.endswith("hzd"))


def _lane_copy(chip: Chip, command: RecordedCommand, _: Columns) -> int:
    result = command.outputs[0]
    return bdc.lane_copy_cycles(chip, result.dtype, **_nchw(result), start_lane=result.lane)


def _lane_broadcast(chip: Chip, command: RecordedCommand, _: Columns) -> int:
    result = command.outputs[0]
    n, _c, h, w = result.shape
    return bdc.lane_broadcast_cycles(chip, result.dtype, n=n, h=h, w=w, in_place=_in_place(command))


def _static_broadcast(chip: Chip, command: RecordedCommand, _: Columns) -> int:
    result = command.outputs[0]
    return bdc.static_broadcast_cycles(chip, result.dtype, w=result.shape[3])


def _tensor(chip: Chip, command: RecordedCommand, _: Columns) -> int:
    result = command.outputs[0]
    if not command.inputs:
        elements = 1
        for size in result.shape:
            elements *= size
        return gdma.constant_cycles(chip, nbytes=result.dtype.nbytes(elements))
    source = command.inputs[0]
    near, far = (result, source) if command.direction == gdma.STORE else (source, result)
    return gdma.tensor_cycles(
        chip,
        command.direction,
        result.dtype,
        shape=_box(near.shape),
        strides=_box(near.strides),
        other_strides=_box(far.strides),
    )


def _box(values: tuple[int, ...] | None) -> gdma.Box:
    """Check that a shape or strides have four dimensions."""
    if values is None or len(values) != 4:
        raise LgsimError(f"{values} is not a four-dimensional box")
    n, c, h, w = values
    return n, c, h, w


def _broadcast(chip: Chip, command: RecordedCommand, _: Columns) -> int:
    return gdma.broadcast_cycles(chip, nbytes=command.nbytes)


def _matrix(chip: Chip, command: RecordedCommand, _: Columns) -> int:
    source, result = command.inputs[0], command.outputs[0]
    local, far = (source, result) if command.direction == gdma.STORE else (result, source)
    rows, columns = far.shape[-2:]
    if command.op.endswith("transpose"):
        return gdma.matrix_transpose_cycles(
            chip, command.direction, result.dtype, rows=rows, columns=columns
        )
    return gdma.matrix_cycles(
        chip,
        command.direction,
        result.dtype,
        rows=rows,
        columns=columns,
        lane_columns=local.strides[1] if local.strides is not None else columns,
    )


_LAWS: dict[str, Callable[[Chip, RecordedCommand, Columns], int]] = {
    "conv": _conv,
    "mm2": _mm2,
    "mm": _mm,
    "arith": _arith,
    "arith.div": _div,
    "cmp": _select,
    "sfu.taylor_4x": _taylor,
    "sfu.rsqrt": _rsqrt,
    "quant": _requant,
    "pord": _pord,
    "sg": _gather,
    "tsbc.l_copy": _lane_copy,
    "tsbc.l_bc": _lane_broadcast,
    "tsbc.s_bc": _static_broadcast,
    "tsbc.s_distribute": _static_broadcast,
    "dma.tensor": _tensor,
    "dma.tensor.broadcast": _broadcast,
    "dma.matrix": _matrix,
    "dma.matrix.transpose": _matrix,
}
_NEEDS_INPUT = (_conv, _mm2, _mm, _taylor, _pord, _matrix)
