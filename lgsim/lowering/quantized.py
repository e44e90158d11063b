"""Lowering of the ops that compute on 8-bit integers.

Without calibration data the scales are unknown; what matters to the schedule is which tensors
must share one, since an op that cannot rescale (a concatenation) gets a `MulShift` in front
where they do not.
"""

from __future__ import annotations

from collections.abc import Callable

from lgsim.graph import ops
from lgsim.graph.core import Op
from lgsim.graph.dtypes import DType
from lgsim.lowering.emitter import BYTES, Emitter
from lgsim.lowering.floating import upsample_table
from lgsim.lowering.rules import MOVING, NON_NEGATIVE_MODES
from lgsim.lowering.scales import rescaled_operands


def lower_int8(out: Emitter, op: Op) -> None:
    """Emit an op in 8-bit integers, with requantization where it does not do that itself."""
    for kinds, handler in _HANDLERS:
        if isinstance(op.attrs, kinds):
            result = handler(out, op)
            break
    else:
        result = _plain(out, op)
    out.bind(op.outputs[0], result)


def _unsigned(out: Emitter, op: Op) -> bool:
    """Whether a result is never negative.

    An op that only a ReLU reads has the ReLU's range: values below it need no code.
    """
    readers = out.source.consumers(op.outputs[0])
    if readers and all(isinstance(reader.attrs, ops.Relu) for reader in readers):
        return op.outputs[0] not in out.source.outputs
    attrs = op.attrs
    if getattr(attrs, "relu", False) or isinstance(attrs, ops.Relu):
        return True
    if isinstance(attrs, ops.Active):
        return attrs.mode in NON_NEGATIVE_MODES
    if isinstance(attrs, ops.MulConst):
        return attrs.value > 0 and _all_non_negative(out, op)
    keeps_sign = (*MOVING, ops.Pool, ops.Reduce, ops.Add, ops.Mul, ops.Max, ops.Min, ops.Concat)
    return isinstance(attrs, keeps_sign) and _all_non_negative(out, op)


def _all_non_negative(out: Emitter, op: Op) -> bool:
    return all(
        not out.source.tensor(old).weight and out.value(old) in out.non_negative
        for old in op.inputs
    )


def _result(out: Emitter, op: Op, attrs: ops.OpKind, inputs: list[str]) -> str:
    """Emit an op with an 8-bit result of the right sign."""
    unsigned = _unsigned(out, op)
    result = out.emit(attrs, inputs, op.outputs[0], DType.U8 if unsigned else DType.I8)
    if unsigned:
        out.non_negative.add(result)
    return result


def _operand(out: Emitter, old: str) -> str:
    if out.source.tensor(old).weight:
        return out.weight(old, DType.I8)
    return out.convert(out.value(old), DType.I8)


def _plain(out: Emitter, op: Op) -> str:
    return _result(out, op, op.attrs, [_operand(out, old) for old in op.inputs])


def _moving(out: Emitter, op: Op) -> str:
    """Layout ops keep the codes, and renamings whatever type there is."""
    tensor = out.value(op.inputs[0])
    if not isinstance(op.attrs, ops.RESHAPES):
        tensor = out.convert(tensor, DType.I8)
    inputs = [tensor]
    if isinstance(op.attrs, ops.Upsample):
        inputs.append(upsample_table(out, op))
    result = out.emit(op.attrs, inputs, op.outputs[0], out.dtype(tensor))
    if tensor in out.non_negative:
        out.non_negative.add(result)
    return result


def _linear(out: Emitter, op: Op) -> str:
    """Convolutions and matmuls: 8-bit weights, 32-bit bias.

    A 2-D convolution and a matmul rescale their sums themselves (the parameters are part of a
    convolution's coefficients, or an attribute); 3-D and transposed convolutions store the sums
    and leave it to a `RequantInt` per channel.
    """
    inputs = [_operand(out, old) for old in op.inputs[:2]]
    inputs += [out.weight(old, DType.I32) for old in op.inputs[2:]]
    attrs = op.attrs
    spatial = len(attrs.kernel) if isinstance(attrs, ops.Conv) else 0
    if spatial < 3 and not isinstance(attrs, ops.Deconv):
        return _result(out, op, attrs, inputs)
    sums = out.emit(attrs, inputs, f"{op.outputs[0]}_sums", DType.I32)
    channels = out.graph.tensor(sums).shape[1]
    shape = (1, channels, *(1,) * (len(out.graph.tensor(sums).shape) - 3), 3)
    factors = out.parameter(f"{op.outputs[0]}_requant", shape, DType.I32)
    to = DType.U8 if _unsigned(out, op) else DType.I8
    return _result(out, op, ops.RequantInt(to), [sums, factors])


