"""`SwitchBench`: prices one network with features switched off, again and again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from os import PathLike

from lgsim.analysis.explanation import site_of_logged
from lgsim.features import feature_switches, list_features
from lgsim.graph import Graph
from lgsim.kernels import local_support
from lgsim.kernels.site import OpSite, site_of
from lgsim.kernels.support import KERNEL_FEATURES, Features
from lgsim.pipeline import chip_of, imported_graph, lowered
from lgsim.planner import plan_network
from lgsim.planner.features import PlannerFeatures
from lgsim.planner.group import GroupEvaluator
from lgsim.planner.price import plan_cycles
from lgsim.rewrites import RewriteLog
from lgsim.settings import Settings


def feature_kinds() -> dict[str, str]:
    """Kind of every feature, by name."""
    return {feature.name: feature.kind for feature in list_features()}


class SwitchBench:
    """Prices one network with features off; what equal states have in common is done once."""

    def __init__(self, net: str | PathLike[str] | Graph, settings: Settings) -> None:
        self.settings = settings
        self.chip = chip_of(settings)
        self.imported = imported_graph(net, settings)
        switches = feature_switches(settings.disable, settings.enable)
        self._always_off = frozenset(name for name, on in switches.items() if not on)
        self._log = RewriteLog()
        self._typed: dict[frozenset[str], Graph] = {}
        self._priced: dict[tuple[object, ...], int] = {}
        self._evaluators: dict[tuple[Features, PlannerFeatures], GroupEvaluator] = {}
        typed = self._typed[frozenset()] = self._lowered(frozenset(), self._log)
        self.precision = typed.precision or settings.precision

    def is_off(self, feature: str) -> bool:
        """Whether a feature is off in all states."""
        return feature in self._always_off

    def _lowered(self, off: frozenset[str], log: RewriteLog | None = None) -> Graph:
        settings = self.settings
        disabled = self._always_off | off
        return lowered(self.imported, settings.precision, settings.io_dtype, disabled, log)

    def applied(self, group: Iterable[str]) -> int | None:
        """How often the rewrites among some features applied with everything on."""
        kinds = feature_kinds()
        rewrites = [name for name in group if kinds[name] == "rewrite"]
        times = sum(event.times for event in self._log.events if event.rewrite in rewrites)
        return times if rewrites else None

    def cycles(self, off: frozenset[str]) -> int:
        """What the network takes with some features off."""
        kinds = feature_kinds()
        shaping = frozenset(name for name in off if kinds[name] != "planner")
        if len(shaping) == 1 and self.applied(shaping) == 0:
            # What never applied is not missed.
            shaping = frozenset()
        if shaping not in self._typed:
            self._typed[shaping] = self._lowered(shaping)
        graph = self._typed[shaping]
        disabled = self._always_off | off
        switches = Features.without(disabled), PlannerFeatures.without(disabled)
        key = (_fingerprint(graph, switches[0]), switches[1])
        if key not in self._priced:
            evaluator = self._evaluator(*switches)
            plan = plan_network(graph, evaluator, self.settings.strategy)
            self._priced[key] = plan_cycles(graph, plan, evaluator)
        return self._priced[key]

    def _evaluator(self, features: Features, planning: PlannerFeatures) -> GroupEvaluator:
        """One per setting; they share what does not depend on it."""
        key = features, planning
        if key not in self._evaluators:
            alike = [each for each in self._evaluators.values() if each.planning == planning]
            known = alike or list(self._evaluators.values())
            self._evaluators[key] = (
                known[0].sibling(features, planning)
                if known
                else GroupEvaluator(self.chip, features, planning)
            )
        return self._evaluators[key]

    def hidden(self, names: Iterable[str]) -> list[tuple[str, str, int, str]]:
        """Capabilities without any effect whose ops a rewrite takes away.

        As (capability, rewrite, number of ops, kind of op): ops that need the capability and are
        fewer after the rewrite than before.
        """
        found: Counter[tuple[str, str, str]] = Counter()
        full = self.cycles(frozenset())
        for name in names:
            if name not in KERNEL_FEATURES or self.cycles(frozenset((name,))) != full:
                continue
            lacking = Features.without([name])
            for event in self._log.events:
                for ops, sign in ((event.removed, 1), (event.added, -1)):
                    for logged in ops:
                        refusal = local_support(site_of_logged(logged), lacking)
                        if refusal is not None and refusal.feature == name:
                            found[name, event.rewrite, logged.op.kind] += sign
        return [
            (name, rewrite, count, kind)
            for (name, rewrite, kind), count in found.items()
            if count > 0
        ]


def _fingerprint(graph: Graph, features: Features) -> tuple[object, ...]:
    """All that planning sees of a graph, if the planner's own switches stay as they are."""
    ops: list[tuple[OpSite, tuple[str, ...], tuple[str, ...], bool]] = []
    for op in graph:
        site = site_of(graph, op)
        ops.append((site, op.inputs, op.outputs, local_support(site, features) is None))
    return (*ops, tuple(graph.outputs))
