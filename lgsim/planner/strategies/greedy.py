"""Strategy `greedy`: from the last op backwards, the longest group that fits (docs/chip.md §8).

The vendor calls it opt1. No price is compared: a longer group always wins, and it is cut into the
first sections that fit.
"""

from __future__ import annotations

from lgsim.graph import Graph
from lgsim.planner.base_groups import base_groups
from lgsim.planner.group import Evaluation, Failure, GroupEvaluator, pattern_of
from lgsim.planner.group.first_fit import first_fit
from lgsim.planner.group.pattern import Pattern
from lgsim.planner.plan import Plan, Section


class Greedy:
    """Takes the longest group that ends at the last op, then goes on before it.

    Every start is tried, the smallest first: whether a group fits is not monotone in its length,
    because another op can change the type of the group and how it may be cut.
    """

    name = "greedy"
    summary = "from the last op backwards, the longest group that fits (the vendor's opt1)"

    def plan(self, graph: Graph, evaluator: GroupEvaluator) -> Plan:
        """Groups inside the runs of ops that may be local; all other ops are global layers."""
        sections: list[Section] = []
        known: dict[Pattern, Evaluation | Failure] = {}
        border = "the network begins here"
        for refusal, ops in base_groups(graph, evaluator.features):
            if refusal is None:
                sections += _cut(graph, ops, evaluator, border, known)
            else:
                sections.append(Section("global", ops[0], ops, reason=refusal.detail))
                border = f"'{ops[0]}' before it may not be local"
        return Plan(self.name, tuple(sections))


def _cut(
    graph: Graph,
    ops: tuple[str, ...],
    evaluator: GroupEvaluator,
    border: str,
    known: dict[Pattern, Evaluation | Failure],
) -> list[Section]:
    """Sections of a base group, in order; `border` says why it begins where it does."""
    found: list[Section] = []
    whole, _ = pattern_of(graph, ops)
    end = len(ops)
    while end:
        reason = border
        for start in range(end - 1):
            pattern = whole.part(start, end)
            if pattern not in known:
                known[pattern] = first_fit(evaluator, pattern)
            answer = known[pattern]
            if isinstance(answer, Evaluation):
                found.append(_group(ops[start:end], answer, reason))
                break
            reason = f"'{ops[start]}' does not fit in as well: {_words(answer, ops[start:end])}"
        else:
            start = end - 1
            found.append(Section("global", ops[start], ops[start:end], reason=reason))
        end = start
    return found[::-1]


def _group(ops: tuple[str, ...], found: Evaluation, reason: str) -> Section:
    name = f"{ops[0]} .. {ops[-1]}"
    return Section("group", name, ops, found.group_type, found.secs, reason)


def _words(failure: Failure, ops: tuple[str, ...]) -> str:
    """A failure with the name of the op at fault."""
    at_fault = f" ('{ops[failure.member]}')" if failure.member >= 0 else ""
    return f"{failure.detail}{at_fault}"
