"""Lowering of the ops that compute in floating point, in every precision."""

from __future__ import annotations

from lgsim.graph import ops
from lgsim.graph.core import Op
from lgsim.graph.dtypes import DType
from lgsim.lowering.emitter import Emitter
from lgsim.lowering.rules import MOVING, NON_NEGATIVE_MODES, RENAMING


def lower_float(out: Emitter, op: Op, compute: DType) -> None:
    """Emit an op in a floating-point type, with casts of the operands that have another."""
    if isinstance(op.attrs, ops.Cast) and _is_float_cast(out, op):
        out.bind(op.outputs[0], out.value(op.inputs[0]))
        return
    if _sums_heads(out, op):
        compute = out.dtype(out.value(op.inputs[0]))
    inputs = [_operand(out, op, index, compute) for index in range(len(op.inputs))]
    if isinstance(op.attrs, ops.Upsample):
        inputs.append(upsample_table(out, op))
    dtype = compute
    if isinstance(op.attrs, RENAMING):
        dtype = out.dtype(inputs[0])
    names = [out.graph.unique_name(name) for name in op.outputs]
    name = op.name if op.name not in op.outputs else None
    if name is not None:
        name = out.graph.unique_name(name)
    out.graph.add_op(op.attrs, inputs, names, name)
    for old, new in zip(op.outputs, names, strict=True):
        out.bind(old, new)
        _set_result(out, old, new, dtype)
    if _is_non_negative(out, op, inputs):
        out.non_negative.add(names[0])


def _sums_heads(out: Emitter, op: Op) -> bool:
    """Whether an op adds up the heads of a fused attention: in the type they come in."""
    if not isinstance(op.attrs, ops.Add):
        return False
    producers = [out.source.producer(tensor) for tensor in op.inputs]
    return all(
        producer is not None
        and (isinstance(producer.attrs, ops.Attention) or _sums_heads(out, producer))
        for producer in producers
    )


def _set_result(out: Emitter, old: str, new: str, dtype: DType) -> None:
    """Results are of the computing type; whole numbers (positions) are 32-bit on the chip."""
    declared = out.source.tensor(old).dtype
    whole = not declared.is_float and declared is not DType.BOOL
    type_ = out.graph.tensor(new).type
    out.graph.set_type(new, type(type_)(type_.shape, DType.I32 if whole else dtype))


def _operand(out: Emitter, op: Op, index: int, compute: DType) -> str:
    old = op.inputs[index]
    if out.source.tensor(old).weight:
        return out.weight(old, _weight_dtype(op, index, compute))
    tensor = out.value(old)
    if isinstance(op.attrs, RENAMING) or _is_whole(out, old):
        return tensor
    return out.convert(tensor, compute)


def _is_whole(out: Emitter, old: str) -> bool:
    """Whether a tensor of the source holds whole numbers: token ids, positions."""
    dtype = out.source.tensor(old).dtype
    return not dtype.is_float and dtype is not DType.BOOL


def _weight_dtype(op: Op, index: int, compute: DType) -> DType:
    # A convolution adds its bias to 32-bit sums.
    if isinstance(op.attrs, ops.Conv | ops.Deconv) and index == 2:
        return DType.F32
    return compute


def _is_float_cast(out: Emitter, op: Op) -> bool:
    """Whether a cast of the source is between floating-point types, which lowering assigns."""
    assert isinstance(op.attrs, ops.Cast)
    return op.attrs.to.is_float and out.source.tensor(op.inputs[0]).dtype.is_float


def _is_non_negative(out: Emitter, op: Op, inputs: list[str]) -> bool:
    if isinstance(op.attrs, ops.Softmax):
        return not op.attrs.log
    if isinstance(op.attrs, ops.Active):
        return op.attrs.mode in NON_NEGATIVE_MODES
    if isinstance(op.attrs, ops.Relu):
        return True
    return isinstance(op.attrs, (*MOVING, ops.Pool)) and inputs[0] in out.non_negative


def upsample_table(out: Emitter, op: Op) -> str:
    """The weight of source positions that the chip reads: two 16-bit numbers per output pixel."""
    height, width = out.source.tensor(op.outputs[0]).shape[2:]
    return out.parameter(f"{op.name}_positions", (1, height * width, 1, 2), DType.I16)
