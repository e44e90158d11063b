"""Recurrent layers alone: one matrix product per gate block and step, then the gates.

The weights of a direction stay in local memory if they fit; else they are read again for every
step, in blocks of columns. Rows of the batch lie on the lanes, as in MM2. No recurrent layer occurs
in the reference networks: the structure is inferred, its instructions and transfers are priced by
the same laws as everywhere else.
"""

from __future__ import annotations

from dataclasses import dataclass

from lgsim.graph.dtypes import DType
from lgsim.graph.ops import GRU, LSTM, RNN
from lgsim.graph.ops.recurrent import Recurrent
from lgsim.kernels.base import Kernel, Local
from lgsim.kernels.commands import cube
from lgsim.kernels.commands.dma import load, load_broadcast, output, store
from lgsim.kernels.commands.tiling import Room, chunks, lane_bytes
from lgsim.kernels.commands.vector import Emitter
from lgsim.kernels.schedule import GmemBox, Instruction, LmemSpan, Schedule, Step, Transfer
from lgsim.kernels.site import OpSite
from lgsim.target.chip import Chip
from lgsim.target.timing import bdc

GATE_FUNCTION_PASSES = 20
"""EU passes of a sigmoid or tanh; inferred: between the 7 and 10 of an exponential and the 57 of a
whole f32 sigmoid with its casts (docs/chip.md §5)."""
UPDATE_PASSES = {4: 4, 3: 5, 1: 1}
"""Element-wise products and sums that form the new state of an LSTM, a GRU and an RNN."""


class RecurrentKernel(Kernel, kinds=(LSTM, GRU, RNN)):
    """LSTM, GRU and RNN over a whole sequence."""

    why_global = "it is a loop over the steps of the sequence, with a program of its own"

    def global_schedule(self, site: OpSite, chip: Chip) -> Schedule:
        """Step by step; the directions one after the other."""
        return RecurrentTiler(site, chip).schedule()


@dataclass(frozen=True, slots=True)
class Place:
    """Buffers of one direction."""

    x: Local
    hidden: Local
    states: tuple[Local, ...]
    gates: Local
    weights: tuple[LmemSpan, LmemSpan]
    bias: LmemSpan | None


