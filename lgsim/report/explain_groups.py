"""What `lgsim explain` says about layer groups: what bounds them, and why they end there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lgsim.analysis.group_view import GroupView, Side
from lgsim.analysis.what_if import Gain
from lgsim.planner.anatomy import GroupFacts, StepWork
from lgsim.planner.borders import Border
from lgsim.report.tables import Column, shorten, table

if TYPE_CHECKING:
    from lgsim.analysis.explanation import ExplanationData

SHOWN_GROUPS = 8
_SHOWN_BUFFERS = 6
_NAME_WIDTH = 44
_KIB = 1024


def group_lines(explained: ExplanationData, number: int) -> Iterator[tuple[str, str]]:
    """Paragraphs on the group that is section `number`, each with its title."""
    view = next(each for each in explained.groups if each.number == number)
    facts = view.facts()
    chip = explained.prepared.chip
    yield "runs", _runs(explained, view, facts)
    yield "bound by", _bound(facts)
    yield "slowest", _slowest(facts)
    yield "memory", _memory(facts, chip.lmem_bytes)
    for side in ("begins", "ends"):
        border = view.border(side)
        if border is None:
            yield side, f"here, because the network {side}"
            continue
        yield side, border_words(border, view, side)
        gain = explained.what_if.border(border)
        if gain is not None:
            yield "", gain_words(explained, gain)


def _runs(explained: ExplanationData, view: GroupView, facts: GroupFacts) -> str:
    cuts = [f"{count} along {axis}" for axis, count in _cuts(view)]
    slices = f"{facts.slices} slices ({', '.join(cuts)})" if cuts else "in one piece"
    saved = f", {view.gain_cycles:,} saved at its borders" if view.gain_cycles else ""
    chip = explained.prepared.chip
    return (
        f"{len(view.section.ops)} ops as type {view.section.type}, {slices},"
        f" {len(facts.steps)} steps; {chip.milliseconds(view.cycles):,.3f} ms"
        f" ({view.cycles:,} cycles{saved})"
    )


def _cuts(view: GroupView) -> list[tuple[str, int]]:
    """The axes that are cut, and into how many slices."""
    both = zip("ncdhw", view.section.secs, strict=True)
    return [(axis, count) for axis, count in both if count > 1]


def _bound(facts: GroupFacts) -> str:
    total = facts.cycles or 1
    engine, cycles = max(
        ("GDMA", facts.gdma_bound_cycles), ("BDC", facts.bdc_bound_cycles), key=lambda e: e[1]
    )
    return (
        f"the {engine} for {cycles / total:.0%} of the time; busy: GDMA"
        f" {facts.gdma_busy_cycles / total:.0%}, BDC {facts.bdc_busy_cycles / total:.0%}"
    )


def _slowest(facts: GroupFacts) -> str:
    step = facts.slowest
    what = "; ".join(_actions(step))
    return (
        f"step {step.number} of {len(facts.steps)}, {step.cycles / (facts.cycles or 1):.0%} of the"
        f" time (BDC {step.bdc_cycles:,}, GDMA {step.gdma_cycles:,} cycles over all slices): {what}"
    )


def _actions(step: StepWork) -> Iterator[str]:
    for verb, names in (
        ("computes", step.computes),
        ("loads", step.loads),
        ("stores", step.stores),
    ):
        if names:
            few = ", ".join(shorten(name, _NAME_WIDTH) for name in names[:3])
            yield f"{verb} {few}" + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _memory(facts: GroupFacts, lmem_bytes: int) -> str:
    uses = [
        f"{shorten(use.name, _NAME_WIDTH)} {_kib(use.nbytes)} ({use.role})"
        for use in facts.peak_buffers[:_SHOWN_BUFFERS]
    ]
    rest = facts.peak_buffers[_SHOWN_BUFFERS:]
    if rest:
        uses.append(f"{len(rest)} more {_kib(sum(use.nbytes for use in rest))}")
    return (
        f"{_kib(facts.peak_bytes)} of {_kib(lmem_bytes)} in each lane in use at the most, in step"
        f" {facts.peak_step}: {', '.join(uses)}"
    )


def border_words(border: Border, view: GroupView, side: Side) -> str:
    """Why a group begins or ends where it does."""
    neighbour = border.before if side == "begins" else border.after
    place = "after" if side == "begins" else "before"
    if border.cause == "refused":
        reason = f"{border.rule}: {border.detail}"
        return f"{place} '{neighbour}': '{border.op}' may not be local ({reason})"
    if border.cause == "misfit":
        op = f"'{border.op}': " if border.op and border.op != neighbour else ""
        missing = f"; {_kib(border.missing_bytes)} are missing" if border.missing_bytes else ""
        return (
            f"{place} '{neighbour}': with it, the group breaks rule {border.rule}: {op}"
            f"{border.detail}{missing}"
        )
    if border.extra_cycles > 0:
        return (
            f"{place} '{neighbour}': more would fit, but {border.detail} costs"
            f" {border.extra_cycles:,} cycles more than the cut"
        )
    less = f"saves {-border.extra_cycles:,} cycles" if border.extra_cycles else "costs the same"
    return (
        f"{place} '{neighbour}', though more would fit: {border.detail} {less}; strategy"
        f" '{view.plan.strategy}' did not choose it"
    )


def gain_words(explained: ExplanationData, gain: Gain) -> str:
    """What a relaxation would buy."""
    chip = explained.prepared.chip
    before, after = (chip.milliseconds(c) for c in (gain.before_cycles, gain.cycles))
    change = "as long as before"
    if gain.saved_cycles:
        more_or_less = "fewer" if gain.saved_cycles > 0 else "more"
        change = (
            f"{after:,.3f} instead of {before:,.3f} ms ({abs(gain.saved_cycles):,} cycles"
            f" {more_or_less})"
        )
    return f"nearest remedy: {gain.change}; planned again, the network takes {change}"


def groups_text(explained: ExplanationData) -> Iterator[str]:
    """The slowest groups with what bounds them, and why groups end, counted."""
    views = explained.groups
    if not views:
        return
    chip = explained.prepared.chip
    slowest = sorted(views, key=lambda view: (-view.cycles, view.number))[:SHOWN_GROUPS]
    rows = []
    for view in slowest:
        facts = view.facts()
        total = facts.cycles or 1
        rows.append(
            [
                f"{view.number}",
                shorten(view.section.name, _NAME_WIDTH),
                view.section.type,
                "x".join(f"{count}{axis}" for axis, count in _cuts(view)) or "1",
                f"{chip.milliseconds(view.cycles):,.3f}",
                f"{facts.gdma_busy_cycles / total:.0%}",
                f"{facts.bdc_busy_cycles / total:.0%}",
                _kib(facts.peak_bytes),
                view.ends_because(),
            ]
        )
    columns = [
        Column("section"),
        Column(f"slowest {len(rows)} of {len(views)} groups", "left"),
        Column("type", "left"),
        Column("slices"),
        *map(Column, ("ms", "GDMA", "BDC", "LMEM")),
        Column("ends because", "left"),
    ]
    yield table(columns, rows)
    yield "\n".join(_border_counts(explained))


def _border_counts(explained: ExplanationData) -> Iterator[str]:
    """Why groups end, over all groups."""
    counts = Counter(view.ends_because() for view in explained.groups)
    yield "Why groups end (lgsim explain NET OP looks into one, with numbers)"
    for text, count in counts.most_common():
        yield f"  {count:4}  {text}"


def _kib(nbytes: int) -> str:
    return f"{nbytes / _KIB:,.1f} KiB"
