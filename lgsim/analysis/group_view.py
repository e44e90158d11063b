"""`GroupView`: a group of a plan with what can be said about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lgsim.pipeline import Prepared
from lgsim.planner import Plan
from lgsim.planner.anatomy import GroupFacts, group_facts
from lgsim.planner.borders import Border, find_border, refused_border
from lgsim.planner.group import Evaluation
from lgsim.planner.plan import Section
from lgsim.planner.price import placed_sections

Side = Literal["begins", "ends"]


@dataclass(frozen=True, slots=True)
class GroupView:
    """A group of a plan.

    Attributes
    ----------
    prepared, plan : Prepared, Plan
        Where it belongs.
    number : int
        Its index among the sections.
    section : Section
        Its ops, type and slices.
    found : Evaluation
        How it runs.
    gain_cycles : int
        What moves across its borders save.
    """

    prepared: Prepared
    plan: Plan
    number: int
    section: Section
    found: Evaluation
    gain_cycles: int

    @property
    def cycles(self) -> int:
        """What the group takes in this plan."""
        return self.found.price.cycles - self.gain_cycles

    def facts(self) -> GroupFacts:
        """Where its time and its local memory go."""
        return group_facts(self.prepared.typed, self.section, self.found, self.prepared.chip)

    def border(self, side: Side) -> Border | None:
        """Why it begins or ends where it does; None at the ends of the network.

        Larger groups are evaluated for the answer, which takes a while where none of them fits.
        """
        number = self._before(side)
        if number is None:
            return None
        grow: Literal["left", "right"] = "right" if side == "begins" else "left"
        prepared = self.prepared
        return find_border(prepared.typed, self.plan, prepared.evaluator, number, grow)

    def ends_because(self) -> str:
        """The same for its end in a few words, as far as nothing has to be evaluated for it."""
        number = self._before("ends")
        if number is None:
            return "the network ends"
        prepared = self.prepared
        refused = refused_border(prepared.typed, self.plan, prepared.evaluator, number)
        if refused is not None:
            return f"the next op may not be local: {refused.rule}"
        return f"strategy '{self.plan.strategy}' cuts here"

    def _before(self, side: Side) -> int | None:
        """Index of the section before the border, if there is one."""
        number = self.number - 1 if side == "begins" else self.number
        return number if 0 <= number < len(self.plan.sections) - 1 else None


def group_views(prepared: Prepared, plan: Plan) -> tuple[GroupView, ...]:
    """The groups of a plan, in order."""
    number = {section.ops: k for k, section in enumerate(plan.sections)}
    return tuple(
        GroupView(prepared, plan, number[g.section.ops], g.section, g.found, g.lane.gain_cycles)
        for part in placed_sections(prepared.typed, plan, prepared.evaluator)
        if not isinstance(part, Section)
        for g in part
    )
