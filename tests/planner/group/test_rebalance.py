"""Transfers move between time steps as in the vendor's compiler."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from group_nets import chain, evaluate_all, residual

from lgsim.frontends.group_cache import group_cache
from lgsim.frontends.tpu_mlir import import_mlir
from lgsim.planner.features import PlannerFeatures
from lgsim.planner.group.evaluate import Evaluation, GroupEvaluator
from lgsim.planner.group.group_type import choose_type
from lgsim.planner.group.pattern import pattern_of
from lgsim.planner.group.timetable import Kind, is_complete
from lgsim.target.chip import Chip

NETWORKS = (
    "resnet50_int8",
    "resnet50_b8_int8",
    "bert_base_f16",
    "efficientvit_m0_f32",
    "unet512_int8",
)
"""Of every kind: one slice, several slices, more transfers than computation, much of both."""

WITHIN = 0.005
SHARE_EXACT = 0.7


def test_groups_have_the_price_of_the_vendors_search(reference: Path, chip: Chip) -> None:
    """Seven groups of ten to the cycle, all within half a per cent, with lgsim's own time steps."""
    exact = count = 0
    for network in NETWORKS:
        graph = import_mlir(reference / "ir" / f"{network}.mlir.gz")
        cache = reference / "ir" / f"{network}.layer_group_cache.json.gz"
        document = json.loads(gzip.decompress(cache.read_bytes()))
        evaluator = GroupEvaluator(chip)
        for section in group_cache(document, str(cache)).sections:
            if section.secs is None:
                continue
            pattern, _ = pattern_of(graph, section.ops)
            kind = choose_type(pattern, chip)
            found = evaluator.evaluate_as(pattern, kind, section.secs)
            assert isinstance(found, Evaluation)
            assert found.price.cycles == pytest.approx(section.cycles, rel=WITHIN)
            exact += found.price.cycles == section.cycles
            count += 1
    assert exact >= SHARE_EXACT * count


def loads_of(found: Evaluation) -> dict[int, tuple[int, int]]:
    """Stage and step of every load."""
    return {
        action.number: (action.stage, step)
        for step, actions in enumerate(found.timetable)
        for action in actions
        if action.kind is Kind.LOAD
    }


@pytest.mark.parametrize("batch", [1, 4])
def test_moved_transfers_keep_their_order_and_their_round(chip: Chip, batch: int) -> None:
    """Loads come before their readers, stores after their producers; none changes its stage."""
    evaluator = GroupEvaluator(chip)
    for graph in (residual(batch=batch), chain(6, size=8, channels=256)):
        found = evaluate_all(graph, evaluator)
        assert is_complete(found.pattern, found.timetable, found.costs.absent)
        for number, (stage, _) in loads_of(found).items():
            first_reader = found.pattern.users[number][0][0]
            assert stage == (0 if first_reader == 0 else 1)


def test_moving_transfers_saves_time(chip: Chip) -> None:
    """A step of the plain table waits for the result of the last slice, and for the next filter."""
    graph = residual(size=56)
    pattern, _ = pattern_of(graph, [op.name for op in graph])
    prices = []
    for balance in (True, False):
        evaluator = GroupEvaluator(chip, planning=PlannerFeatures(step_balance=balance))
        found = evaluator.evaluate_as(pattern, "NORMAL", (1, 1, 1, 4, 1))
        assert isinstance(found, Evaluation)
        prices.append(found.price)
    assert prices[0].gdma_busy_cycles == prices[1].gdma_busy_cycles
    assert prices[0].cycles < prices[1].cycles
