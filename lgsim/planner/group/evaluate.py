"""Group evaluation: one function that all strategies share.

It answers what a group costs and how it runs, or which rule it breaks. Everything depends on the
pattern of the group only, so that repeated blocks of a network are evaluated once.
"""

from __future__ import annotations

from collections.abc import Collection

from lgsim.kernels.support import Features, GroupType
from lgsim.planner.features import PlannerFeatures
from lgsim.planner.group.arrange import Arranger
from lgsim.planner.group.book import CostBook
from lgsim.planner.group.combine import combined
from lgsim.planner.group.cuts import Secs
from lgsim.planner.group.emit import Emitter, TimedSchedule
from lgsim.planner.group.evaluation import Evaluation, final_placement
from lgsim.planner.group.failure import Failure, too_long
from lgsim.planner.group.given import Given
from lgsim.planner.group.lmem import Placement
from lgsim.planner.group.outline import Outline, outline
from lgsim.planner.group.pattern import Pattern
from lgsim.planner.group.search import Search
from lgsim.planner.group.slicing import infer
from lgsim.target.chip import Chip

_Section = tuple[Pattern, GroupType, Secs, Given | None]


class GroupEvaluator:
    """Evaluates groups on one chip; results and costs are kept.

    Parameters
    ----------
    chip : Chip
        Memory sizes and laws.
    features : Features
        Which historical restrictions are lifted.
    planning : PlannerFeatures
        What may be done to make groups cheaper.

    Attributes
    ----------
    effort : int
        What the evaluations so far have cost, as `Search.effort` counts it.
    """

    def __init__(
        self,
        chip: Chip,
        features: Features | None = None,
        planning: PlannerFeatures | None = None,
    ) -> None:
        self.chip = chip
        self.features = features or Features()
        self.planning = planning or PlannerFeatures()
        self.book = CostBook(chip)
        self.effort = 0
        self._found: dict[Pattern, Evaluation | Failure] = {}
        self._too_long: dict[Pattern, int] = {}
        self._sections: dict[_Section, Evaluation | Failure] = {}
        # By identity of what they belong to, which the entries keep alive.
        self._finished: dict[int, tuple[Evaluation, Evaluation]] = {}
        self._outlines: dict[int, Outline] = {}
        self._schedules: dict[int, tuple[Placement, TimedSchedule]] = {}

    @classmethod
    def without(cls, chip: Chip, disabled: Collection[str]) -> GroupEvaluator:
        """One with everything switched on but the named features."""
        return cls(chip, Features.without(disabled), PlannerFeatures.without(disabled))

    def sibling(self, features: Features, planning: PlannerFeatures) -> GroupEvaluator:
        """One for the same chip with other switches, which shares all that they do not touch.

        Only groups of ops that both may compute in local memory are shared rightly; strategies ask
        for no others.
        """
        other = GroupEvaluator(self.chip, features, planning)
        other.book = self.book
        if planning == self.planning:
            other._found = self._found
            other._too_long = self._too_long
            other._sections = self._sections
            other._finished = self._finished
            other._outlines = self._outlines
            other._schedules = self._schedules
        return other

    def evaluate(self, pattern: Pattern, limit: int | None = None) -> Evaluation | Failure:
        """The group with lgsim's own type, sections and time steps.

        Parameters
        ----------
        pattern : Pattern
            The group.
        limit : int, optional
            Cycles that are of no use any more: the search may give up, with a failure of the rule
            ``price``, where it sees that the group takes as long as that.
        """
        found = self._found.get(pattern)
        if found is None and limit is not None and limit <= self._too_long.get(pattern, 0):
            return too_long(limit)
        if found is None:
            search = Search(Arranger(self.book, self.planning), self.features)
            found = search.run(pattern, limit)
            self.effort += search.effort
            if limit is not None and _reaches(found, limit):
                self._too_long[pattern] = limit
                return too_long(limit)
            self._found[pattern] = found
        return found

    def evaluate_section(
        self,
        pattern: Pattern,
        group_type: GroupType,
        secs: Secs,
        given: Given | None = None,
    ) -> Evaluation | Failure:
        """The group as a plan has it; what `evaluate` found is taken if it is the same."""
        found = None if given else self._found.get(pattern)
        if isinstance(found, Evaluation) and (found.group_type, found.secs) == (group_type, secs):
            return found
        key = pattern, group_type, secs, given
        if key not in self._sections:
            self._sections[key] = self.evaluate_as(pattern, group_type, secs, given)
        return self._sections[key]

    def evaluate_as(
        self,
        pattern: Pattern,
        group_type: GroupType,
        secs: Secs,
        given: Given | None = None,
    ) -> Evaluation | Failure:
        """The group with a given type and sections, and what else a plan says of it."""
        slicing = infer(pattern, group_type, secs, self.chip.lanes)
        if isinstance(slicing, Failure):
            return slicing
        return Arranger(self.book, self.planning).arrange(pattern, slicing, given)

    def finished(
        self,
        pattern: Pattern,
        group_type: GroupType,
        secs: Secs,
        given: Given | None = None,
    ) -> Evaluation | Failure:
        """The group of a plan as it runs: time steps that are not given are merged."""
        found = self.evaluate_section(pattern, group_type, secs, given)
        if isinstance(found, Failure) or given or not self.planning.step_balance:
            return found
        known = self._finished.get(id(found))
        if known is None:
            known = self._finished[id(found)] = found, combined(found, self.chip)
        return known[1]

    def placement(self, found: Evaluation) -> Placement:
        """Where the buffers of a group lie in the end."""
        return self.outline(found).placement

    def outline(self, found: Evaluation) -> Outline:
        """A group over time, with its buffers where they lie in the end."""
        known = self._outlines.get(id(found))
        if known is None:
            known = self._outlines[id(found)] = outline(found, final_placement(found, self.chip))
        return known

    def schedule(self, found: Evaluation, placement: Placement) -> TimedSchedule:
        """The commands of a group whose buffers lie as `placement` says."""
        known = self._schedules.get(id(placement))
        if known is None:
            emitter = Emitter(self.chip, found.pattern, found.slicing, found.costs, placement)
            known = self._schedules[id(placement)] = placement, emitter.schedule(found.timetable)
        return known[1]


def _reaches(found: Evaluation | Failure, limit: int) -> bool:
    """Whether a group takes so long; a search that was given up then says nothing else of it."""
    if isinstance(found, Failure):
        return found.rule == "price"
    return found.price.cycles >= limit
