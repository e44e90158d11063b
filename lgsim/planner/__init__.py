"""Which operators go together: plans, and the strategies that propose them."""

from lgsim.planner.plan import Plan, Section
from lgsim.planner.strategies import STRATEGIES, plan_network

__all__ = ["STRATEGIES", "Plan", "Section", "plan_network"]