def _active(out: Emitter, op: Op) -> str:
    table_dtype = DType.U8 if _unsigned(out, op) else DType.I8
    table = out.parameter(f"{op.outputs[0]}_table", (1, 1, 1, 256), table_dtype)
    return _result(out, op, ops.Lut(), [_operand(out, op.inputs[0]), table])


def _add(out: Emitter, op: Op) -> str:
    """Sums of 32-bit sums (heads of an attention) stay 32-bit."""
    values = [out.value(old) for old in op.inputs if not out.source.tensor(old).weight]
    if len(values) == len(op.inputs) and all(out.dtype(x) is DType.I32 for x in values):
        return out.emit(op.attrs, values, op.outputs[0], DType.I32)
    return _plain(out, op)


def _scale(out: Emitter, op: Op) -> str:
    """Factors and shifts are 8-bit, biases 16-bit: (x · scale + bias) >> shift."""
    channels = out.source.tensor(op.inputs[1]).type.elements
    inputs = [_operand(out, op.inputs[0]), out.weight(op.inputs[1], DType.I8)]
    if len(op.inputs) > 2:
        inputs.append(out.weight(op.inputs[2], DType.I16))
    else:
        inputs.append(out.parameter(f"{op.outputs[0]}_bias", (channels,), DType.I16))
    inputs.append(out.parameter(f"{op.outputs[0]}_shift", (channels,), DType.I8))
    return _result(out, op, op.attrs, inputs)


def _attention(out: Emitter, op: Op) -> str:
    """8-bit weights, 32-bit biases, mask and result; a table of exponentials for the softmax."""
    assert isinstance(op.attrs, ops.Attention)
    inputs = []
    for index, old in enumerate(op.inputs):
        tensor = out.source.tensor(old)
        if index < op.attrs.operands_qkv:
            inputs.append(_operand(out, old))
        elif not tensor.weight:
            inputs.append(out.convert(out.value(old), DType.I32))
        else:
            is_vector = tensor.type.elements == tensor.shape[-1]
            inputs.append(out.weight(old, DType.I32 if is_vector else DType.I8))
    table = out.parameter(f"{op.outputs[0]}_table", (1, 1, 1, 256), DType.F32)
    return out.emit(op.attrs, [*inputs, table], op.outputs[0], DType.I32)


def _mul_const(out: Emitter, op: Op) -> str:
    return _result(out, op, ops.MulShift(), [_operand(out, op.inputs[0])])


def _concat(out: Emitter, op: Op) -> str:
    """A concatenation copies codes: operands of another scale or sign are rescaled first."""
    unsigned = _unsigned(out, op)
    target = DType.U8 if unsigned else DType.I8
    rescaled = rescaled_operands(out.source, op)
    inputs = []
    for index, old in enumerate(op.inputs):
        tensor = out.convert(out.value(old), DType.I8)
        if index in rescaled or (out.dtype(tensor) is not target and out.dtype(tensor) in BYTES):
            tensor = out.emit(ops.MulShift(), [tensor], f"{tensor}_rescaled", target)
        inputs.append(tensor)
    return _result(out, op, op.attrs, inputs)


_HANDLERS: tuple[tuple[tuple[type[ops.OpKind], ...], Callable[[Emitter, Op], str]], ...] = (
    (MOVING, _moving),
    ((ops.Conv, ops.Deconv, ops.MatMul), _linear),
    ((ops.Active,), _active),
    ((ops.Add,), _add),
    ((ops.Scale,), _scale),
    ((ops.Attention,), _attention),
    ((ops.MulConst,), _mul_const),
    ((ops.Concat,), _concat),
)
