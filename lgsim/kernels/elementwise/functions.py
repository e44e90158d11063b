"""Recipes of element-wise functions: vector instructions for gelu, sigmoid, tanh and others.

`gelu`, `silu` and `sigmoid` follow the vendor's commands one by one (30, 17 and 16 instructions,
reference/commands); the others are inferred: the shortest sequence of the same building blocks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lgsim.kernels.base import Local
from lgsim.kernels.commands.series import exponential
from lgsim.kernels.commands.vector import Emitter
from lgsim.kernels.schedule import LmemSpan


@dataclass(frozen=True, slots=True)
class Registers:
    """Operand, result, intermediate values of the same shape, and tables of series."""

    x: Local
    y: Local
    free: tuple[Local, ...]
    tables: tuple[LmemSpan, ...]


Body = Callable[[Emitter, Registers], None]


@dataclass(frozen=True, slots=True)
class Recipe:
    """A function: its instructions, how many registers and tables they need.

    `floats` tells whether it needs 32-bit floats, so that other operands are cast around it.
    """

    body: Body
    registers: int = 0
    tables: int = 0
    floats: bool = True


def _exp(emit: Emitter, r: Registers) -> None:
    a, b = r.free[:2]
    exponential(emit, r.x, r.y, a, b, r.tables[0])


def _logistic(emit: Emitter, r: Registers, prepare: str) -> None:
    """Logistic 1 / (1 + exp(−x)), where `prepare` makes −x (or −1.702 x) of x."""
    a, b = r.free[:2]
    emit.ar(prepare, a, r.x)
    exponential(emit, a, r.y, a, b, r.tables[0])
    emit.ar("add", b, r.y)
    emit.divide(r.y, b)


def _sigmoid(emit: Emitter, r: Registers) -> None:
    _logistic(emit, r, "sub")


def _silu(emit: Emitter, r: Registers) -> None:
    _logistic(emit, r, "sub")
    emit.ar("mul", r.y, r.y, r.x)


def _quick_gelu(emit: Emitter, r: Registers) -> None:
    _logistic(emit, r, "mul")
    emit.ar("mul", r.y, r.y, r.x)


def _erf_of(emit: Emitter, r: Registers) -> None:
    """Error function of a, in the first register, by exp(−a² + series(1 / (1 + |a| / 2)))."""
    a, b, c, d = r.free[:4]
    emit.ar("abs", r.y, a)
    emit.ar("mul", b, r.y)
    emit.ar("add", r.y, b)
    emit.divide(b, r.y)
    emit.taylor(r.y, b, r.tables[1])
    emit.ar("mul", c, a, a)
    emit.ar("sub", d, r.y, c)
    exponential(emit, d, r.y, d, c, r.tables[0])
    emit.ar("mul", d, r.y, b)
    emit.ar("sub", b, d)
    emit.select("sel_gt", d, a)
    emit.select("sel_eq", d, a, d)
    emit.ar("mul", r.y, b, d)


def _erf(emit: Emitter, r: Registers) -> None:
    emit.ar("copy", r.free[0], r.x)
    _erf_of(emit, r)


def _gelu(emit: Emitter, r: Registers) -> None:
    emit.ar("mul", r.free[0], r.x)
    _erf_of(emit, r)
    emit.ar("add", r.free[2], r.y)
    emit.ar("mul", r.y, r.free[2])
    emit.ar("mul", r.y, r.y, r.x)


def _tanh_of(emit: Emitter, r: Registers) -> None:
    """Tanh as 1 − 2 / (exp(a) + 1), a in the first register."""
    a, b = r.free[:2]
    exponential(emit, a, r.y, a, b, r.tables[0])
    emit.ar("add", b, r.y)
    emit.divide(a, b)
    emit.ar("sub", r.y, a)


def _tanh(emit: Emitter, r: Registers) -> None:
    emit.ar("mul", r.free[0], r.x)
    _tanh_of(emit, r)


def _tanh_gelu(emit: Emitter, r: Registers) -> None:
    a, b = r.free[:2]
    emit.ar("mul", a, r.x, r.x)
    emit.ar("mul", b, a, r.x)
    emit.ar("mul", a, b)
    emit.ar("add", b, a, r.x)
    emit.ar("mul", a, b)
    _tanh_of(emit, r)
    emit.ar("add", a, r.y)
    emit.ar("mul", b, a)
    emit.ar("mul", r.y, b, r.x)


def _mish(emit: Emitter, r: Registers) -> None:
    a, b = r.free[:2]
    exponential(emit, r.x, r.y, a, b, r.tables[0])
    emit.ar("add", a, r.y)
    emit.ar("mul", b, a, a)
    emit.ar("add", a, b)
    emit.divide(b, a)
    emit.ar("sub", a, b)
    emit.ar("mul", r.y, a, r.x)


def _log_of(emit: Emitter, r: Registers, x: Local) -> None:
    """Logarithm of x: exponent times log 2 plus a series of the mantissa; second table."""
    a, b = r.free[:2]
    emit.ar("shift", b, x)
    emit.ar("sub", a, b)
    emit.ar("cast", b, a)
    emit.ar("and", r.y, x)
    emit.ar("or", a, r.y)
    emit.taylor(r.y, a, r.tables[-1])
    emit.ar("mul", a, b)
    emit.ar("add", r.y, r.y, a)


def _log(emit: Emitter, r: Registers) -> None:
    _log_of(emit, r, r.x)


def _softplus(emit: Emitter, r: Registers) -> None:
    a, b = r.free[:2]
    exponential(emit, r.x, r.y, a, b, r.tables[0])
    emit.ar("add", r.free[2], r.y)
    _log_of(emit, r, r.free[2])


def _elu(emit: Emitter, r: Registers) -> None:
    a, b = r.free[:2]
    exponential(emit, r.x, r.y, a, b, r.tables[0])
    emit.ar("sub", a, r.y)
    emit.ar("mul", b, a)
    emit.select("sel_gt", r.y, r.x, b)


def _angle(emit: Emitter, r: Registers) -> None:
    """A periodic function or an inverse one: reduce the range, one series, undo the reduction."""
    a, b = r.free[:2]
    emit.ar("mul", a, r.x)
    emit.ar("cast", b, a)
    emit.ar("sub", r.y, a, b)
    emit.taylor(a, r.y, r.tables[0])
    emit.ar("mul", r.y, a, r.x)


def _tan(emit: Emitter, r: Registers) -> None:
    a, b = r.free[:2]
    _angle(emit, r)
    emit.taylor(a, r.x, r.tables[0])
    emit.ar("copy", b, r.y)
    emit.divide(r.y, b, a)


def _hyperbolic(emit: Emitter, r: Registers) -> None:
    a, b = r.free[:2]
    exponential(emit, r.x, r.y, a, b, r.tables[0])
    emit.divide(a, r.y)
    emit.ar("add", b, r.y, a)
    emit.ar("mul", r.y, b)


def _area(emit: Emitter, r: Registers) -> None:
    """Inverse of a hyperbolic function: log(x + √(x² ± 1))."""
    a, b, c = r.free[:3]
    emit.ar("mul", a, r.x, r.x)
    emit.ar("add", b, a)
    emit.rsqrt(a, b)
    emit.ar("mul", r.y, a, b)
    emit.ar("add", c, r.y, r.x)
    _log_of(emit, r, c)


def _softsign(emit: Emitter, r: Registers) -> None:
    a, b = r.free[:2]
    emit.ar("abs", a, r.x)
    emit.ar("add", b, a)
    emit.divide(r.y, r.x, b)


def _sqrt(emit: Emitter, r: Registers) -> None:
    emit.rsqrt(r.free[0], r.x)
    emit.ar("mul", r.y, r.free[0], r.x)


def _rsqrt(emit: Emitter, r: Registers) -> None:
    emit.rsqrt(r.y, r.x)


def _square(emit: Emitter, r: Registers) -> None:
    emit.ar("mul", r.y, r.x, r.x)


def _hard_sigmoid(emit: Emitter, r: Registers) -> None:
    a = r.free[0]
    emit.ar("mul", r.y, r.x)
    emit.ar("add", a, r.y)
    emit.ar("max", r.y, a)
    emit.ar("min", r.y, r.y)


def _hard_swish(emit: Emitter, r: Registers) -> None:
    a = r.free[0]
    emit.ar("add", r.y, r.x)
    emit.ar("max", a, r.y)
    emit.ar("min", r.y, a)
    emit.ar("mul", a, r.y)
    emit.ar("mul", r.y, a, r.x)


def _single(name: str) -> Recipe:
    def body(emit: Emitter, r: Registers) -> None:
        emit.ar(name, r.y, r.x)

    return Recipe(body, floats=False)


def _selects(count: int) -> Recipe:
    def body(emit: Emitter, r: Registers) -> None:
        for index in range(count):
            emit.select("sel", r.y, *((r.x, r.y) if index else (r.x,)))

    return Recipe(body, floats=False)


RECIPES: dict[str, Recipe] = {
    "gelu": Recipe(_gelu, 4, 2),
    "tanh_gelu": Recipe(_tanh_gelu, 2, 1),
    "quick_gelu": Recipe(_quick_gelu, 2, 1),
    "silu": Recipe(_silu, 2, 1),
    "sigmoid": Recipe(_sigmoid, 2, 1),
    "log_sigmoid": Recipe(_softplus, 3, 2),
    "tanh": Recipe(_tanh, 2, 1),
    "softplus": Recipe(_softplus, 3, 2),
    "mish": Recipe(_mish, 2, 1),
    "hard_swish": Recipe(_hard_swish, 1, floats=False),
    "hard_sigmoid": Recipe(_hard_sigmoid, 1, floats=False),
    "softsign": Recipe(_softsign, 2),
    "thresholded_relu": _selects(1),
    "exp": Recipe(_exp, 2, 1),
    "log": Recipe(_log, 2, 1),
    "erf": Recipe(_erf, 4, 2),
    "sqrt": Recipe(_sqrt, 1),
    "rsqrt": Recipe(_rsqrt),
    "square": Recipe(_square, floats=False),
    "sign": _selects(2),
    "tan": Recipe(_tan, 2, 1),
    **dict.fromkeys(("elu", "selu", "celu"), Recipe(_elu, 2, 1)),
    **dict.fromkeys(("sin", "cos", "asin", "acos", "atan"), Recipe(_angle, 2, 1)),
    **dict.fromkeys(("sinh", "cosh"), Recipe(_hyperbolic, 2, 1)),
    **dict.fromkeys(("asinh", "acosh", "atanh"), Recipe(_area, 3, 1)),
    **{name: _single(name) for name in ("abs", "neg", "floor", "ceil", "round")},
    **dict.fromkeys(("not", "is_nan", "is_inf"), _selects(1)),
}
"""By name of the mode of `Active`."""
