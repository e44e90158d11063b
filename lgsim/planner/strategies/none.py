"""Strategy `none`: no grouping; every op is a global layer."""

from __future__ import annotations

from lgsim.graph import Graph
from lgsim.planner.group import GroupEvaluator
from lgsim.planner.plan import Plan, Section


class NoGrouping:
    """The baseline: each op loads its inputs from DDR and stores its results there."""

    name = "none"
    summary = "every op on its own, from DDR to DDR"
    search = staticmethod(GroupEvaluator.evaluate)

    def plan(self, graph: Graph, evaluator: GroupEvaluator) -> Plan:
        """One global layer per op, in the order of the graph."""
        reason = "strategy 'none' groups nothing"
        return Plan(
            self.name, tuple(Section("global", op.name, (op.name,), reason=reason) for op in graph)
        )
