"""The grouping strategies: one file each, behind one small protocol."""

from __future__ import annotations

from typing import Protocol

from lgsim.errors import LgsimError
from lgsim.graph import Graph
from lgsim.planner.absorb import absorb_permutes
from lgsim.planner.group import GroupEvaluator
from lgsim.planner.plan import Plan
from lgsim.planner.strategies.dp import CheapestCuts
from lgsim.planner.strategies.greedy import Greedy
from lgsim.planner.strategies.none import NoGrouping


class Strategy(Protocol):
    """Proposes how to cut a lowered graph into sections."""

    name: str
    summary: str

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
