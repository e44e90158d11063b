"""Why groups end: the rule that is broken, the price of going on, and what a remedy would buy."""

from __future__ import annotations

from dataclasses import replace

import pytest
from small_runs import convolutions

import lgsim
from lgsim.analysis.what_if import WhatIf
from lgsim.pipeline import Prepared, planned, prepare_network
from lgsim.planner.anatomy import group_facts
from lgsim.planner.borders import find_border
from lgsim.planner.group import Evaluation, Failure, GroupEvaluator, pattern_of
from lgsim.planner.plan import Plan, Section
from lgsim.planner.price import plan_cycles
from lgsim.planner.strategies import group_search
from lgsim.settings import Settings

TIGHT = {"lmem.lane_bytes": "32768"}


def prepared_chain(length: int = 4, channels: int = 64, **overrides: str) -> Prepared:
    settings = Settings(strategy="greedy", overrides=overrides or TIGHT)
    return prepare_network(convolutions(length, channels=channels), settings)


def cut_at(prepared: Prepared, *cuts: int) -> Plan:
    """The network in sections that begin at these ops."""
    ops = tuple(op.name for op in prepared.typed)
    sections = []
    for begin, end in zip((0, *cuts), (*cuts, len(ops)), strict=True):
        part = ops[begin:end]
        if len(part) == 1:
            sections.append(Section("global", part[0], part))
            continue
        found = prepared.evaluator.evaluate(pattern_of(prepared.typed, part)[0])
        assert isinstance(found, Evaluation), found
        sections.append(Section("group", part[0], part, found.group_type, found.secs))
    return Plan("greedy", tuple(sections))


def test_a_refused_op_is_named_with_its_rule() -> None:
    prepared = prepared_chain()
    plan = planned(prepared)
    kinds = [section.kind for section in plan.sections]
    number = next(k for k in range(len(kinds)) if kinds[k : k + 2] == ["group", "global"])
    border = find_border(prepared.typed, plan, prepared.evaluator, number, "left")
    assert border.cause == "refused"
    assert border.refusal is not None
    assert border.op in (border.before, border.after)
    assert border.rule in border.refusal.rule


def test_a_cut_has_the_price_of_the_better_alternative() -> None:
    """Cut in the middle of what fits as one: joining saves exactly what both plans differ by."""
    prepared = prepared_chain(**{"lmem.lane_bytes": "262144"})
    names = [op.name for op in prepared.typed]
    first, last = names.index("c0"), names.index("c3")
    plan = cut_at(prepared, first, first + 2, last + 1, *range(last + 2, len(names)))
    number = next(k for k, part in enumerate(plan.sections) if part.ops[0] == names[first])
    border = find_border(prepared.typed, plan, prepared.evaluator, number, "left")
    assert border.cause == "price"
    joined = cut_at(prepared, first, last + 1, *range(last + 2, len(names)))
    now, then = (plan_cycles(prepared.typed, p, prepared.evaluator) for p in (plan, joined))
    assert border.extra_cycles <= then - now < 0


@pytest.mark.parametrize("strategy", ["greedy", "dp"])
def test_more_memory_of_the_missing_size_makes_room_and_less_does_not(strategy: str) -> None:
    """Weights of 256 x 256 convolutions: two of them do not fit at a time, as either searches."""
    prepared = prepared_chain(3, channels=256)
    plan = planned(prepared, strategy)
    what_if = WhatIf(prepared, plan)
    for number in range(len(plan.sections) - 1):
        border = find_border(prepared.typed, plan, prepared.evaluator, number, "right")
        if border.cause == "misfit" and border.rule == "memory":
            break
    else:
        pytest.fail("no border for want of memory")
    missing = what_if.missing_bytes(border)
    assert missing
    pattern, _ = pattern_of(prepared.typed, border.joined)
    unit = prepared.chip.banks * prepared.chip.eu_bytes
    for extra, fits in ((missing, True), (missing - unit, False)):
        chip = replace(prepared.chip, lmem_bytes=prepared.chip.lmem_bytes + extra)
        found = group_search(strategy)(GroupEvaluator(chip), pattern)
        assert isinstance(found, Failure) is not fits
    gain = what_if.border(border)
    assert gain is not None
    assert gain.before_cycles == plan_cycles(prepared.typed, plan, prepared.evaluator)


def test_greedy_and_explain_reckon_the_same_bytes() -> None:
    """What the strategy says of the op that did not fit, its border says too."""
    prepared = prepared_chain(3, channels=256)
    plan = planned(prepared)
    borders = {
        number: find_border(prepared.typed, plan, prepared.evaluator, number - 1, "right")
        for number, section in enumerate(plan.sections)
        if "does not fit in as well" in section.reason
    }
    assert borders
    for number, border in borders.items():
        assert border.detail in plan.sections[number].reason


def test_a_feature_that_is_off_is_a_remedy() -> None:
    settings = Settings(strategy="greedy", disable=("weight_split",))
    prepared = prepare_network("deit_tiny", settings)
    what_if = WhatIf(prepared, planned(prepared))
    gain = what_if.feature("weight_split")
    assert gain is not None
    on = prepare_network("deit_tiny", Settings(strategy="greedy"))
    assert gain.cycles == plan_cycles(on.typed, planned(on), on.evaluator)
    assert what_if.feature("slice_5d") is None


def test_explain_tells_of_the_group_of_an_op() -> None:
    net = convolutions(3, channels=128)
    explained = lgsim.explain(net, strategy="greedy", overrides={"lmem.lane_bytes": "65536"})
    text = " ".join(explained.text("c1").split())
    for words in ("the group of c1", "bound by", "slowest", "KiB of 64.0 KiB", "begins", "ends"):
        assert words in text
    (group,) = explained.to_json("c1")["groups"]
    assert "c1" in group["ops"]
    assert group["lmem_peak_bytes"] <= 65536
    assert group["lmem_peak_bytes"] == sum(b["bytes"] for b in group["lmem_peak_buffers"])
    borders = [group[side] for side in ("begins", "ends") if group[side] is not None]
    assert borders
    assert all(border["cause"] in ("refused", "misfit", "price") for border in borders)


@pytest.mark.parametrize("lane_bytes", ["262144", "32768"])
def test_facts_add_up(lane_bytes: str) -> None:
    """Steps sum to the price, with one slice as with several."""
    prepared = prepared_chain(**{"lmem.lane_bytes": lane_bytes})
    plan = planned(prepared)
    for section in plan.sections:
        if section.kind == "global":
            continue
        pattern, _ = pattern_of(prepared.typed, section.ops)
        found = prepared.evaluator.evaluate(pattern)
        assert isinstance(found, Evaluation)
        facts = group_facts(prepared.typed, section, found, prepared.chip)
        assert sum(step.cycles for step in facts.steps) == facts.cycles == found.price.cycles
        assert sum(step.bdc_cycles for step in facts.steps) == facts.bdc_busy_cycles
        assert facts.bdc_bound_cycles + facts.gdma_bound_cycles == facts.cycles
        assert facts.peak_bytes == sum(use.nbytes for use in facts.peak_buffers)
        assert facts.peak_bytes <= prepared.chip.lmem_bytes
        assert facts.slowest.cycles == max(step.cycles for step in facts.steps)
