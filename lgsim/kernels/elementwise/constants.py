"""Arithmetic of one operand with a constant number."""

from __future__ import annotations

from lgsim.graph.dtypes import DType
from lgsim.graph.ops import (
    AddConst,
    BinaryConst,
    CompareConst,
    DivConst,
    MaxConst,
    MinConst,
    MulConst,
    PowConst,
    SubConst,
)
from lgsim.kernels.base import Local, Work
from lgsim.kernels.commands.series import TABLE_BYTES
from lgsim.kernels.commands.vector import Emitter, Scratch, rectify
from lgsim.kernels.elementwise.elementwise import GLOBAL_POWER, is_narrow, power, refuse_power
from lgsim.kernels.elementwise.flat import FlatKernel
from lgsim.kernels.schedule import Instruction
from lgsim.kernels.site import OpSite
from lgsim.kernels.support import Features, Refusal
from lgsim.target.chip import Chip


class ConstKernel(
    FlatKernel,
    kinds=(AddConst, SubConst, MulConst, DivConst, MinConst, MaxConst, PowConst, CompareConst),
):
    """One operand and a constant number, in rows as long as a command may move.

    MulConst as in swin_t_f32 and deit_tiny_f32; the others by the same rule.
    """

    rules = (GLOBAL_POWER,)

    def local_support(self, site: OpSite, features: Features) -> Refusal | None:
        """Always, but for powers."""
        del features
        return refuse_power(site) if isinstance(site.attrs, PowConst) else None

    rows = False

    def _is_power(self, site: OpSite) -> bool:
        return isinstance(site.attrs, PowConst) and site.attrs.exponent not in (2, 0.5, -0.5, -1)

    def registers(self, site: OpSite) -> int:
        """Three for a power; a 32-bit copy for a root; a 16-bit one for rescaled 8-bit values."""
        if self._is_power(site):
            return 3
        if isinstance(site.attrs, PowConst | DivConst):
            return 1
        return int(is_narrow(site.inputs[0].type.dtype))

    def register_bits(self, site: OpSite) -> int:
        """32 for powers and quotients."""
        if isinstance(site.attrs, PowConst | DivConst):
            return 32
        return 16 if self.registers(site) else 0

    def table_bytes(self, site: OpSite, chip: Chip) -> int:
        """Two series for a power."""
        return 2 * max(TABLE_BYTES, chip.eu_bytes) if self._is_power(site) else 0

    def program(
        self, site: OpSite, chip: Chip, work: Work, scratch: Scratch
    ) -> tuple[Instruction, ...]:
        """The instruction, and what goes before and after it."""
        emit = Emitter(chip)
        x, y, attrs = work.input(0), work.outputs[0], site.attrs
        assert isinstance(attrs, BinaryConst)
        if isinstance(attrs, CompareConst):
            emit.select(f"sel_{attrs.mode}", y, x)
        elif self._is_power(site):
            power(emit, scratch, x, y, None)
        elif isinstance(attrs, PowConst | DivConst):
            self._root(emit, attrs, x, y, scratch)
        elif is_narrow(x.dtype):
            wide = scratch.local(x.shape, DType.I16)
            emit.ar("muls", wide, x)
            emit.ar("adds", y, wide)
        else:
            emit.ar(type(attrs).__name__.removesuffix("Const").lower(), y, x)
        if getattr(attrs, "relu", False):
            rectify(emit, y)
        return emit.done()

    def _root(
        self, emit: Emitter, attrs: PowConst | DivConst, x: Local, y: Local, scratch: Scratch
    ) -> None:
        exponent = attrs.exponent if isinstance(attrs, PowConst) else -1
        if exponent == 2:
            emit.ar("mul", y, x, x)
        elif exponent == -1:
            emit.divide(y, x)
        elif exponent == -0.5:
            emit.rsqrt(y, x)
        else:
            root = scratch.local(x.shape, DType.F32)
            emit.rsqrt(root, x)
            emit.ar("mul", y, root, x)
