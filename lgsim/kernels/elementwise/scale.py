"""Scale: a factor and an offset per channel."""

from __future__ import annotations

from math import prod

from lgsim.graph.core import Shape
from lgsim.graph.dtypes import DType
from lgsim.graph.ops import Scale
from lgsim.kernels.base import WeightForm, Work
from lgsim.kernels.commands.vector import Emitter, Scratch, rectify
from lgsim.kernels.elementwise.broadcast import broadcast_schedule
from lgsim.kernels.elementwise.elementwise import is_narrow
from lgsim.kernels.elementwise.flat import FlatKernel
from lgsim.kernels.schedule import Instruction, Schedule
from lgsim.kernels.site import OpSite
from lgsim.target.chip import Chip


class ScaleKernel(FlatKernel, kinds=(Scale,)):
    """A product and a sum in place; 8-bit operands through 16 bits (reference/commands)."""

    def registers(self, site: OpSite) -> int:
        """The product of 8-bit operands."""
        return int(is_narrow(site.inputs[0].type.dtype))

    def register_bits(self, site: OpSite) -> int:
        """16 for 8-bit operands."""
        return 16 if self.registers(site) else 0

    def weight_form(self, site: OpSite, chip: Chip, index: int) -> WeightForm | None:
        """One value per channel, packed."""
        del chip
        parameter = site.inputs[index].type
        return WeightForm((1, parameter.elements, 1, 1), parameter.dtype)

    def program(
        self, site: OpSite, chip: Chip, work: Work, scratch: Scratch
    ) -> tuple[Instruction, ...]:
        """Product, sum, and a fused ReLU."""
        assert isinstance(site.attrs, Scale)
        emit = Emitter(chip)
        x, y = work.input(0), work.outputs[0]
        parameters = [local for local in work.inputs[1:] if local is not None]
        if is_narrow(x.dtype):
            product = scratch.local(x.shape, DType.I16)
            emit.ar("muls", product, parameters[0], x)
            emit.ar("adds", y, *parameters[1:], product)
        else:
            emit.ar("mul", y, parameters[0], x)
            if len(parameters) > 1:
                emit.ar("add", y, parameters[1], y)
        if site.attrs.relu:
            rectify(emit, y)
        return emit.done()

    def global_schedule(self, site: OpSite, chip: Chip) -> Schedule:
        """Channels over the lanes; parameters are loaded once for all images."""
        x = site.inputs[0].type.shape
        view: Shape = (x[0], x[1], 1, prod(x[2:]))
        channel: Shape = (1, x[1], 1, 1)
        shapes = (view, *(channel for _ in site.inputs[1:]), view)
        return broadcast_schedule(self, site, chip, shapes)
