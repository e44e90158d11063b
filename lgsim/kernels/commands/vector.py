"""Builders of BDC vector instructions: arithmetic, Taylor series, pooling reductions, look-ups."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from lgsim.graph.dtypes import DType
from lgsim.kernels.base import Local
from lgsim.kernels.commands.tiling import lane_bytes, part, round_up
from lgsim.kernels.schedule import Instruction, LmemSpan
from lgsim.target.chip import Chip
from lgsim.target.timing import bdc


def retyped(local: Local, dtype: DType) -> Local:
    """The same place and shape, read or written as another element type."""
    return Local(local.shape, dtype, local.span, local.aligned)


def reshaped(local: Local, shape: tuple[int, int, int, int]) -> Local:
    """The same place seen as another (n, c, h, w)."""
    return Local(shape, local.dtype, local.span, local.aligned)


class Scratch:
    """Hands out intermediate values one after the other, in 64-byte units, within one span.

    Without a span it only measures: `used` is then what a kernel has to ask for.
    """

    def __init__(self, chip: Chip, span: LmemSpan | None = None) -> None:
        self.chip = chip
        self.span = span if span is not None else LmemSpan(-1, 0, chip.lmem_bytes << 16)
        self.used = 0

    def take(self, nbytes: int) -> LmemSpan:
        """The next `nbytes` bytes."""
        piece = part(self.span, self.used, nbytes)
        self.used += round_up(nbytes, self.chip.eu_bytes)
        assert self.used <= round_up(self.span.nbytes, self.chip.eu_bytes)
        return piece

    def local(self, shape: tuple[int, int, int, int], dtype: DType) -> Local:
        """Room for a slice of that shape and type."""
        return Local(shape, dtype, self.take(lane_bytes(self.chip, shape, dtype)))

    def like(self, local: Local, dtype: DType | None = None) -> Local:
        """Room for a slice of the same shape, of 4 bytes per element at least.

        The registers of a function hold floats at one time and integers at another.
        """
        dtype = local.dtype if dtype is None else dtype
        nbytes = max(lane_bytes(self.chip, local.shape, d) for d in (dtype, local.dtype))
        return Local(local.shape, dtype, self.take(nbytes))


@dataclass(slots=True)
class Emitter:
    """Collects the BDC instructions of one slice; every method appends one.

    Shapes are those of the result; element types may differ between operands and result, the
    widest sets the pace.
    """

    chip: Chip
    instructions: list[Instruction] = field(default_factory=list)

    def done(self) -> tuple[Instruction, ...]:
        """The instructions so far."""
        return tuple(self.instructions)

    def _emit(
        self,
        unit: str,
        name: str,
        cycles: int,
        out: Local,
        operands: Iterable[Local],
        also: tuple[LmemSpan, ...] = (),
    ) -> None:
        reads = (*[operand.span for operand in operands], *also)
        self.instructions.append(Instruction(unit, name, cycles, reads, (out.span,)))

    def ar(
        self, name: str, out: Local, *operands: Local, repeated: bool = False, stride: int = 1
    ) -> None:
        """Element-wise arithmetic.

        Parameters
        ----------
        name : str
            What it computes.
        out, operands : Local
            Result and operands; constants are not operands.
        repeated : bool
            Whether the second operand is read with an n-stride of 0, as the vendor's kernels for
            two tensors do when n is 1.
        stride : int
            Distance in elements between neighbours of the operand that is not read in rows.
        """
        n, c, h, w = out.shape
        cycles = bdc.arith_cycles(
            self.chip,
            widest(out, *operands),
            n=n,
            c=c,
            h=h,
            w=w,
            in_place=out.span.address in [operand.span.address for operand in operands],
            repeat_second=repeated,
            w_stride=stride,
        )
        self._emit("AR", name, cycles, out, operands)

    def divide(self, out: Local, *operands: Local) -> None:
        """Element-wise division, also of a constant by a tensor."""
        n, c, h, w = out.shape
        cycles = bdc.div_cycles(self.chip, widest(out, *operands), n=n, c=c, h=h, w=w)
        self._emit("AR", "div", cycles, out, operands)

    def taylor(self, out: Local, x: Local, table: LmemSpan) -> None:
        """A power series of x with the coefficients in `table`: 7 for 16 bits, 10 for 32 bits."""
        n, c, h, w = out.shape
        terms = 7 if out.dtype.bits == 16 else 10
        cycles = bdc.taylor_cycles(self.chip, out.dtype, n=n, c=c, h=h, w=w, table=terms)
        self._emit("SFU", "taylor_4x", cycles, out, (x,), (table,))

    def rsqrt(self, out: Local, x: Local) -> None:
        """Reciprocal square root."""
        n, c, h, w = out.shape
        cycles = bdc.rsqrt_cycles(self.chip, out.dtype, n=n, c=c, h=h, w=w)
        self._emit("SFU", "rsqrt", cycles, out, (x,))

    def select(self, name: str, out: Local, *operands: Local) -> None:
        """Compare and select in one go."""
        n, c, h, w = out.shape
        cycles = bdc.select_cycles(self.chip, widest(out, *operands), n=n, c=c, h=h, w=w)
        self._emit("FUSED_CMP", name, cycles, out, operands)

    def pool(
        self, name: str, out: Local, x: Local, kernel: tuple[int, int], stride_w: int = 1
    ) -> None:
        """Average or maximum over windows of x; `out` has one element per window."""
        n, c, h, w = out.shape
        cycles = bdc.pord_cycles(
            self.chip,
            widest(out, x),
            n=n,
            c=c,
            oh=h,
            ow=w,
            kh=kernel[0],
            kw=kernel[1],
            stride_w=stride_w,
        )
        self._emit("PorD", name, cycles, out, (x,))

    def requant(self, name: str, out: Local, x: Local, *factors: LmemSpan) -> None:
        """Requantize or dequantize: int32 or 8 bits to 8 bits, int32 or float."""
        n, c, h, w = out.shape
        cycles = bdc.requant_cycles(self.chip, DType.I32, n=n, c=c, h=h, w=w)
        self._emit("RQDQ", name, cycles, out, (x,), factors)

    def lane_broadcast(self, values: Local) -> None:
        """Copies what lane 0 holds to all lanes, at the same address."""
        n, _, h, w = values.shape
        cycles = bdc.lane_broadcast_cycles(self.chip, values.dtype, n=n, h=h, w=w, in_place=True)
        self._emit("LANE_BC", "l_bc", cycles, values, (values,))

    def lane_copy(self, out: Local, x: Local, start_lane: int = 0) -> None:
        """Moves channels to other lanes, the first one to `start_lane`."""
        n, c, h, w = out.shape
        cycles = bdc.lane_copy_cycles(
            self.chip, out.dtype, n=n, c=c, h=h, w=w, start_lane=start_lane
        )
        self._emit("LANE_COPY", "l_copy", cycles, out, (x,))

    def static_table(self, table: LmemSpan) -> None:
        """Coefficients of a power series from the chip's own memory to all lanes."""
        cycles = bdc.static_broadcast_cycles(self.chip, DType.F32, w=10)
        self.instructions.append(Instruction("STATIC_BC", "s_bc", cycles, (), (table,)))

    def gather(self, name: str, out: Local, *operands: Local, hazards: bool = False) -> None:
        """One looked-up element per lane and cycle; `hazards` is the variant that checks them."""
        n, c, h, w = out.shape
        cycles = bdc.gather_cycles(self.chip, n=n, c=c, h=h, w=w, check_hazards=hazards)
        self._emit("SG", name, cycles, out, operands)


def widest(*tensors: Local) -> DType:
    """The widest element type, which sets the pace."""
    found = tensors[0].dtype
    for tensor in tensors:
        if tensor.dtype.bits > found.bits:
            found = tensor.dtype
    return found


def share_bank(chip: Chip, a: LmemSpan, b: LmemSpan) -> bool:
    """Whether some bank holds bytes of both spans."""
    first, last = (max(0, s.address + s.nbytes - 1) // chip.bank_bytes for s in (a, b))
    return a.address // chip.bank_bytes <= last and b.address // chip.bank_bytes <= first


def rectify(emit: Emitter, y: Local) -> None:
    """A fused ReLU: a maximum in place."""
    emit.ar("max", y, y)
