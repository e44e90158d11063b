"""Why two sections of a plan are two: what forbids to join them, or what joining would cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lgsim.graph import Graph
from lgsim.kernels import local_support
from lgsim.kernels.site import site_of
from lgsim.kernels.support import Refusal
from lgsim.planner.group import Failure, GroupEvaluator, pattern_of
from lgsim.planner.plan import Plan, Section, section_name
from lgsim.planner.price import plan_cycles
from lgsim.planner.strategies import Search, group_search

Cause = Literal["refused", "misfit", "price"]
Side = Literal["left", "right"]


@dataclass(frozen=True, slots=True)
class Border:
    """The border between two neighbouring sections, at least one of which is a group.

    Attributes
    ----------
    before, after : str
        The last op before the border and the first one after it.
    cause : {"refused", "misfit", "price"}
        An op beside it may not be local; a larger group breaks a rule; or it is possible, at a
        price.
    rule : str
        Rule of the capability check or of the group evaluation; empty for a price.
    detail : str
        What is wrong, with the numbers; for a price what the alternative is.
    op : str
        The op at fault; may be empty.
    joined : tuple of str
        The ops of the smallest larger group.
    axis : str
        The axis that cannot be cut further; may be empty.
    missing_bytes : int
        Bytes of a lane that are missing if the rule is ``memory``.
    extra_cycles : int
        For a price: what the cheapest alternative costs more; negative if it costs less.
    refusal : Refusal or None
        For a refused op.
    """

    before: str
    after: str
    cause: Cause
    rule: str = ""
    detail: str = ""
    op: str = ""
    joined: tuple[str, ...] = ()
    axis: str = ""
    missing_bytes: int = 0
    extra_cycles: int = 0
    refusal: Refusal | None = None


def refused_border(
    graph: Graph, plan: Plan, evaluator: GroupEvaluator, number: int
) -> Border | None:
    """The border behind section `number` if an op beside it may not be local, else None."""
    left, right = plan.sections[number : number + 2]
    before, after = left.ops[-1], right.ops[0]
    for name in (before, after):
        refusal = local_support(site_of(graph, graph.op(name)), evaluator.features)
        if refusal is not None:
            return Border(
                before, after, "refused", refusal.rule, refusal.detail, name, refusal=refusal
            )
    return None


def find_border(
    graph: Graph, plan: Plan, evaluator: GroupEvaluator, number: int, grow: Side
) -> Border:
    """Why section `number` and the one after it are two.

    Parameters
    ----------
    graph, plan, evaluator : Graph, Plan, GroupEvaluator
        The plan, and what it was made with. Larger groups are looked for as its strategy does.
    number : int
        The section before the border.
    grow : {"left", "right"}
        Which of the two would have to grow: by the nearest op of the other, or by all of it. If
        both are possible, the cheaper one is compared with the plan, neighbours included.
    """
    refused = refused_border(graph, plan, evaluator, number)
    if refused is not None:
        return refused
    left, right = plan.sections[number : number + 2]
    before, after = left.ops[-1], right.ops[0]
    both = (*left.ops, *right.ops)
    cut = len(left.ops) + 1 if grow == "left" else len(left.ops) - 1
    ways = [way for way in ((both[:cut], both[cut:]), (both, ())) if len(max(way, key=len)) > 1]
    search = group_search(plan.strategy)
    parts = [_sections(graph, evaluator, search, way) for way in ways]
    if all(isinstance(sections, _Misfit) for sections in parts):
        return _misfit(before, after, parts[0])
    first, last = number and number - 1, number + 3
    frame = plan.sections[first:number], plan.sections[number + 2 : last]
    now = _price(graph, evaluator, plan.sections[first:last])
    prices = [
        (_price(graph, evaluator, (*frame[0], *sections, *frame[1])) - now, number)
        for number, sections in enumerate(parts)
        if not isinstance(sections, _Misfit)
    ]
    extra, chosen = min(prices)
    moved = f"'{after if grow == 'left' else before}' as well"
    alternative = moved if all(ways[chosen]) else f"{section_name(both)} as one"
    joined = max(ways[chosen], key=len)
    return Border(before, after, "price", detail=alternative, joined=joined, extra_cycles=extra)


@dataclass(frozen=True, slots=True)
class _Misfit:
    """Ops that are no group, and why."""

    ops: tuple[str, ...]
    failure: Failure


def _misfit(before: str, after: str, found: list[Section] | _Misfit) -> Border:
    assert isinstance(found, _Misfit)
    ops, failure = found.ops, found.failure
    return Border(
        before,
        after,
        "misfit",
        failure.rule,
        failure.detail,
        ops[failure.member] if failure.member >= 0 else "",
        ops,
        failure.axis,
        failure.missing_bytes,
    )


def _sections(
    graph: Graph, evaluator: GroupEvaluator, search: Search, way: Sequence[tuple[str, ...]]
) -> list[Section] | _Misfit:
    """Sections of these ops, or the first that are no group."""
    found = []
    for ops in way:
        if len(ops) == 1:
            found.append(Section("global", ops[0], ops))
        elif ops:
            answer = search(evaluator, pattern_of(graph, ops)[0])
            if isinstance(answer, Failure):
                return _Misfit(ops, answer)
            name = section_name(ops)
            found.append(Section("group", name, ops, answer.group_type, answer.secs))
    return found


def _price(graph: Graph, evaluator: GroupEvaluator, sections: Sequence[Section]) -> int:
    return plan_cycles(graph, Plan("", tuple(sections)), evaluator)
