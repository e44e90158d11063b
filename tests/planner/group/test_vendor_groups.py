"""The vendor's own groups, priced by lgsim: same groups, same price."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from lgsim.errors import LgsimError
from lgsim.frontends.plans import read_plan
from lgsim.frontends.tpu_mlir import import_mlir
from lgsim.frontends.vendor_plan import STORE, VendorGroup, VendorPlan
from lgsim.planner.group.book import CostBook
from lgsim.planner.group.costs import group_costs
from lgsim.planner.group.evaluate import Evaluation, GroupEvaluator
from lgsim.planner.group.group_type import choose_type
from lgsim.planner.group.pattern import Pattern, pattern_of
from lgsim.planner.group.price import price
from lgsim.planner.group.recorded import recorded_group
from lgsim.planner.group.slicing import Slicing, infer
from lgsim.planner.group.timetable import is_complete
from lgsim.target.chip import Chip

SLICED = ("resnet50_1080p_f16", "resnet50_1080p_int8", "resnet50_b8_f16", "yolov5s_1080p_f16")
"""Networks whose groups overlap in time: spans blur, the total does not."""

NETWORKS = (
    "bert_base_int8",
    "resnet18_f16",
    "resnet50_int8",
    "deit_tiny_b16_f16",
    "efficientvit_m0_f16",
    "swin_t_int8",
    "unet512_int8",
    "c3d_487_f16",
)
WITHIN = 0.03
SHARE = 0.9


def groups_of(reference: Path, network: str) -> Iterator[tuple[VendorGroup, Pattern]]:
    """The groups of a plan and the patterns of the same ops of the lowered graph."""
    graph = import_mlir(reference / "ir" / f"{network}.mlir.gz")
    plan = read_plan(reference / "plans" / f"{network}.json.gz")
    assert isinstance(plan, VendorPlan)
    cache = reference / "ir" / f"{network}.layer_group_cache.json.gz"
    functions = json.loads(gzip.decompress(cache.read_bytes()))
    listed = [
        group["locs"]
        for name, function in functions.items()
        if name.startswith("subfunc_")
        for group in function["GroupLayer"]
    ]
    for group, ops in zip(plan.groups, listed, strict=True):
        yield group, pattern_of(graph, ops)[0]


@pytest.mark.parametrize("network", NETWORKS)
def test_same_groups_same_price(reference: Path, chip: Chip, network: str) -> None:
    """Vendor's type, secs and time steps: nine groups of ten within 3 % of their span."""
    book = CostBook(chip)
    close = count = 0
    for group, pattern in groups_of(reference, network):
        slicing = infer(pattern, group.type, group.secs, chip.lanes)
        assert isinstance(slicing, Slicing)
        costs = group_costs(pattern, slicing, book)
        given = recorded_group(pattern, group, costs.absent)
        assert given is not None
        close += abs(price(given.table, costs).cycles / group.span_cycles - 1) <= WITHIN
        count += 1
    assert close >= SHARE * count


@pytest.mark.parametrize("network", SLICED)
def test_groups_that_overlap_take_as_long_together(
    reference: Path, chip: Chip, network: str
) -> None:
    """Their prices sum to the time in which one of them runs, within 5 %."""
    book, total, edges = CostBook(chip), 0, []
    for group, pattern in groups_of(reference, network):
        slicing = infer(pattern, group.type, group.secs, chip.lanes)
        assert isinstance(slicing, Slicing)
        costs = group_costs(pattern, slicing, book)
        given = recorded_group(pattern, group, costs.absent)
        assert given is not None
        assert is_complete(pattern, given.table, costs.absent)
        total += price(given.table, costs).cycles
        edges.append((group.start_cycle, group.start_cycle + group.span_cycles))
    covered, until = 0, 0
    for start, end in sorted(edges):
        covered += max(0, end - max(start, until))
        until = max(until, end)
    assert abs(total / covered - 1) <= 0.05


@pytest.mark.parametrize(
    "network", ["resnet50_1080p_f16", "yolov5s_1080p_int8", "unet512_f16", "c3d_487_int8"]
)
def test_slices_are_the_vendors(reference: Path, chip: Chip, network: str) -> None:
    """Starts and lengths of every slice of every op and store, exactly."""
    for group, pattern in groups_of(reference, network):
        slicing = infer(pattern, group.type, group.secs, chip.lanes)
        assert isinstance(slicing, Slicing)
        for member, op in zip(pattern.members, group.computes, strict=True):
            cuts = tuple(cut.pieces for cut in slicing.cuts[member.outputs[0]])
            assert cuts == op.slices
            stores = [x for x in group.ops if x.kind == STORE and x.inputs[0] == op.name]
            assert all(store.slices == cuts for store in stores)
            assert bool(stores) == pattern.values[member.outputs[0]].leaves


@pytest.mark.parametrize(
    "network", ["deit_tiny_b16_f16", "bert_base_f16", "efficientvit_m0_int8", "c3d_487_f16"]
)
def test_group_types_are_the_vendors(reference: Path, chip: Chip, network: str) -> None:
    """NORMAL, 3D, SMALL_C and MM."""
    for group, pattern in groups_of(reference, network):
        assert choose_type(pattern, chip) == group.type


@pytest.mark.parametrize("network", ["resnet50_b8_int8", "unet512_f16", "efficientvit_m0_f32"])
def test_own_choice_is_about_as_good(reference: Path, chip: Chip, network: str) -> None:
    """lgsim's own sections and time steps cost at most 3 % more than the vendor's in total."""
    evaluator = GroupEvaluator(chip)
    own = vendor = 0
    for group, pattern in groups_of(reference, network):
        found = evaluator.evaluate(pattern)
        assert isinstance(found, Evaluation)
        slicing = infer(pattern, group.type, group.secs, chip.lanes)
        assert isinstance(slicing, Slicing)
        costs = group_costs(pattern, slicing, evaluator.book)
        given = recorded_group(pattern, group, costs.absent)
        assert given is not None
        own += found.price.cycles
        vendor += price(given.table, costs).cycles
    assert own <= (1 + WITHIN) * vendor


@pytest.mark.parametrize("text", ["", "{", "[]", '{"model": "x"}'])
def test_damaged_plans_are_one_clear_error(tmp_path: Path, text: str) -> None:
    """Whatever is in the file."""
    path = tmp_path / "plan.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(LgsimError):
        read_plan(path)
