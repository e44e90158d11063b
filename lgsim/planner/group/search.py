"""Searches the sections of a group: the cheapest that fit, with bounds that spare most tries."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from lgsim.kernels.support import Features, GroupType
from lgsim.planner.group.arrange import Arranger
from lgsim.planner.group.cuts import WHOLE, Secs
from lgsim.planner.group.evaluation import Evaluation
from lgsim.planner.group.failure import Failure
from lgsim.planner.group.group_type import suitable_type
from lgsim.planner.group.pattern import Pattern
from lgsim.planner.group.price import busier_engine
from lgsim.planner.group.secs import MOST_TRIES, candidates
from lgsim.planner.group.slicing import infer

PATIENCE = 3
"""How many sections in a row may bring no gain before the search for better ones ends."""

SMALL_GROUP = 8
"""Groups of no more ops are searched to the end, so that a limit cannot hide a price below it."""

HOPELESS = 3
"""So many tries in a row whose busier engine alone takes too long, and never less than in the one
before, end the search: finer slices only repeat more rows."""

GOOD_ENOUGH = 1.02
"""A price this close to the cycles of the busier engine is not worth improving by more slices."""

WHOLE_ENOUGH = 1.1
"""The same for a group that fits in one slice: more of them bring halos and shorter rows."""

SURE = 0.9
"""Memory falls with the number of slices, but lengths are whole numbers: how much of the slices
that a try asks for the next one has at least."""


CUT = 3
"""How much more it takes to try slices than to try the whole group: they have shapes of their own,
in the middle and at both ends."""

OVERHEAD = 4
"""What a try takes besides its ops, in ops."""

LONG = 128
"""Ops of a group that takes twice as much per op as a short one: buffers are harder to place."""

QUICK = 16
"""Ops that take as much as one does otherwise if it is seen that slices cannot be cut."""


@dataclass(slots=True)
class Search:
    """Looks for the sections of one group.

    Attributes
    ----------
    arranger : Arranger
        Finds time steps and addresses of given slices.
    features : Features
        Which ops may be local.
    effort : int
        What the tries so far have cost, about in ops that were arranged.
    """

    arranger: Arranger
    features: Features
    effort: int = 0

    def run(self, pattern: Pattern, limit: int | None = None) -> Evaluation | Failure:
        """The group with the cheapest sections that were tried, or the rule it breaks.

        Sections are given up as soon as they are seen to take as long as `limit`; if there are no
        others, the failure has the rule ``price``.
        """
        chip = self.arranger.book.chip
        group_type = suitable_type(pattern, self.features, chip)
        if isinstance(group_type, Failure):
            return group_type
        whole = self._try(pattern, group_type, WHOLE, limit=limit)
        if isinstance(whole, Evaluation):
            return self._improved(whole)
        if whole.rule == "price" and len(pattern.members) <= SMALL_GROUP:
            tries = list(candidates(pattern, group_type, chip, 2, coarse=True))
            return self._best(pattern, group_type, tries, limit=limit) if tries else whole
        if whole.rule != "memory":
            return whole
        at_least = max(2, self._more(1, whole))
        tries = list(candidates(pattern, group_type, chip, at_least, coarse=True))
        if not tries:
            return replace(whole, detail=f"{whole.detail}, and no axis can be cut")
        last = self._try(pattern, group_type, tries[-1], patient=True, limit=limit)
        if isinstance(last, Failure) and last.rule == "memory":
            return last
        best = last if isinstance(last, Evaluation) else None
        found = self._best(pattern, group_type, tries[:-1], limit=limit)
        return best if best is not None and not _better(found, best) else found

    def _improved(self, whole: Evaluation) -> Evaluation:
        """A group that fits in one slice, in several if that is cheaper."""
        pattern, group_type, chip = whole.pattern, whole.group_type, self.arranger.book.chip
        if whole.price.cycles <= busier_engine(whole.costs) * self._enough(pattern, WHOLE_ENOUGH):
            return whole
        tries = candidates(pattern, group_type, chip, 2, coarse=True)
        found = self._best(pattern, group_type, tries, whole)
        return found if isinstance(found, Evaluation) else whole

    def _best(
        self,
        pattern: Pattern,
        group_type: GroupType,
        tries: Iterable[Secs],
        best: Evaluation | None = None,
        limit: int | None = None,
    ) -> Evaluation | Failure:
        """The cheapest of some sections; the search ends when it no longer gets better."""
        failure: Failure | None = None
        patience, enough = self._patience(pattern), self._enough(pattern, GOOD_ENOUGH)
        short: list[Secs] = []
        at_least = worse = busy = hopeless = 0
        for secs in tries:
            if _product(secs) < at_least:
                short.append(secs)
                continue
            most = limit if best is None else best.price.cycles
            found = self._try(pattern, group_type, secs, limit=most)
            if isinstance(found, Failure):
                failure = found if failure is None or found.rule == "price" else failure
                at_least = self._more(_product(secs), found)
                if found.rule == "memory":
                    short.append(secs)
                    continue
            elif _better(found, best):
                best, worse = found, -1
                if found.price.cycles <= busier_engine(found.costs) * enough:
                    break
            worse += 1
            before, busy = busy, found.busy_cycles if isinstance(found, Failure) else 0
            hopeless = hopeless + 1 if busy >= max(before, 1) else 0
            if worse >= patience or hopeless >= HOPELESS:
                break
        for secs in short[: -1 - patience : -1]:
            # One slice after the other: fewer slices may do.
            most = limit if best is None else best.price.cycles
            found = self._try(pattern, group_type, secs, patient=True, limit=most)
            if isinstance(found, Evaluation) and _better(found, best):
                best = found
        return best or failure or Failure("secs", "no axis can be cut")

    def _patience(self, pattern: Pattern) -> int:
        """How many tries without a gain end the search."""
        return PATIENCE if len(pattern.members) > SMALL_GROUP else MOST_TRIES

    def _enough(self, pattern: Pattern, ratio: float) -> float:
        """How close to the busier engine ends the search; small groups go on to the end."""
        return ratio if len(pattern.members) > SMALL_GROUP else 1.0

    def _more(self, slices: int, found: Failure) -> int:
        """Slices that are needed at least, after so many were too few."""
        lmem_bytes = self.arranger.book.chip.lmem_bytes
        return max(1, int(slices * (1 + found.missing_bytes / lmem_bytes) * SURE))

    def _try(
        self,
        pattern: Pattern,
        group_type: GroupType,
        secs: Secs,
        *,
        patient: bool = False,
        limit: int | None = None,
    ) -> Evaluation | Failure:
        count = len(pattern.members)
        work = OVERHEAD + count * (count + LONG) // LONG
        slicing = infer(pattern, group_type, secs, self.arranger.book.chip.lanes)
        if isinstance(slicing, Failure):
            self.effort += -(-count // QUICK)
            return slicing
        self.effort += work if secs == WHOLE else CUT * work
        return self.arranger.arrange(pattern, slicing, patient=patient, limit=limit)


def _better(found: Evaluation | Failure, best: Evaluation | None) -> bool:
    return isinstance(found, Evaluation) and (
        best is None or found.price.cycles < best.price.cycles
    )


def _product(secs: Secs) -> int:
    n, c, d, h, w = secs
    return n * c * d * h * w
