"""Cast between element types; between floats and 8 bits it multiplies by the scale."""

from __future__ import annotations

from lgsim.graph.dtypes import DType
from lgsim.graph.ops import Cast
from lgsim.kernels.base import Work
from lgsim.kernels.commands.tiling import lane_bytes
from lgsim.kernels.commands.vector import Emitter, Scratch, retyped
from lgsim.kernels.elementwise.elementwise import is_narrow
from lgsim.kernels.elementwise.flat import FlatKernel
from lgsim.kernels.schedule import Instruction
from lgsim.kernels.site import OpSite
from lgsim.target.chip import Chip


class CastKernel(FlatKernel, kinds=(Cast,)):
    """The vendor's sequences (reference/commands).

    Float to float, integer to integer: cast. f32 to 8 bits: mul, cast to int32, cast. 16-bit float
    to 8 bits: mul, cast. 8 bits to 16-bit float: cast, mul. 8 bits to f32: dequantize. What is in
    between goes to the scratch, or without one is made in place: alone, a quantization has one; in
    a group the other direction has (reference/commands, swin_t_int8), and so has, there too, the
    quantization of an operand with other uses.
    """

    def scratch_bytes(self, site: OpSite, chip: Chip, work: Work) -> int:
        """The unscaled values of 8 bits in 16-bit floats (reference/plans: every Cast).

        Also the product of a quantization whose operand others read.
        """
        x, y = work.input(0), work.outputs[0]
        if self._quantizes(site) and site.inputs[0].shared:
            return lane_bytes(chip, x.shape, x.dtype)
        widens = is_narrow(site.inputs[0].type.dtype) and y.dtype.is_float and y.dtype.bits == 16
        return lane_bytes(chip, y.shape, y.dtype) if widens else 0

    def width(self, bits: int) -> int:
        """512 whatever the types (reference/commands)."""
        del bits
        return 512

    def _quantizes(self, site: OpSite) -> bool:
        return site.inputs[0].type.dtype.is_float and is_narrow(site.outputs[0].dtype)

    def registers(self, site: OpSite) -> int:
        """The product before a quantization."""
        return int(self._quantizes(site))

    def register_bits(self, site: OpSite) -> int:
        """As wide as the operand."""
        return site.inputs[0].type.dtype.bits if self._quantizes(site) else 0

    def program(
        self, site: OpSite, chip: Chip, work: Work, scratch: Scratch
    ) -> tuple[Instruction, ...]:
        """The sequence for the pair of types."""
        emit = Emitter(chip)
        x, y = work.input(0), work.outputs[0]
        if self._quantizes(site):
            product = x if work.scratch is None else scratch.local(x.shape, x.dtype)
            emit.ar("mul", product, x)
            if x.dtype.bits == 32:
                emit.ar("cast", retyped(product, DType.I32), product)
            emit.ar("cast", y, product)
        elif is_narrow(x.dtype) and y.dtype.is_float:
            if y.dtype.bits == 32:
                emit.requant("dq0", y, x)
            else:
                wide = y if work.scratch is None else scratch.local(y.shape, y.dtype)
                emit.ar("cast", wide, x)
                emit.ar("mul", y, wide)
        else:
            emit.ar("cast", y, x)
        return emit.done()
