"""Fused attention: slices of it, and how it runs alone.

Alone, queries are cut into blocks of rows if they do not fit; keys and values stay.
"""

from __future__ import annotations

from lgsim.errors import InfeasibleError
from lgsim.graph.ops import Attention
from lgsim.kernels.attention.core import AttentionCore, Operands
from lgsim.kernels.base import Kernel, WeightForm, Work
from lgsim.kernels.commands.dma import dense_strides, load, load_broadcast, output, store
from lgsim.kernels.commands.tiling import Room, Tile, ceil_div, chunks, lane_bytes, serial
from lgsim.kernels.commands.vector import Emitter, Scratch, reshaped
from lgsim.kernels.schedule import GmemBox, Instruction, LmemSpan, Schedule, Transfer
from lgsim.kernels.site import OpSite
from lgsim.kernels.support import Axis, GroupType
from lgsim.target.chip import Chip


class AttentionKernel(Kernel, kinds=(Attention,)):
    """One batch element after the other."""

    rules = ()
    splits = "n; c (queries) if keys are given as an operand of their own"

    def splittable(self, site: OpSite, axis: Axis, group_type: GroupType) -> bool:
        """Batch, and queries that do not also serve as keys (docs/chip.md §4)."""
        assert isinstance(site.attrs, Attention)
        own_keys = site.attrs.operands_qkv > 1 and group_type == "MM"
        return axis == "n" or (axis == "c" and own_keys)

    def weight_form(self, site: OpSite, chip: Chip, index: int) -> WeightForm | None:
        """Weights of q, k and v lie in one constant, rows over the lanes; so do all biases.

        (reference/plans: bert_base, 64 lanes x 36 rows x 64 columns.)
        """
        operands = Operands.of(site)
        types = [operand.type for operand in site.inputs]
        if len({types[i].shape for i in operands.weights[:3]}) > 1:
            return None
        for merged in operands.merged:
            if index not in merged:
                continue
            if index != merged[0]:
                return WeightForm((0, 0, 0, 0), types[index].dtype)
            if index in operands.biases:
                elements = sum(types[i].elements for i in merged)
                return WeightForm((1, 1, elements, 1), types[index].dtype, True)
            rows, columns = types[index].shape[-2:]
            each = ceil_div(rows, chip.lanes)
            shape = (1, min(rows, chip.lanes), 3 * each, columns)
            return WeightForm(shape, types[index].dtype, True)
        return None

    def spread_operands(self, site: OpSite) -> tuple[int, ...]:
        """Biases, mask and table."""
        operands = Operands.of(site)
        return tuple(index for index in operands.constants if index not in operands.weights)

    def scratch_bytes(self, site: OpSite, chip: Chip, work: Work) -> int:
        """Keys, values and the registers of the softmax."""
        scratch = Scratch(chip)
        self._core(site, chip, work, scratch)
        return scratch.used

    def instructions(self, site: OpSite, chip: Chip, work: Work) -> tuple[Instruction, ...]:
        """One batch element after the other; biases, mask and table go to all lanes first."""
        emit = Emitter(chip)
        core = self._core(site, chip, work, Scratch(chip, work.scratch))
        inputs = {i: x.span for i, x in enumerate(work.inputs) if x is not None}
        small = [i for i in self.spread_operands(site) if i in inputs]
        for merged in core.operands.merged:
            inputs |= {i: inputs[merged[0]] for i in merged if i not in inputs}
        for index in small:
            values = work.input(index)
            emit.lane_broadcast(reshaped(values, (1, 1, 1, values.elements)))
        for _ in range(work.input(0).shape[0]):
            core.compute(emit, inputs, work.outputs[0].span, work.input(0).shape[1])
        return emit.done()

    def _core(self, site: OpSite, chip: Chip, work: Work, scratch: Scratch) -> AttentionCore:
        operands = Operands.of(site)
        keys = work.input(operands.sources[1]).shape[1]
        return AttentionCore(site, chip, work.input(0).shape[1], keys, scratch)

    def global_schedule(self, site: OpSite, chip: Chip) -> Schedule:
        """Without overlap: what is loaded is small against the computation."""
        return _Layer(site, chip).schedule()


