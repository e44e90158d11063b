"""Arithmetic on elements: two or three operands with broadcasting, or one and a constant."""

from __future__ import annotations

from lgsim.graph.core import Shape
from lgsim.graph.dtypes import DType
from lgsim.graph.ops import (
    Add,
    Compare,
    Div,
    Max,
    Min,
    Mod,
    Mul,
    Pow,
    PRelu,
    Sub,
    Where,
)
from lgsim.graph.ops.base import OpKind
from lgsim.kernels.base import Local, Work
from lgsim.kernels.commands.series import TABLE_BYTES
from lgsim.kernels.commands.tiling import lane_bytes
from lgsim.kernels.commands.vector import Emitter, Scratch, rectify, retyped
from lgsim.kernels.elementwise.broadcast import broadcast_schedule
from lgsim.kernels.elementwise.flat import FlatKernel, flat_schedule
from lgsim.kernels.elementwise.functions import RECIPES, Registers
from lgsim.kernels.schedule import Instruction, Schedule
from lgsim.kernels.site import OpSite
from lgsim.kernels.support import (
    BINARY_RULES,
    SAME_RANK,
    Features,
    Refusal,
    Rule,
    binary_support,
    same_rank,
)
from lgsim.target.chip import Chip

NAMES: dict[type[OpKind], str] = {
    Add: "add",
    Sub: "sub",
    Mul: "mul",
    Min: "min",
    Max: "max",
    Div: "div",
}


def is_narrow(dtype: DType) -> bool:
    """Whether values are quantized to 8 bits or fewer, so that they carry a scale."""
    return not dtype.is_float and dtype.bits <= 8 and dtype is not DType.BOOL


GLOBAL_POWER = Rule("no_local_form", "Pow, PowConst and Mod exist only as global layers.")
COMPUTED_OPERANDS = Rule("computed_operands", "No operand is a constant tensor.")


def refuse_power(site: OpSite) -> Refusal:
    """The vendor's list of ops with a local form has none of these (docs/chip.md §4)."""
    return GLOBAL_POWER.refuse(
        "powers and remainders are only computed as global layers",
        value=site.kind,
        limit="Add, Sub, Mul, Div, Min, Max and their constant forms",
        lift="for a square, a product of the tensor with itself",
    )


class BroadcastKernel(FlatKernel):
    """Kernels of several operands that may have different shapes."""

    def cuts_weight(self, site: OpSite, index: int) -> bool:
        """Like the other operand."""
        del site, index
        return True

    def global_schedule(self, site: OpSite, chip: Chip) -> Schedule:
        """Flat if every operand has the shape of the result or one element, else broadcasting."""
        if is_narrow(site.inputs[0].type.dtype):
            return broadcast_schedule(self, site, chip, _over_lanes(site, chip))
        elements = site.outputs[0].elements
        flat = [i for i, x in enumerate(site.inputs) if x.type.elements == elements]
        scalars = [x for x in site.inputs if x.type.elements == 1]
        if flat and len(flat) + len(scalars) >= len(site.inputs):
            return flat_schedule(self, site, chip, flat)
        return broadcast_schedule(self, site, chip)


