"""`lower`: from a network to what the chip computes: element types, casts, quantized forms."""

from __future__ import annotations

from lgsim.errors import LgsimError
from lgsim.graph.core import Graph, TensorType
from lgsim.graph.dtypes import DType
from lgsim.lowering.emitter import Emitter
from lgsim.lowering.floating import lower_float
from lgsim.lowering.quantized import lower_int8
from lgsim.lowering.rules import FLOAT_OF, placement

_IO_DTYPES = {
    "f32": DType.F32,
    "f16": DType.F16,
    "bf16": DType.BF16,
    "int8": DType.I8,
    "uint8": DType.U8,
}


def lower(graph: Graph, precision: str, io_dtype: str = "f32") -> Graph:
    """Assign an element type to every tensor and insert the ops that convert between them.

    Parameters
    ----------
    graph : Graph
        A network, after the rewrites; it is not changed.
    precision : str
        ``f32``, ``f16``, ``bf16`` or ``int8``. The rules are in `lgsim.lowering.rules`.
    io_dtype : str
        Element type of the network's inputs and outputs in memory: ``f32``, ``f16``, ``bf16``,
        ``int8`` or ``uint8``. Whole-number inputs (token ids) stay 32-bit integers.

    Returns
    -------
    Graph
        A new graph.

    Raises
    ------
    LgsimError
        If `precision` or `io_dtype` is not known.
    """
    for what, value, known in (
        ("precision", precision, FLOAT_OF),
        ("I/O type", io_dtype, _IO_DTYPES),
    ):
        if value not in known:
            raise LgsimError(f"{what} '{value}' is not known", limit="one of " + ", ".join(known))
    out = Emitter(graph)
    out.graph.precision = precision
    _add_inputs(out, _IO_DTYPES[io_dtype])
    for op in graph:
        weights = any(graph.tensor(tensor).weight for tensor in op.inputs)
        place = placement(op, precision, weights)
        whole = not graph.tensor(op.outputs[0]).dtype.is_float
        if place.integer and not whole:
            lower_int8(out, op)
        else:
            lower_float(out, op, place.compute)
    _add_outputs(out, _IO_DTYPES[io_dtype])
    return out.graph


def _add_inputs(out: Emitter, dtype: DType) -> None:
    for name in out.source.inputs:
        type_ = out.source.tensor(name).type
        stored = dtype if type_.dtype.is_float else DType.I32
        out.graph.add_input(name, TensorType(type_.shape, stored))
        out.bind(name, name)


def _add_outputs(out: Emitter, dtype: DType) -> None:
    for name in out.source.outputs:
        if out.source.tensor(name).weight:
            out.graph.outputs.append(out.weight(name, dtype))
            continue
        tensor = out.value(name)
        if out.source.tensor(name).dtype.is_float:
            tensor = out.convert(tensor, dtype)
        out.graph.outputs.append(tensor)