class _Layer:
    """Places the operands, and makes the tiles: one per batch element and block of queries."""

    def __init__(self, site: OpSite, chip: Chip) -> None:
        self.site, self.chip = site, chip
        self.operands = Operands.of(site)
        self.batch, self.rows, _ = site.inputs[0].type.shape
        self.keys = site.inputs[self.operands.sources[1]].type.shape[1]
        block = self.rows
        while block > chip.lanes and self._end(block) > chip.lmem_bytes:
            block = ceil_div(block // 2, chip.lanes) * chip.lanes
        self.block = block
        self._place(block)

    def _end(self, block: int) -> int:
        try:
            return self._place(block)
        except InfeasibleError:
            return self.chip.lmem_bytes + 1

    def _place(self, block: int) -> int:
        site, operands, chip = self.site, self.operands, self.chip
        room = Room(chip, f"{site.kind} of {block} rows")
        self.spans: dict[int, LmemSpan] = {}
        for i in sorted(set(operands.sources)):
            x = site.inputs[i].type
            shape = (1, x.shape[1], 1, x.shape[2])
            self.spans[i] = room.take(lane_bytes(chip, shape, x.dtype))
        for index in operands.constants:
            x = site.inputs[index].type
            spread = chip.lanes if index in operands.weights else 1
            self.spans[index] = room.take(ceil_div(x.nbytes, spread))
        out = site.outputs[0]
        self.result = room.take(lane_bytes(chip, (1, block, 1, out.shape[2]), out.dtype))
        measured = Scratch(chip)
        AttentionCore(site, chip, block, self.keys, measured)
        scratch = Scratch(chip, room.take(measured.used))
        self.core = AttentionCore(site, chip, block, self.keys, scratch)
        return room.end

    def schedule(self) -> Schedule:
        """All tiles; constants are loaded with the first one."""
        tiles = []
        for image in range(self.batch):
            for start, count in chunks(self.rows, self.block):
                loads: tuple[Transfer, ...] = ()
                if start == 0:
                    loads = tuple(self._sources(image))
                    if image == 0:
                        loads += tuple(self._constants())
                emit = Emitter(self.chip)
                self.core.compute(emit, self.spans, self.result, count, start == 0)
                tiles.append(Tile(loads, emit.done(), (self._store(image, start, count),)))
        return serial(tiles)

    def _sources(self, image: int) -> list[Transfer]:
        loads = []
        for index in sorted(set(self.operands.sources)):
            x = self.site.inputs[index].type
            _, rows, columns = x.shape
            shape = (1, rows, columns, 1)
            box = GmemBox(index, image * rows * columns, shape, dense_strides(shape))
            loads.append(load(self.chip, box, x.dtype, self.spans[index]))
        return loads

    def _constants(self) -> list[Transfer]:
        loads = []
        for index in self.operands.constants:
            x, span = self.site.inputs[index].type, self.spans[index]
            if index in self.operands.weights and x.elements % self.chip.lanes == 0:
                shape = (1, self.chip.lanes, 1, x.elements // self.chip.lanes)
                box = GmemBox(index, 0, shape, dense_strides(shape))
                loads.append(load(self.chip, box, x.dtype, span))
            else:
                box = GmemBox(index, 0, (x.elements,), (1,))
                loads.append(load_broadcast(self.chip, box, x.dtype, span))
        return loads

    def _store(self, image: int, start: int, count: int) -> Transfer:
        out = self.site.outputs[0]
        shape = (1, count, out.shape[2], 1)
        offset = (image * self.rows + start) * out.shape[2]
        strides = (out.shape[1] * out.shape[2], out.shape[2], 1, 1)
        return store(self.chip, GmemBox(output(), offset, shape, strides), out.dtype, self.result)
