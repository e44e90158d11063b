"""The grouping strategies: one file each, behind one small protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from lgsim.errors import LgsimError
from lgsim.graph import Graph
from lgsim.planner.absorb import absorb_permutes
from lgsim.planner.group import Evaluation, Failure, GroupEvaluator
from lgsim.planner.group.pattern import Pattern
from lgsim.planner.plan import Plan
from lgsim.planner.strategies.dp import CheapestCuts
from lgsim.planner.strategies.greedy import Greedy
from lgsim.planner.strategies.none import NoGrouping

Search = Callable[[GroupEvaluator, Pattern], Evaluation | Failure]
"""Some ops as one group, or the rule that forbids it."""


class Strategy(Protocol):
    """Proposes how to cut a lowered graph into sections, of groups that its `search` finds."""

    name: str
    summary: str

    @property
    def search(self) -> Search:
        """How it looks for a single group."""
        ...

    def plan(self, graph: Graph, evaluator: GroupEvaluator) -> Plan:
        """A plan that covers every op of `graph` exactly once.

        The evaluator knows the chip and what is switched on; it prices groups, and keeps them.
        """
        ...


STRATEGIES: dict[str, Strategy] = {
    strategy.name: strategy for strategy in (NoGrouping(), Greedy(), CheapestCuts())
}


def plan_network(graph: Graph, evaluator: GroupEvaluator, strategy: str) -> Plan:
    """Plan `graph` with the strategy called `strategy`; LgsimError if there is none.

    Permutes beside the groups that it proposes join them where that is cheaper.
    """
    if strategy not in STRATEGIES:
        raise LgsimError(
            f"unknown strategy '{strategy}'", hint=f"choose from: {', '.join(STRATEGIES)}"
        )
    plan = STRATEGIES[strategy].plan(graph, evaluator)
    return absorb_permutes(graph, plan, evaluator)


def group_search(strategy: str) -> Search:
    """How a strategy looks for a group; the thorough way where no strategy made the plan."""
    return STRATEGIES[strategy].search if strategy in STRATEGIES else GroupEvaluator.evaluate
