"""`lgsim.compare`: several plans of one network, and where they differ."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import pytest
from small_runs import convolutions, swin_stage

import lgsim
from lgsim.answers.comparison import Comparison
from lgsim.errors import LgsimError
from lgsim.planner import STRATEGIES
from lgsim.report.compare_figure import comparison_figure
from lgsim.settings import Options, Settings


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return lgsim.compare(swin_stage(), ["none", "greedy"])


def test_options_are_the_settings_as_keywords() -> None:
    """What every entry point takes is listed twice, for people and for type checkers."""
    assert [field.name for field in fields(Settings)] == list(Options.__annotations__)


def test_runs_are_those_of_simulate(comparison: Comparison) -> None:
    assert comparison.labels == ("none", "greedy")
    for label, run in zip(comparison.labels, comparison.runs, strict=True):
        alone = lgsim.simulate(swin_stage(), strategy=label)
        assert run.to_json() == alone.to_json()
    assert comparison.fastest == 1


def test_differences_add_up(comparison: Comparison) -> None:
    stretches = comparison.stretches()
    none, greedy = comparison.runs
    gained = sum(stretch.cycles[0] - stretch.cycles[1] for stretch in stretches)
    assert gained == none.cycles - greedy.cycles
    listed = [name for stretch in stretches for name in stretch.ops]
    assert len(listed) == len(set(listed))
    assert all(len(stretch.ops) >= max(stretch.sections) for stretch in stretches)
    assert any(stretch.sections[0] > stretch.sections[1] == 1 for stretch in stretches)


def test_equal_plans_differ_nowhere() -> None:
    run = lgsim.simulate(convolutions(), strategy="greedy")
    twice = Comparison(("a", "b"), (run, run))
    assert twice.stretches() == []
    assert "in the same way" in twice.text()


def test_a_plan_in_another_order_of_ops_has_the_borders_that_hold_in_both() -> None:
    """A border is common if the same ops lie before it."""
    run = lgsim.simulate(convolutions(2), strategy="none")
    sections = run.plan.sections
    swapped = (sections[1], sections[0], *sections[2:])
    plan = replace(run.plan, sections=swapped)
    timeline = replace(run.timeline)
    other = replace(run, plan=plan, timeline=timeline)
    (stretch,) = Comparison(("a", "b"), (run, other)).stretches()
    assert stretch.ops == (*sections[0].ops, *sections[1].ops)
    assert stretch.sections == (2, 2)


def test_slower(comparison: Comparison) -> None:
    assert comparison.slower(0) == []
    turned = Comparison(comparison.labels[::-1], comparison.runs[::-1])
    ((label, percent),) = turned.slower(2)
    assert label == "none"
    assert percent == pytest.approx(100 * (turned.runs[1].cycles / turned.runs[0].cycles - 1))
    assert turned.slower(percent + 1) == []


def test_a_plan_as_a_value_is_a_column() -> None:
    net = convolutions()
    plan = lgsim.simulate(net, strategy="greedy").plan
    found = lgsim.compare(net, ["none", "greedy"], plans={"mine": plan})
    assert found.labels == ("none", "greedy", "mine")
    assert found.runs[1].cycles == found.runs[2].cycles


def test_where_plans_cut_is_listed() -> None:
    """Not for `none`, which cuts everywhere, and not for a plan that cuts nowhere inside."""
    net = convolutions(4)
    whole = lgsim.simulate(net, strategy="greedy").plan
    (group,) = (part for part in whole.sections if part.kind == "group")
    halves = [replace(group, name=ops[0], ops=ops) for ops in (group.ops[:2], group.ops[2:])]
    sections = [each for part in whole.sections for each in (halves if part is group else [part])]
    cut = replace(whole, sections=tuple(sections))
    found = lgsim.compare(net, ["none", "greedy"], plans={"cut": cut})
    stretch = next(each for each in found.stretches() if group.ops[2] in each.ops)
    assert stretch.begins[found.labels.index("cut")] == (group.ops[0], group.ops[2])
    _, listed = found.text().split("sections begin at\n")
    assert listed.split() == ["1", "cut", group.ops[2]]


@pytest.mark.parametrize("names", [[], ["none", "none"], ["nothing"], "none"])
def test_wrong_strategies(names: list[str]) -> None:
    with pytest.raises(LgsimError):
        lgsim.compare(convolutions(1), names)


def test_a_single_name_is_no_list() -> None:
    with pytest.raises(LgsimError, match=r"disable: 'relu_fuse' is no list of names"):
        Settings(disable="relu_fuse")
    with pytest.raises(LgsimError, match=r"features: 'relu_fuse' is no list"):
        lgsim.ablate(convolutions(1), "relu_fuse")


def test_text(comparison: Comparison) -> None:
    text = comparison.text(top=3)
    for words in ("speed-up   against none, the first", "1.000 x", "3 of "):
        assert words in text
    assert comparison.table() in text


def test_picture(comparison: Comparison, tmp_path: Path) -> None:
    figure = comparison_figure(comparison)
    texts = [text.get_text() for axes in figure.axes for text in axes.texts]
    for label, run in zip(comparison.labels, comparison.runs, strict=True):
        assert label in texts
        assert f"{run.latency_ms:,.3f} ms" in texts
    paths = [tmp_path / name for name in ("a.svg", "b.svg")]
    for path in paths:
        comparison.plot(path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    with pytest.raises(LgsimError, match="kind of file"):
        comparison.plot(tmp_path / "a.jpg")


def test_default_columns_are_strategies() -> None:
    from lgsim.settings import STRATEGIES_TO_COMPARE

    assert set(STRATEGIES_TO_COMPARE) <= set(STRATEGIES)
