"""Integer rescaling and look-up tables: Lut, MulShift, RequantInt, DequantInt."""

from __future__ import annotations

from math import prod

from lgsim.graph.core import Shape
from lgsim.graph.dtypes import DType
from lgsim.graph.ops import DequantInt, Lut, MulShift, RequantInt
from lgsim.kernels.base import Work
from lgsim.kernels.commands.tiling import lane_bytes
from lgsim.kernels.commands.vector import Emitter, Scratch, share_bank
from lgsim.kernels.elementwise.broadcast import broadcast_schedule
from lgsim.kernels.elementwise.flat import FlatKernel, flat_schedule
from lgsim.kernels.schedule import Instruction, Schedule
from lgsim.kernels.site import OpSite
from lgsim.target.chip import Chip


class LutKernel(FlatKernel, kinds=(Lut,)):
    """A table look-up: one element per lane and cycle.

    In a group the table arrives in lane 0 and is copied to the others (reference/commands: l_bc,
    then the gather); alone, the transfer broadcasts it. If operand and result share a bank the
    gather is the variant that checks for hazards: so in 76 of the vendor's 77 such commands, and
    in none of the 192 others.
    """

    bank_hazard = True

    def program(
        self, site: OpSite, chip: Chip, work: Work, scratch: Scratch
    ) -> tuple[Instruction, ...]:
        """The gather, after a lane broadcast unless the table is in every lane."""
        del site, scratch
        emit = Emitter(chip)
        x, table, y = work.input(0), work.input(1), work.outputs[0]
        if table.shape[1] == 1:
            emit.lane_broadcast(table)
        emit.gather("gather", y, x, table, hazards=share_bank(chip, x.span, y.span))
        return emit.done()

    def global_schedule(self, site: OpSite, chip: Chip) -> Schedule:
        """Flat, the table in every lane."""
        return flat_schedule(self, site, chip, (0,))


class MulShiftKernel(FlatKernel, kinds=(MulShift,)):
    """Multiply and shift; a change between signed and unsigned takes a cast (reference/commands).

    int8 to int8: muls. Signed to unsigned: muls to 16 bits, cast. Unsigned to signed: muls, cast
    in place.
    """

    def _widens(self, site: OpSite) -> bool:
        return site.inputs[0].type.dtype is DType.I8 and site.outputs[0].dtype is DType.U8

    def registers(self, site: OpSite) -> int:
        """A 16-bit copy from signed to unsigned."""
        return int(self._widens(site))

    def register_bits(self, site: OpSite) -> int:
        """16."""
        return 16 if self._widens(site) else 0

    def scratch_bytes(self, site: OpSite, chip: Chip, work: Work) -> int:
        """The 16-bit copy, its planes padded as those of 8 bits (reference/plans)."""
        return 2 * lane_bytes(chip, work.input(0).shape, DType.I8) if self._widens(site) else 0

    def program(
        self, site: OpSite, chip: Chip, work: Work, scratch: Scratch
    ) -> tuple[Instruction, ...]:
        """The sequence for the signs."""
        emit = Emitter(chip)
        x, y = work.input(0), work.outputs[0]
        if self._widens(site):
            wide = scratch.local(x.shape, DType.I16)
            emit.ar("muls", wide, x)
            emit.ar("cast", y, wide)
        else:
            emit.ar("muls", y, x)
            if x.dtype is not y.dtype:
                emit.ar("cast", y, y)
        return emit.done()


class RequantKernel(FlatKernel, kinds=(RequantInt, DequantInt)):
    """32-bit integers to 8 bits or back, by one factor or by one per channel of axis 1."""

    def program(
        self, site: OpSite, chip: Chip, work: Work, scratch: Scratch
    ) -> tuple[Instruction, ...]:
        """One instruction."""
        del scratch
        emit = Emitter(chip)
        name = "rq1" if isinstance(site.attrs, RequantInt) else "dq1"
        factors = [x.span for x in work.inputs[1:] if x is not None]
        emit.requant(name, work.outputs[0], work.input(0), *factors)
        return emit.done()

    def global_schedule(self, site: OpSite, chip: Chip) -> Schedule:
        """Flat with one factor, else tiles with channels over the lanes and their factors."""
        if len(site.inputs) == 1:
            return flat_schedule(self, site, chip)
        x = site.inputs[0].type.shape
        n, c = x[0], x[1]
        view: Shape = (n, c, 1, prod(x[2:]))
        factors: Shape = (1, c, 1, site.inputs[1].type.elements // c)
        return broadcast_schedule(self, site, chip, (view, factors, view))
