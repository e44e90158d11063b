"""Activations: functions of one element, and the piecewise linear ones."""

from __future__ import annotations

from dataclasses import replace

from lgsim.graph.dtypes import DType
from lgsim.graph.ops import Active, Clip, LeakyRelu, Relu
from lgsim.kernels.base import Local, Work
from lgsim.kernels.commands.series import TABLE_BYTES
from lgsim.kernels.commands.vector import Emitter, Scratch
from lgsim.kernels.elementwise.flat import FlatKernel
from lgsim.kernels.elementwise.functions import RECIPES, Recipe, Registers
from lgsim.kernels.schedule import Instruction, LmemSpan
from lgsim.kernels.site import OpSite
from lgsim.target.chip import Chip


class ActiveKernel(FlatKernel, kinds=(Active,)):
    """A function by its recipe; functions that need 32-bit floats get casts around them."""

    def _recipe(self, site: OpSite) -> Recipe:
        assert isinstance(site.attrs, Active)
        return RECIPES[site.attrs.mode]

    def _casts(self, site: OpSite) -> tuple[bool, bool]:
        """Whether operand and result have to be cast."""
        floats = self._recipe(site).floats
        x, y = site.inputs[0].type.dtype, site.outputs[0].dtype
        return floats and x is not DType.F32, floats and y is not DType.F32

    def registers(self, site: OpSite) -> int:
        """Those of the recipe, and 32-bit copies of operand and result."""
        return self._recipe(site).registers + sum(self._casts(site))

    def register_bits(self, site: OpSite) -> int:
        """32 where the recipe works on floats."""
        return 32 if self._recipe(site).floats else 0

    def table_bytes(self, site: OpSite, chip: Chip) -> int:
        """Coefficients of the series."""
        return self._recipe(site).tables * max(TABLE_BYTES, chip.eu_bytes)

    def program(
        self, site: OpSite, chip: Chip, work: Work, scratch: Scratch
    ) -> tuple[Instruction, ...]:
        """The tables, then the recipe between casts."""
        recipe = self._recipe(site)
        cast_in, cast_out = self._casts(site)
        emit = Emitter(chip)
        tables = tuple(scratch.take(TABLE_BYTES) for _ in range(recipe.tables))
        for table in tables:
            emit.static_table(table)
        x, y = work.input(0), work.outputs[0]
        dtype = DType.F32 if recipe.floats else x.dtype
        source = scratch.local(x.shape, DType.F32) if cast_in else x
        target = scratch.local(y.shape, DType.F32) if cast_out else y
        free = tuple(scratch.local(x.shape, dtype) for _ in range(recipe.registers))
        if cast_in:
            emit.ar("cast", source, x)
        recipe.body(emit, Registers(source, target, free, tables))
        if cast_out:
            emit.ar("cast", y, target)
        return emit.done()

    def scratch_bytes(self, site: OpSite, chip: Chip, work: Work) -> int:
        """What one batch element needs; they take turns.

        The series of the exponential has room for twice its coefficients (reference/plans).
        """
        spare = TABLE_BYTES if self._recipe(site).tables else 0
        return super().scratch_bytes(site, chip, _image(work, 0)) + spare

    def instructions(self, site: OpSite, chip: Chip, work: Work) -> tuple[Instruction, ...]:
        """One batch element of a slice after the other.

        (reference/plans: the scratch of the GELUs of swin_t_b8 is that of one of several images.)
        """
        images = range(work.outputs[0].shape[0])
        one = super().instructions  # within a generator, super() is another's
        each = (one(site, chip, _image(work, index)) for index in images)
        return tuple(instruction for part in each for instruction in part)


def _image(work: Work, index: int) -> Work:
    """The part of the work that is one batch element."""
    return replace(
        work,
        inputs=(_element(work.input(0), index), *work.inputs[1:]),
        outputs=(_element(work.outputs[0], index),),
    )


def _element(tensor: Local, index: int) -> Local:
    n, c, h, w = tensor.shape
    each = tensor.span.nbytes // n
    span = LmemSpan(tensor.span.buffer, tensor.span.address + index * each, each)
    return replace(tensor, shape=(1, c, h, w), span=span)


class LimitKernel(FlatKernel, kinds=(Relu, Clip)):
    """Relu and Clip: a maximum, a minimum, or both."""

    def program(
        self, site: OpSite, chip: Chip, work: Work, scratch: Scratch
    ) -> tuple[Instruction, ...]:
        """One instruction per limit; the second works in place."""
        del scratch
        attrs, infinite = site.attrs, float("inf")
        if isinstance(attrs, Relu):
            limits = ["max"] + ["min"] * (attrs.limit > 0)
        else:
            assert isinstance(attrs, Clip)
            limits = ["max"] * (attrs.low > -infinite) + ["min"] * (attrs.high < infinite)
        emit, source = Emitter(chip), work.input(0)
        for name in limits or ["copy"]:
            emit.ar(name, work.outputs[0], source)
            source = work.outputs[0]
        return emit.done()


class LeakyReluKernel(FlatKernel, kinds=(LeakyRelu,)):
    """alpha·x, then the larger (or smaller) of both; 8-bit operands are rescaled on both sides."""

    def program(
        self, site: OpSite, chip: Chip, work: Work, scratch: Scratch
    ) -> tuple[Instruction, ...]:
        """A product and a selection (inferred: no LeakyRelu in reference/commands)."""
        del site, scratch
        emit = Emitter(chip)
        x, y = work.input(0), work.outputs[0]
        emit.ar("mul" if x.dtype.is_float else "muls", y, x)
        emit.select("sel_gt", y, x, y)
        return emit.done()
