"""Reductions, positions of extremes, sorting and running sums along axes (inferred)."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from lgsim.graph.core import Shape
from lgsim.graph.ops import Arg, CumSum, Reduce, TopK
from lgsim.kernels.base import Kernel, Local, Work
from lgsim.kernels.commands.dma import output
from lgsim.kernels.commands.vector import Emitter
from lgsim.kernels.rows.lines import Line, LineProgram, Lines, LineTiler, staged_schedule
from lgsim.kernels.schedule import Instruction, Schedule, Step
from lgsim.kernels.site import OpSite
from lgsim.kernels.support import Features, Refusal, Rule, shape_text
from lgsim.target.chip import Chip

BEFORE = {"l1": "abs", "l2": "mul", "sumsquare": "mul", "logsumexp": "exp", "min": "neg"}
"""Arithmetic on the elements before they are combined."""

AFTER = {"l2": "sqrt", "logsum": "log", "logsumexp": "log", "min": "neg"}
"""Arithmetic on the results."""


@dataclass(frozen=True, slots=True)
class Reduction(LineProgram):
    """Lines to one number each: pooling where there are rows, arithmetic else."""

    mode: str

    def run(self, line: Line) -> None:
        """What comes before, the combination, what comes after."""
        x, y = line.x, line.outputs[0]
        name = {"max": "max", "min": "max", "prod": "mul"}.get(self.mode, "avg")
        if self.mode in BEFORE or not x.dtype.is_float:
            line.emit.ar(BEFORE.get(self.mode, "cast"), line.free[0], x)
            x = line.free[0]
        line.combine(name, y, x)
        if self.mode in AFTER:
            line.emit.ar(AFTER[self.mode], y, y)


@dataclass(frozen=True, slots=True)
class Position(LineProgram):
    """Where the extreme is: its value, a comparison with every element, the first position."""

    def run(self, line: Line) -> None:
        """Two reductions around a selection."""
        x, y = line.x, line.outputs[0]
        line.combine("max", y, x)
        line.emit.select("sel_eq", line.free[0], x, y)
        line.combine("max", y, line.free[0])


@dataclass(frozen=True, slots=True)
class Sort(LineProgram):
    """The k largest: k times the extreme and its removal, or a sorting network if that is less."""

    k: int

    def run(self, line: Line) -> None:
        """Rounds of a reduction and a selection."""
        values, positions = line.outputs[0], line.outputs[-1]
        steps = (max(line.x.shape[0], line.x.shape[2]) - 1).bit_length()
        one = (1, *values.shape[1:]) if line.along_n else (*values.shape[:2], 1, values.shape[3])
        value, position = (Local(one, y.dtype, y.span) for y in (values, positions))
        line.emit.ar("copy", line.free[0], line.x)
        for _ in range(max(1, min(self.k, steps * (steps + 1) // 2))):
            line.combine("max", value, line.free[0])
            line.emit.select("sel_eq", line.free[0], line.free[0], value)
        line.combine("max", position, line.free[0])


@dataclass(frozen=True, slots=True)
class Scan(LineProgram):
    """A running sum: each element plus the one 1, 2, 4, … places before it."""

    def run(self, line: Line) -> None:
        """One addition per doubling."""
        y = line.outputs[0]
        line.emit.ar("copy", y, line.x)
        for _ in range((max(line.x.shape[0], line.x.shape[2]) - 1).bit_length()):
            line.emit.ar("add", line.free[0], y)
            line.emit.ar("add", y, y, line.free[0])


REDUCE_4D = Rule("reduce_4d", "The tensor is 4-D, and one axis, 2 or 3, is reduced.")
REDUCE_MODE = Rule("reduce_mode", "It is a mean, a sum or a maximum.")
REDUCE_RANK = Rule("reduce_rank", "The axis stays as a 1, or is the last one.")


class ReduceKernel(Kernel, kinds=(Reduce,)):
    """One pass per run of neighbouring axes, the innermost first."""

    rules = (REDUCE_MODE, REDUCE_4D, REDUCE_RANK)
    splits = "every axis but the one that is reduced"

    def local_support(self, site: OpSite, features: Features) -> Refusal | None:
        """Means, sums and maxima of rows or columns (docs/chip.md §4)."""
        del features
        attrs, shape = site.attrs, site.inputs[0].type.shape
        assert isinstance(attrs, Reduce)
        text = f"axes {', '.join(map(str, attrs.axes))} of {shape_text(shape)}"
        if attrs.mode not in ("mean", "sum", "max"):
            return REDUCE_MODE.refuse(
                "there is no pooling for it", value=attrs.mode, limit="mean, sum, max"
            )
        if len(shape) != 4 or attrs.axes not in ((2,), (3,)):
            return REDUCE_4D.refuse(
                "a lane can only reduce what it holds, a row or a column of a 4-D tensor",
                value=text,
                limit="axis 2 or 3 of a 4-D tensor",
                lift="a reshape to 4-D around it, or one reduction per axis",
            )
        if not attrs.keepdims and attrs.axes == (2,):
            return REDUCE_RANK.refuse(
                "columns would become rows",
                value=f"{text}, dropped",
                limit="the axis stays as a 1",
                lift="keepdims, and a reshape behind it",
            )
        return None

    def uncut_dims(self, site: OpSite) -> frozenset[int]:
        """The reduced axis, and what is left in its place."""
        assert isinstance(site.attrs, Reduce)
        return frozenset(site.attrs.axes)

    def instructions(self, site: OpSite, chip: Chip, work: Work) -> tuple[Instruction, ...]:
        """Pooling of one slice over h, over w, or over both."""
        assert isinstance(site.attrs, Reduce)
        emit = Emitter(chip)
        x, y = work.input(0), work.outputs[0]
        kernel = (
            x.shape[2] if y.shape[2] == 1 else 1,
            x.shape[3] if y.shape[3] == 1 else 1,
        )
        emit.pool("maxpooling" if site.attrs.mode == "max" else "avgpooling", y, x, kernel)
        return emit.done()

    def global_schedule(self, site: OpSite, chip: Chip) -> Schedule:
        """Passes over lines; intermediate results stay in global memory."""
        assert isinstance(site.attrs, Reduce)
        attrs, x = site.attrs, site.inputs[0].type
        passes = line_passes(x.shape, attrs.axes)
        steps: list[Step] = []
        source = 0
        for number, (outer, size, inner) in enumerate(passes):
            last = number == len(passes) - 1
            target = output() if last else len(site.inputs) + number
            lines = Lines(outer, size, inner, x.dtype, source, ((target, 1, x.dtype),))
            free = len(site.inputs) + len(passes) + 40 * number
            program = Reduction(attrs.mode)
            steps += staged_schedule(chip, lines, program, 1, site.kind, free)
            source = target
        return tuple(steps)


def line_passes(shape: Shape, axes: tuple[int, ...]) -> list[Shape]:
    """(outer, size, inner) of each pass: runs of neighbouring axes, dimensions of 1 left out."""
    sizes = list(shape)
    wanted = {axis % len(shape) for axis in axes}
    passes: list[Shape] = []
    axis = len(sizes)
    while axis > 0:
        axis -= 1
        if axis not in wanted:
            continue
        first = axis
        while first > 0 and (first - 1 in wanted or sizes[first - 1] == 1):
            first -= 1
        size = prod(sizes[first : axis + 1])
        if size > 1:
            passes.append((prod(sizes[:first]), size, prod(sizes[axis + 1 :])))
        for i in range(first, axis + 1):
            sizes[i] = 1
        axis = first
    return passes or [(prod(shape), 1, 1)]


class LineKernel(Kernel, kinds=(Arg, TopK, CumSum)):
    """Ops along one axis."""

    why_global = "each result depends on all elements along the axis, which one engine goes through"

    def global_schedule(self, site: OpSite, chip: Chip) -> Schedule:
        """Whole lines in local memory."""
        attrs, x = site.attrs, site.inputs[0].type
        assert isinstance(attrs, Arg | TopK | CumSum)
        outer, size, inner = Lines.around(x.shape, attrs.axis)
        program: LineProgram
        if isinstance(attrs, Arg):
            program, left = Position(), 1
        elif isinstance(attrs, TopK):
            program, left = Sort(attrs.k), attrs.k
        else:
            program, left = Scan(), size
        targets = tuple((output(k), left, out.dtype) for k, out in enumerate(site.outputs))
        lines = Lines(outer, size, inner, x.dtype, 0, targets)
        if isinstance(attrs, CumSum):
            return LineTiler(chip, lines, program, site.kind).schedule()
        return staged_schedule(chip, lines, program, left, site.kind, len(site.inputs))
