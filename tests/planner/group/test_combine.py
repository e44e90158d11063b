"""Merged time steps: shorter, complete, sound, and about what the vendor's compiler gains."""

from __future__ import annotations

from pathlib import Path

import pytest
from group_nets import chain, evaluate_all, residual, simulate_group

from lgsim.frontends.plans import read_plan
from lgsim.frontends.vendor_plan import VendorPlan
from lgsim.pipeline import prepare_network
from lgsim.planner.group.combine import combined
from lgsim.planner.group.evaluate import Evaluation, GroupEvaluator
from lgsim.planner.group.pattern import pattern_of
from lgsim.planner.group.timetable import is_complete
from lgsim.planner.vendor_names import vendor_sections
from lgsim.settings import Settings
from lgsim.target.chip import Chip


@pytest.mark.parametrize("batch", [1, 4])
def test_merged_steps_are_shorter_and_sound(chip: Chip, batch: int) -> None:
    """The price is what the simulator says, and the sanitizer finds nothing."""
    for graph in (residual(size=14, channels=256, batch=batch), chain(5, size=7, channels=512)):
        evaluator = GroupEvaluator(chip)
        apart = evaluate_all(graph, evaluator)
        found = combined(apart, chip)
        assert found.price.cycles <= apart.price.cycles
        assert is_complete(found.pattern, found.timetable, found.costs.absent)
        cycles, violations = simulate_group(graph, found, evaluator)
        assert cycles == found.price.cycles
        assert violations == []


@pytest.mark.parametrize("network", ["resnet18_int8", "resnet50_int8", "resnet50_f16"])
def test_groups_take_as_long_as_recorded(reference: Path, chip: Chip, network: str) -> None:
    """Within 2 % of the recorded span, nearer than without merging."""
    graph = prepare_network(reference / "ir" / f"{network}.mlir.gz", Settings()).typed
    where = reference / "plans" / f"{network}.json.gz"
    plan = read_plan(where)
    assert isinstance(plan, VendorPlan)
    sections = [s for s in vendor_sections(graph, plan, str(where)) if s.kind == "group"]
    evaluator = GroupEvaluator(chip)
    for section, group in zip(sections, plan.groups, strict=True):
        pattern, _ = pattern_of(graph, section.ops)
        apart = evaluator.evaluate_section(pattern, group.type, group.secs)
        found = evaluator.finished(pattern, group.type, group.secs)
        assert isinstance(found, Evaluation)
        assert isinstance(apart, Evaluation)
        assert found.price.cycles <= apart.price.cycles
        assert found.price.cycles == pytest.approx(group.span_cycles, rel=0.02)
