"""What would be gained if a limit were wider: found by planning the network again."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lgsim.pipeline import Prepared, planned, prepare_network
from lgsim.planner import STRATEGIES, Plan
from lgsim.planner.borders import Border
from lgsim.planner.group import Failure, GroupEvaluator, pattern_of
from lgsim.planner.price import plan_cycles
from lgsim.planner.strategies import group_search

MOST_TIMES = 4
"""More local memory than this many times what there is would be another chip."""


@dataclass(frozen=True, slots=True)
class Gain:
    """A relaxation, and the network planned anew with it.

    Attributes
    ----------
    change : str
        What is different, in words.
    cycles, before_cycles : int
        What the network takes with and without it.
    """

    change: str
    cycles: int
    before_cycles: int

    @property
    def saved_cycles(self) -> int:
        """What it saves; negative if the strategy finds a worse plan with it."""
        return self.before_cycles - self.cycles


class WhatIf:
    """Plans a network again with wider limits; each answer is kept.

    Parameters
    ----------
    prepared : Prepared
        The network and the chip.
    plan : Plan
        Its plan. One that no strategy made cannot be made again: then nothing is known.
    """

    def __init__(self, prepared: Prepared, plan: Plan) -> None:
        self.prepared = prepared
        self.plan = plan
        self._known: dict[str, int] = {}

    @property
    def base_cycles(self) -> int:
        """What the plan takes as it is."""
        return self._cycles("", self.prepared, self.plan)

    def border(self, border: Border) -> Gain | None:
        """The nearest relaxation that lifts a border; None if there is none to try."""
        if self.plan.strategy not in STRATEGIES:
            return None
        if border.refusal is not None:
            return self.feature(border.refusal.feature) if border.refusal.feature else None
        if border.cause == "misfit" and border.rule == "memory":
            extra = self.missing_bytes(border)
            return None if extra is None else self.memory(extra)
        return None

    def feature(self, name: str) -> Gain | None:
        """Planned again with a feature on; None if it is on already."""
        prepared = self.prepared
        if prepared.features[name]:
            return None
        settings = prepared.settings
        disable = [other for other in settings.disable if other != name]
        wider = prepare_network(prepared.imported, replace(settings, disable=disable))
        return self._gain(f"feature {name} on", wider)

    def memory(self, extra_bytes: int) -> Gain:
        """Planned again with more local memory in each lane."""
        now = self.prepared.chip.lmem_bytes
        text = f"{extra_bytes / 1024:,.0f} KiB more in each lane ({now / 1024:,.0f} KiB there are)"
        return self._gain(text, self._larger(extra_bytes))

    def missing_bytes(self, border: Border) -> int | None:
        """Bytes of a lane that local memory has to grow by for a group to fit, in whole KiB.

        None if more than `MOST_TIMES` local memory would be needed, or memory is not the reason.
        """
        chip = self.prepared.chip
        unit = chip.banks * chip.eu_bytes
        search = group_search(self.plan.strategy)
        pattern, _ = pattern_of(self.prepared.typed, border.joined)

        def fits(units: int) -> bool:
            evaluator = self._larger(units * unit).evaluator
            return not isinstance(search(evaluator, pattern), Failure)

        low, high = 0, max(1, -(-border.missing_bytes // unit))
        most = (MOST_TIMES - 1) * chip.lmem_bytes // unit
        while not fits(min(high, most)):
            if high >= most:
                return None
            low, high = high, 2 * high
        high = min(high, most)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if fits(middle) else (middle, high)
        return high * unit

    def _larger(self, extra_bytes: int) -> Prepared:
        prepared = self.prepared
        chip = replace(prepared.chip, lmem_bytes=prepared.chip.lmem_bytes + extra_bytes)
        off = [name for name, on in prepared.features.items() if not on]
        return replace(prepared, chip=chip, evaluator=GroupEvaluator.without(chip, off))

    def _gain(self, change: str, prepared: Prepared) -> Gain:
        return Gain(change, self._cycles(change, prepared, None), self.base_cycles)

    def _cycles(self, key: str, prepared: Prepared, plan: Plan | None) -> int:
        if key not in self._known:
            plan = plan or planned(prepared, self.plan.strategy)
            self._known[key] = plan_cycles(prepared.typed, plan, prepared.evaluator)
        return self._known[key]