class RecurrentTiler:
    """Commands of one layer on one chip."""

    def __init__(self, site: OpSite, chip: Chip) -> None:
        attrs = site.attrs
        assert isinstance(attrs, Recurrent)
        self.site = site
        self.chip = chip
        self.attrs = attrs
        self.steps, self.batch, self.features = site.inputs[0].type.shape
        self.hidden = attrs.hidden
        self.rows = attrs.gates * attrs.hidden
        self.dtype = site.inputs[0].type.dtype
        self.biased = len(site.inputs) > 3
        self.place = self.find_room()

    def find_room(self) -> Place:
        """Room for everything; the weights in as few blocks of gate columns as fit.

        Raises
        ------
        InfeasibleError
            If states, gates and one row of weights do not fit local memory.
        """
        room = Room(self.chip, "the state of a recurrent layer")
        b, dtype = self.batch, self.dtype
        x = room.local((1, b, 1, self.features), dtype)
        hidden = room.local((1, b, 1, self.hidden), dtype)
        cells = self.attrs.states - 1
        states = tuple(room.local((1, b, 1, self.hidden), dtype) for _ in range(cells))
        gates = room.local((1, b, 1, self.rows), dtype)
        bias = None
        if self.biased:
            bias = room.take(lane_bytes(self.chip, (1, 1, 1, 2 * self.rows), dtype))
        free = self.chip.lmem_bytes - room.end - 4 * self.chip.eu_bytes
        widest = max(self.features, self.hidden)
        self.block = self.rows
        while self.block > 1 and 2 * self.weight_bytes(self.block, widest) > free:
            self.block = -(-self.block // 2)
        weights = tuple(room.take(self.weight_bytes(self.block, widest)) for _ in range(2))
        return Place(x, hidden, states, gates, (weights[0], weights[1]), bias)

    def weight_bytes(self, rows: int, columns: int) -> int:
        """Bytes per lane of so many rows of a weight matrix, rows on lanes."""
        return lane_bytes(self.chip, (1, rows, 1, columns), self.dtype)

    def schedule(self) -> Schedule:
        """All directions."""
        result: list[Step] = []
        for direction in range(self.attrs.directions):
            result += self.direction(direction)
        return tuple(result)

    def direction(self, direction: int) -> list[Step]:
        """Initial states, all steps, final states."""
        emitter = Emitter(self.chip)
        first: list[Transfer] = []
        for index, state in enumerate((self.place.hidden, *self.place.states)):
            operand = 4 + index
            if operand < len(self.site.inputs):
                first.append(self.move_state(operand, direction, state))
            else:
                emitter.ar("copy", state)
        if self.biased and self.place.bias is not None:
            box = GmemBox(3, direction * 2 * self.rows, (1, 2 * self.rows), (2 * self.rows, 1))
            first.append(load_broadcast(self.chip, box, self.dtype, self.place.bias))
        steps = [Step(tuple(first), emitter.done())]
        backwards = direction == 1 or getattr(self.attrs, "reverse", False)
        order = range(self.steps - 1, -1, -1) if backwards else range(self.steps)
        resident = self.block == self.rows
        for index, time in enumerate(order):
            steps += self.step(direction, time, fresh=index == 0 or not resident)
        finals = [
            self.move_state(output(1 + index), direction, state)
            for index, state in enumerate((self.place.hidden, *self.place.states))
            if 1 + index < len(self.site.outputs)
        ]
        steps.append(Step(tuple(finals)))
        return [step for step in steps if step.transfers or step.instructions]

    def step(self, direction: int, time: int, *, fresh: bool) -> list[Step]:
        """One step of the sequence: load, multiply block by block, update, store."""
        place, size = self.place, self.batch * self.features
        box = GmemBox(
            0, time * size, (1, self.batch, 1, self.features), (size, self.features, 1, 1)
        )
        loads = [load(self.chip, box, self.dtype, place.x.span)]
        steps: list[Step] = []
        for block in chunks(self.rows, self.block):
            if fresh:
                loads += self.load_weights(direction, block)
            steps.append(Step(tuple(loads)))
            steps.append(Step((), self.multiply(block)))
            loads = []
        steps.append(Step((), self.update()))
        size = self.batch * self.hidden
        start = (time * self.attrs.directions + direction) * size
        target = GmemBox(
            output(), start, (1, self.batch, 1, self.hidden), (size, self.hidden, 1, 1)
        )
        steps.append(Step((store(self.chip, target, self.dtype, place.hidden.span),)))
        return steps

    def load_weights(self, direction: int, block: tuple[int, int]) -> list[Transfer]:
        """Rows of the input and of the recurrent weight."""
        loads = []
        for operand, columns in ((1, self.features), (2, self.hidden)):
            start = (direction * self.rows + block[0]) * columns
            shape = (1, block[1], 1, columns)
            box = GmemBox(operand, start, shape, (self.rows * columns, columns, 1, 1))
            span = self.weight_span(operand, block[1], columns)
            loads.append(load(self.chip, box, self.dtype, span))
        return loads

    def weight_span(self, operand: int, rows: int, columns: int) -> LmemSpan:
        """Where a block of a weight lies."""
        span = self.place.weights[operand - 1]
        return LmemSpan(span.buffer, span.address, self.weight_bytes(rows, columns))

    def multiply(self, block: tuple[int, int]) -> tuple[Instruction, ...]:
        """Gates of a block: input and state times their weights, plus the bias."""
        place, out = self.place, self.place.gates
        instructions = [
            cube.product(
                self.chip,
                out.span,
                self.dtype,
                (operand.span, self.weight_span(index, block[1], columns)),
                m=self.batch,
                k=columns,
                n=block[1],
            )
            for index, operand, columns in (
                (1, place.x, self.features),
                (2, place.hidden, self.hidden),
            )
        ]
        emitter = Emitter(self.chip, instructions)
        part = Local((1, self.batch, 1, block[1]), self.dtype, out.span)
        if place.bias is not None:
            bias = Local((1, 1, 1, 2 * self.rows), self.dtype, place.bias)
            emitter.ar("add_bias", part, part, bias)
        return emitter.done()

    def update(self) -> tuple[Instruction, ...]:
        """Gate functions and the new states."""
        place = self.place
        n, c, h, w = place.gates.shape
        cycles = bdc.taylor_cycles(
            self.chip, DType.F32, n=n, c=c, h=h, w=w, table=GATE_FUNCTION_PASSES
        )
        span = place.gates.span
        emitter = Emitter(self.chip, [Instruction("SFU", "gates", cycles, (span,), (span,))])
        for _ in range(UPDATE_PASSES[self.attrs.gates]):
            for state in (*place.states, place.hidden):
                emitter.ar("update", state, state, place.gates)
        return emitter.done()

    def move_state(self, operand: int, direction: int, state: Local) -> Transfer:
        """A state from or to global memory."""
        size = self.batch * self.hidden
        box = GmemBox(
            operand,
            direction * size,
            (1, self.batch, 1, self.hidden),
            (size, self.hidden, 1, 1),
        )
        move = store if operand < 0 else load
        return move(self.chip, box, self.dtype, state.span)
