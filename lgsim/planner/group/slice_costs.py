"""`SliceCosts`: what an op on one slice and the transfer of one slice cost, each computed once.

Costs depend on the lengths of a slice only, not on where it begins. Long slices follow from short
ones, since every further image, round over the lanes and row of whole words adds the same.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from math import lcm
from typing import NamedTuple, TypeAlias

from lgsim.kernels import kernel_of
from lgsim.kernels.base import Local, WeightForm, Work
from lgsim.kernels.schedule import Direction, LmemSpan
from lgsim.kernels.site import OpSite
from lgsim.planner.group.cuts import Lengths
from lgsim.planner.group.operands import Traffic, is_absent, slice_bytes, slice_local
from lgsim.target.chip import Chip

Shapes: TypeAlias = tuple[Lengths, ...]

_APART = 1 << 24
"""Distance of the made-up addresses that costs are asked for; no two operands touch."""


SAME_BANK = -2
"""Stands for a result that lies in the bank of the first operand, behind it."""


ONE_ADDRESS = -3
"""Stands for operands, results and scratch that all begin at the same address."""


SCATTERED = 8
"""Images that may lie where the scratch has a piece if both begin at the same address."""


class _Growth(NamedTuple):
    """A long slice as a short one and, `times` on top, what one short slice has more than another.

    `slices` are the sizes along some axes of these three: of the results and some `operands`.
    """

    times: int
    operands: Collection[int]
    slices: list[dict[int, int]]


class SliceCosts:
    """Costs of ops on single slices, and of moving single slices.

    Parameters
    ----------
    chip : Chip
        Whose laws.
    """

    def __init__(self, chip: Chip) -> None:
        self.chip = chip
        self._computed: dict[tuple[int, Shapes, Shapes, int], tuple[int, int]] = {}
        self._rooms: dict[tuple[int, Shapes, Shapes], int] = {}
        self._moved: dict[tuple[int, Lengths], tuple[int, int, int]] = {}
        self._even: dict[int, tuple[tuple[int, ...], tuple[int, ...]]] = {}
        self._words = lcm(chip.eu_bytes, chip.cube_outputs)

    def compute(
        self,
        number: int,
        site: OpSite,
        forms: Sequence[WeightForm | None],
        inputs: Shapes,
        outputs: Shapes,
        in_place: int = -1,
    ) -> tuple[int, int]:
        """BDC cycles of an op on a slice, and bytes per lane of its intermediate values.

        Parameters
        ----------
        number, site : int, OpSite
            The op, and its number in `Statics.sites`.
        forms, inputs : sequences
            Packing and lengths of its operands.
        outputs : tuple
            Lengths of its results.
        in_place : int
            The operand whose place the result takes, −1 if it has its own, `SAME_BANK`,
            `ONE_ADDRESS`.
        """
        key = (number, inputs, outputs, in_place)
        found = self._computed.get(key)
        if found is None:
            growth = self._growth(number, site, inputs, outputs[0], in_place)
            if growth is None:
                found = self._compute(number, site, forms, inputs, outputs, in_place)
            else:
                (cycles, room), (less, smaller), (more, larger) = [
                    self.compute(
                        number,
                        site,
                        forms,
                        _resized(inputs, growth.operands, sizes),
                        _resized(outputs, range(len(outputs)), sizes),
                        in_place,
                    )
                    for sizes in growth.slices
                ]
                times = growth.times
                found = cycles + times * (more - less), room + times * (larger - smaller)
            self._computed[key] = found
        return found

    def _growth(
        self, number: int, site: OpSite, inputs: Shapes, result: Lengths, in_place: int
    ) -> _Growth | None:
        """How the cost of a long slice follows from short ones; None if it does not."""
        n, c, d, h, w = result
        lanes, words = self.chip.lanes, self._words
        if d > 1:
            return None
        even = self._even.get(number)
        if even is None:
            kernel = kernel_of(type(site.attrs))
            even = kernel.even_planes(site, self.chip), kernel.even_channels(site)
            self._even[number] = even
        planes, channels = even
        if planes and h * w > 2 * words:
            times, rest = divmod(h * w - 1, words)
            return _Growth(times, planes, [{3: 1, 4: k} for k in (rest + 1, words, 2 * words)])
        if channels and c > 4 * lanes:
            times, rest = divmod(-(-c // lanes) - 2, 2)
            return _Growth(times, channels, [{1: k * lanes} for k in (2 + rest, 2, 4)])
        few = SCATTERED if in_place == ONE_ADDRESS else 2
        if n > few + 2:
            times, rest = divmod(n - few, 2)
            images = [number for number, lengths in enumerate(inputs) if lengths[0] == n]
            return _Growth(times, images, [{0: k} for k in (few + rest, few, few + 2)])
        return None

    def _compute(
        self,
        number: int,
        site: OpSite,
        forms: Sequence[WeightForm | None],
        inputs: Shapes,
        outputs: Shapes,
        in_place: int,
    ) -> tuple[int, int]:
        chip, count = self.chip, len(inputs)
        apart = 0 if in_place == ONE_ADDRESS else _APART
        read: list[Local | None] = []
        for index, (form, lengths) in enumerate(zip(forms, inputs, strict=True)):
            type_ = site.inputs[index].type
            nbytes = slice_bytes(chip, type_, form, lengths)
            span = LmemSpan(index, index * apart, nbytes)
            read.append(None if is_absent(form) else slice_local(type_, form, lengths, span))
        made = []
        for index, lengths in enumerate(outputs):
            type_ = site.outputs[index]
            nbytes = slice_bytes(chip, type_, None, lengths)
            address = (in_place if index == 0 <= in_place else count + index) * apart
            if in_place == SAME_BANK and read[0] is not None:
                address = read[0].span.address + read[0].span.nbytes - 1
            span = LmemSpan(count + index, address, nbytes)
            made.append(slice_local(type_, None, lengths, span))
        kernel = kernel_of(type(site.attrs))
        work = Work(tuple(read), tuple(made), None, outputs[0][2])
        place = number, inputs, outputs
        room = self._rooms.get(place, -1)
        if room < 0:
            room = self._rooms[place] = kernel.scratch_bytes(site, chip, work)
        if room:
            buffer = count + len(outputs)
            span = LmemSpan(buffer, buffer * apart, room)
            work = Work(work.inputs, work.outputs, span, work.depth)
        instructions = kernel.instructions(site, chip, work)
        return sum([instruction.cycles for instruction in instructions]), room

    def move(self, number: int, traffic: Traffic, lengths: Lengths) -> tuple[int, int, int]:
        """Bytes per lane of a slice of a value, and GDMA cycles of loading and storing it."""
        key = (number, lengths)
        found = self._moved.get(key)
        if found is None:
            chip = self.chip
            found = self._moved[key] = (
                slice_bytes(chip, traffic.type, traffic.form, lengths),
                traffic.cycles(chip, Direction.LOAD, lengths),
                traffic.cycles(chip, Direction.STORE, lengths),
            )
        return found


def _resized(shapes: Shapes, which: Collection[int], sizes: Mapping[int, int]) -> Shapes:
    """The shapes, some of them with other sizes along some axes."""
    found = list(shapes)
    for number in which:
        lengths = list(shapes[number])
        for axis, size in sizes.items():
            lengths[axis] = size
        n, c, d, h, w = lengths
        found[number] = n, c, d, h, w
    return tuple(found)
