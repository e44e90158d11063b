"""Costs of long slices follow from short ones: the same as if every instruction were made."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest

from lgsim import pipeline
from lgsim.kernels import local_support
from lgsim.kernels.site import OpSite, site_of
from lgsim.kernels.support import Features, GroupType
from lgsim.planner.group.book import CostBook
from lgsim.planner.group.costs import group_costs
from lgsim.planner.group.cuts import Lengths, Secs
from lgsim.planner.group.group_type import traits
from lgsim.planner.group.pattern import pattern_of
from lgsim.planner.group.slice_costs import Shapes
from lgsim.planner.group.slicing import Slicing, infer
from lgsim.settings import Settings
from lgsim.target.chip import Chip

SECS: tuple[Secs, ...] = ((1, 1, 1, 1, 1), (3, 1, 1, 1, 1), (1, 3, 1, 1, 1), (1, 1, 1, 5, 1))


class InFull(CostBook):
    """Makes the instructions of every slice."""

    def _growth(
        self, number: int, site: OpSite, inputs: Shapes, result: Lengths, in_place: int
    ) -> None:
        """No slice follows from others."""


def group_types(site: OpSite, chip: Chip) -> Iterator[GroupType]:
    """The types of groups that the op may be in."""
    found = traits(site, chip.lanes)
    yield "3D" if found.volume else "NORMAL"
    if found.mm:
        yield "MM"
    if found.small_c:
        yield "SMALL_C"


@pytest.mark.parametrize(
    ("net", "precision", "batch"),
    [
        ("swin_t", "f16", 1),
        ("swin_t", "int8", 1),
        ("yolov5n", "int8", 1),
        ("resnet18", "f16", 7),
        ("efficientvit_m0", "int8", 7),
        ("c3d", "int8", 1),
    ],
)
def test_long_slices_follow_from_short_ones(net: str, precision: str, batch: int) -> None:
    """Cycles, also at one address, and scratch of every local op of some networks."""
    prepared = pipeline.prepare_network(net, Settings(precision=precision, batch=batch))
    graph, chip = prepared.typed, prepared.chip
    short, full = CostBook(chip), InFull(chip)
    names = {site_of(graph, op): op.name for op in graph}
    for site, name in names.items():
        pattern, _ = pattern_of(graph, [name])
        if local_support(site, Features()) is not None or not pattern.members:
            continue
        for group_type, secs in product(group_types(site, chip), SECS):
            slicing = infer(pattern, group_type, secs, chip.lanes)
            if isinstance(slicing, Slicing):
                (one,), (other,) = (group_costs(pattern, slicing, b).ops for b in (short, full))
                assert one.cycles.tolist() == other.cycles.tolist(), (name, group_type, secs)
                assert one.total == sum(one.cycles.tolist())
                assert one.scratch_bytes == other.scratch_bytes, (name, group_type, secs)
                assert one.most_at_one_address == other.most_at_one_address, (name, secs)