def _over_lanes(site: OpSite, chip: Chip) -> list[Shape] | None:
    """Views of 8-bit operands of one shape that fill all lanes with whole words, if they do.

    Otherwise the dimensions stay as they are, however short their rows (derived from the GDMA
    time of the int8 rows of reference/cycle_sim.csv: resnet18 and deit to 0.01 %).
    """
    shapes = [x.type.shape for x in site.inputs] + [site.outputs[0].shape]
    elements = site.outputs[0].elements
    whole = elements % (chip.lanes * chip.eu_num(site.outputs[0].dtype)) == 0
    if whole and all(shape == shapes[0] for shape in shapes):
        return [(1, chip.lanes, 1, elements // chip.lanes)] * len(shapes)
    return None


class BinaryKernel(BroadcastKernel, kinds=(Add, Sub, Mul, Min, Max)):
    """One instruction for floats and 32-bit integers; 8-bit operands are rescaled to 16 bits.

    Vendor sequences (reference/commands): float add, maximum in place for a fused ReLU; int8 add
    muls, muls, adds and, with ReLU, a cast to unsigned; int8 product muls, muls.
    """

    rules = BINARY_RULES

    def local_support(self, site: OpSite, features: Features) -> Refusal | None:
        """Operands have to lie alike."""
        return binary_support(site, features)

    def registers(self, site: OpSite) -> int:
        """Rescaled operands."""
        if not is_narrow(site.inputs[0].type.dtype):
            return 0
        return 1 if isinstance(site.attrs, Mul) else 2

    def register_bits(self, site: OpSite) -> int:
        """16 for 8-bit operands."""
        return 16 if self.registers(site) else 0

    def scratch_bytes(self, site: OpSite, chip: Chip, work: Work) -> int:
        """Two results of 16 bits, planes padded as those of 8 bits, whatever is broadcast.

        (reference/plans: every int8 Add and Mul.)
        """
        if not is_narrow(site.inputs[0].type.dtype):
            return 0
        return 4 * lane_bytes(chip, work.outputs[0].shape, DType.I8)

    def program(
        self, site: OpSite, chip: Chip, work: Work, scratch: Scratch
    ) -> tuple[Instruction, ...]:
        """The sequence for the element type."""
        emit = Emitter(chip)
        a, b, y = work.input(0), work.input(1), work.outputs[0]
        relu = bool(getattr(site.attrs, "relu", False))
        if not is_narrow(a.dtype):
            name = NAMES[type(site.attrs)]
            alone = a.dtype.is_float and a.shape[0] == b.shape[0] == 1
            emit.ar(name, y, a, b, repeated=alone)
            if relu:
                rectify(emit, y)
        elif isinstance(site.attrs, Mul):
            product = scratch.local(a.shape, DType.I16)
            emit.ar("muls", product, a)
            emit.ar("muls", y, product, b)
        else:
            wide = [scratch.local(x.shape, DType.I16) for x in (a, b)]
            for target, source in zip(wide, (a, b), strict=True):
                emit.ar("muls", target, source)
            name = NAMES[type(site.attrs)] + "s"
            same = next((w for w in wide if w.shape == y.shape), None) if relu else None
            emit.ar(name, same or y, *wide)
            if same is not None:
                emit.ar("cast", y, same)
            elif relu:
                rectify(emit, y)
        return emit.done()


class FloatBinaryKernel(BroadcastKernel, kinds=(Div, Mod, Pow)):
    """Division, remainder and power: in 32-bit floats (inferred but for the pace of division)."""

    rules = (GLOBAL_POWER, *BINARY_RULES)

    def local_support(self, site: OpSite, features: Features) -> Refusal | None:
        """Division as the other binary ops; the others have no local form."""
        if isinstance(site.attrs, Div):
            return binary_support(site, features)
        return refuse_power(site)

    def registers(self, site: OpSite) -> int:
        """Quotient and product of a remainder; the recipes of a power; 8-bit operands cast."""
        own = 2 if isinstance(site.attrs, Mod) else 3 * isinstance(site.attrs, Pow)
        return own + 2 * is_narrow(site.inputs[0].type.dtype)

    def register_bits(self, site: OpSite) -> int:
        """32: intermediate values are floats."""
        return 32 if self.registers(site) else 0

    def table_bytes(self, site: OpSite, chip: Chip) -> int:
        """Two series for a power."""
        return 2 * max(TABLE_BYTES, chip.eu_bytes) if isinstance(site.attrs, Pow) else 0

    def program(
        self, site: OpSite, chip: Chip, work: Work, scratch: Scratch
    ) -> tuple[Instruction, ...]:
        """Casts of 8-bit operands, then the sequence."""
        emit = Emitter(chip)
        a, b, y = work.input(0), work.input(1), work.outputs[0]
        narrow = is_narrow(a.dtype)
        if narrow:
            wide = [scratch.local(x.shape, DType.F32) for x in (a, b)]
            for target, source in zip(wide, (a, b), strict=True):
                emit.requant("dq0", target, source)
            a, b = wide
        if isinstance(site.attrs, Div):
            emit.divide(y, a, b)
        elif isinstance(site.attrs, Mod):
            quotient, product = (scratch.local(y.shape, DType.F32) for _ in range(2))
            emit.divide(quotient, a, b)
            emit.ar("cast", product, quotient)
            emit.ar("mul", quotient, product, b)
            emit.ar("sub", y, a, quotient)
        else:
            power(emit, scratch, a, y, b)
        return emit.done()


def power(emit: Emitter, scratch: Scratch, x: Local, y: Local, exponent: Local | None) -> None:
    """Power by exp(exponent · log x), the exponent being a constant if None."""
    tables = (scratch.take(TABLE_BYTES), scratch.take(TABLE_BYTES))
    free = tuple(scratch.local(y.shape, DType.F32) for _ in range(3))
    result = y if y.dtype.bits == 32 else retyped(free[2], DType.F32)
    for table in tables:
        emit.static_table(table)
    RECIPES["log"].body(emit, Registers(x, result, free[:2], tables))
    emit.ar("mul", free[0], result, *(() if exponent is None else (exponent,)))
    RECIPES["exp"].body(emit, Registers(free[0], result, free[:2], tables))
    if result is not y:
        emit.ar("cast", y, result)


class CompareKernel(BroadcastKernel, kinds=(Compare,)):
    """One fused comparison and selection (inferred from those in GELU)."""

    rules = (COMPUTED_OPERANDS, *BINARY_RULES[1:])

    def local_support(self, site: OpSite, features: Features) -> Refusal | None:
        """Operands have to lie alike and be no constants (docs/chip.md §4)."""
        if any(operand.weight for operand in site.inputs):
            return COMPUTED_OPERANDS.refuse(
                "a comparison with a constant tensor has no local form",
                value="a constant operand",
                limit="operands computed by other ops",
            )
        return binary_support(site, features)

    def program(
        self, site: OpSite, chip: Chip, work: Work, scratch: Scratch
    ) -> tuple[Instruction, ...]:
        """The selection."""
        del scratch
        assert isinstance(site.attrs, Compare)
        emit = Emitter(chip)
        emit.select(f"sel_{site.attrs.mode}", work.outputs[0], work.input(0), work.input(1))
        return emit.done()


class WhereKernel(BroadcastKernel, kinds=(Where,)):
    """One fused selection of three operands (inferred)."""

    rules = (SAME_RANK,)

    def local_support(self, site: OpSite, features: Features) -> Refusal | None:
        """Operands have to lie alike; constants may be split."""
        del features
        return same_rank(site)

    def program(
        self, site: OpSite, chip: Chip, work: Work, scratch: Scratch
    ) -> tuple[Instruction, ...]:
        """The selection."""
        del site, scratch
        emit = Emitter(chip)
        emit.select("sel_ne", work.outputs[0], *(work.input(i) for i in range(3)))
        return emit.done()


class PReluKernel(BroadcastKernel, kinds=(PRelu,)):
    """slope·x where x is negative: a product and a selection (inferred)."""

    def registers(self, site: OpSite) -> int:
        """The product."""
        del site
        return 1

    def register_bits(self, site: OpSite) -> int:
        """As wide as the operand; 16 bits for 8-bit ones."""
        return max(16, site.inputs[0].type.dtype.bits)

    def program(
        self, site: OpSite, chip: Chip, work: Work, scratch: Scratch
    ) -> tuple[Instruction, ...]:
        """The product and the selection."""
        del site
        emit = Emitter(chip)
        x, slope, y = work.input(0), work.input(1), work.outputs[0]
        wide = DType.I16 if is_narrow(x.dtype) else x.dtype
        product = scratch.local(y.shape, wide)
        emit.ar("mul" if x.dtype.is_float else "muls", product, x, slope)
        emit.select("sel_gt", y, x, product)
        return emit.done()
