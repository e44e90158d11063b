"""Where the vendor's compiler would put buffers, against laws and against recorded addresses."""

from __future__ import annotations

from pathlib import Path

import pytest
from group_nets import chain, residual, small
from test_vendor_groups import groups_of

from lgsim.graph import Graph
from lgsim.graph.builder import GraphBuilder
from lgsim.graph.dtypes import DType
from lgsim.planner.group.book import CostBook
from lgsim.planner.group.costs import GroupCosts, group_costs
from lgsim.planner.group.cuts import WHOLE, Secs
from lgsim.planner.group.lmem import Occupancy, occupancy_of
from lgsim.planner.group.pattern import Pattern, pattern_of
from lgsim.planner.group.recorded import recorded_group
from lgsim.planner.group.slicing import Slicing, infer
from lgsim.planner.group.thrift import last_reads
from lgsim.planner.group.timetable import Timing, nearest, timing_of
from lgsim.planner.group.vendor_place import vendor_addresses
from lgsim.target.chip import Chip

TWO_ROWS: Secs = (1, 1, 1, 2, 1)

NETWORKS = ("c3d_487_f16", "resnet50_1080p_int8", "unet512_f16", "unet512_int8", "yolov5s_int8")
"""All sliced groups of these with one op in each step come out to the byte (docs/chip.md §8)."""


def arranged(graph: Graph, secs: Secs, chip: Chip) -> tuple[Pattern, Timing, GroupCosts, Occupancy]:
    """All ops of a network as one group, cut, with plain time steps."""
    pattern = pattern_of(graph, [op.name for op in graph])[0]
    slicing = infer(pattern, "NORMAL", secs, chip.lanes)
    assert isinstance(slicing, Slicing)
    costs = group_costs(pattern, slicing, CostBook(chip))
    timing = nearest(pattern, costs.absent)
    kept = occupancy_of(pattern, timing, costs, chip.eu_bytes)
    assert isinstance(kept, Occupancy)
    return pattern, timing, costs, kept


def overlaps(pattern: Pattern, kept: Occupancy, addresses: dict[int, int]) -> list[tuple[int, int]]:
    """Buffers that share bytes in a step, but for operands and results in one place."""
    twins = {frozenset((operand, result)) for _, _, operand, result in last_reads(pattern)}
    found = []
    buffers = kept.buffers()
    for number, one in enumerate(buffers):
        for two in buffers[:number]:
            first, second = addresses[one.owner], addresses[two.owner]
            apart = first >= second + two.nbytes or second >= first + one.nbytes
            twin = frozenset((one.owner, two.owner)) in twins and first == second
            if one.steps & two.steps and not apart and not twin:
                found.append((one.owner, two.owner))
    return found


@pytest.mark.parametrize("kib", [256, 64, 32, 24])
def test_buffers_that_live_at_the_same_time_lie_apart(kib: int, chip: Chip) -> None:
    """All of them lie in local memory, and only twins share bytes."""
    tight = small(chip, kib << 10)
    pattern, timing, costs, kept = arranged(residual(), TWO_ROWS, tight)
    addresses = vendor_addresses(pattern, timing, costs, kept, tight)
    if max(kept.live_bytes) > tight.lmem_bytes:
        return
    assert addresses is not None
    assert overlaps(pattern, kept, addresses) == []
    tops = [addresses[buffer.owner] + buffer.nbytes for buffer in kept.buffers()]
    assert max(tops) <= tight.lmem_bytes


def test_operand_and_result_lie_in_different_banks_if_there_is_room(chip: Chip) -> None:
    """Small buffers of one op begin at banks of their own."""
    pattern, timing, costs, kept = arranged(chain(2), TWO_ROWS, chip)
    addresses = vendor_addresses(pattern, timing, costs, kept, chip)
    assert addresses is not None
    for member in pattern.members:
        used = [*member.inputs, *member.outputs]
        banks = [addresses[value] // chip.bank_bytes for value in used if value in addresses]
        assert len(set(banks)) == len(banks)


@pytest.mark.parametrize(("rows", "in_place"), [(64, False), (192, True)])
def test_a_sum_takes_the_place_of_an_operand_only_without_other_room(
    rows: int, in_place: bool, chip: Chip
) -> None:
    """Three images of 32 KiB a lane lie apart, of 96 KiB only two fit at the same time."""
    b = GraphBuilder("sum", dtype=DType.F16)
    x = b.input("x", (1, 64, rows, 256))
    b.output(b.add(b.relu(x), x, name="sum"))
    pattern, timing, costs, kept = arranged(b.build(), WHOLE, chip)
    addresses = vendor_addresses(pattern, timing, costs, kept, chip)
    assert addresses is not None
    places = {
        (addresses[operand], addresses[result]) for _, _, operand, result in last_reads(pattern)
    }
    assert any(one == two for one, two in places) == in_place


@pytest.mark.parametrize("network", NETWORKS)
def test_recorded_addresses(network: str, reference: Path, chip: Chip) -> None:
    """With the recorded steps, every buffer lies where it is recorded."""
    exact = []
    book = CostBook(chip)
    for group, pattern in groups_of(reference, network):
        slicing = infer(pattern, group.type, group.secs, chip.lanes)
        if len(pattern.members) < 2 or not isinstance(slicing, Slicing):
            continue
        costs = group_costs(pattern, slicing, book)
        given = recorded_group(pattern, group, costs.absent)
        if costs.slices == 1 or given is None or len(given.table) < len(pattern.members):
            continue
        timing = timing_of(pattern, given.table)
        kept = occupancy_of(pattern, timing, costs, chip.eu_bytes)
        assert isinstance(kept, Occupancy)
        found = vendor_addresses(pattern, timing, costs, kept, chip)
        recorded = dict(given.addresses)
        same = found is not None and all(recorded[each] == found[each] for each in found)
        exact.append(same)
    assert exact
    assert all(exact), exact
