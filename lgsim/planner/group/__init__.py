"""Layer groups: what it takes to run several ops on slices in local memory, and what it costs.

`pattern_of` takes the names off some ops of a graph; a `GroupEvaluator` finds the cheapest way to
run such a pattern, or says as a `Failure` which rule forbids it; its `schedule` makes the commands.
"""

from lgsim.planner.group.evaluate import GroupEvaluator
from lgsim.planner.group.evaluation import Evaluation
from lgsim.planner.group.failure import Failure
from lgsim.planner.group.pattern import Binding, Pattern, pattern_of

__all__ = ["Binding", "Evaluation", "Failure", "GroupEvaluator", "Pattern", "pattern_of"]
