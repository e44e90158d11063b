"""Exponentials and what is built on them: the instruction sequences of transcendental functions.

Register names follow the sequences of the vendor's commands (reference/commands: Active, Softmax):
an operation in place takes twice as long, so which register holds what decides the cycles.
"""

from __future__ import annotations

from lgsim.graph.dtypes import DType
from lgsim.kernels.base import Local
from lgsim.kernels.commands.vector import Emitter, retyped
from lgsim.kernels.schedule import LmemSpan

TABLE_BYTES = 64
"""Bytes per lane of the coefficients of one series (10 floats, in one execution-unit row)."""


def exponential(
    emit: Emitter,
    x: Local,
    y: Local,
    a: Local,
    b: Local,
    table: LmemSpan,
    out: Local | None = None,
) -> None:
    """Exponential y of x by range reduction: 2^k by building the exponent, the rest by a series.

    `a` and `b` are registers; `a` may be x. The result goes to `out` instead if that is given,
    which may be `a`. 12 instructions.
    """
    half = x.dtype.bits == 16
    exponent = DType.I8 if half else DType.I16
    power = DType.I16 if half else DType.I32
    emit.ar("max", a, x)
    emit.ar("min", y, a)
    emit.ar("mul", b, y)
    emit.ar("cast", a, b)
    emit.ar("mul", b, a)
    emit.ar("sub", b, y, b)
    emit.ar("cast", retyped(y, exponent), a)
    emit.ar("min", retyped(a, exponent), retyped(y, exponent))
    emit.ar("max", retyped(y, exponent), retyped(a, exponent))
    emit.ar("adds", retyped(a, power), retyped(y, exponent))
    emit.taylor(y, b, table)
    emit.ar("mul", y if out is None else out, y, retyped(a, y.dtype))
