"""`AblationData`: what each rewrite, capability and planner feature is worth in one network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os import PathLike

from lgsim.analysis.switch_bench import SwitchBench, feature_kinds
from lgsim.errors import LgsimError
from lgsim.features import feature_switches, list_features
from lgsim.graph import Graph
from lgsim.settings import Settings

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Part:
    """A feature, or several that are switched together.

    Attributes
    ----------
    name : str
        The features, joined by plus signs.
    features : tuple of str
        What is switched.
    kind : str
        Kind of the first: rewrite, capability or planner.
    applied : int or None
        How often its rewrites applied with everything on; None if it is no rewrite.
    without_cycles : int
        Cycles with this alone switched off.
    from_cycles, to_cycles : int
        Cycles before and after it was switched on in its turn, beginning with all parts off.
    """

    name: str
    features: tuple[str, ...]
    kind: str
    applied: int | None
    without_cycles: int
    from_cycles: int
    to_cycles: int


@dataclass(frozen=True, slots=True)
class Hidden:
    """A feature that is worth nothing because a rewrite takes away the ops it is for.

    Attributes
    ----------
    feature, rewrite : str
        What is hidden, and behind what.
    count, kind : int, str
        How many ops of which kind the rewrite takes away.
    with_cycles, without_cycles : int
        Cycles with the rewrite off, and with both off.
    """

    feature: str
    rewrite: str
    count: int
    kind: str
    with_cycles: int
    without_cycles: int


@dataclass(frozen=True, slots=True)
class AblationData:
    """Cycles of a network with features switched off: each alone, all, and one after the other.

    Attributes
    ----------
    model, target, precision, strategy, timing : str
        What was planned, and how.
    clock_mhz : int
        Clock of both engines.
    full_cycles, none_cycles : int
        With all parts on, and with all parts off.
    parts : tuple of Part
        In the order in which they were switched on.
    hidden : tuple of Hidden
        Parts that come into their own only without another one.
    """

    model: str
    target: str
    precision: str
    strategy: str
    timing: str
    clock_mhz: int
    full_cycles: int
    none_cycles: int
    parts: tuple[Part, ...]
    hidden: tuple[Hidden, ...]

    def milliseconds(self, cycles: int) -> float:
        """Duration of some cycles in milliseconds."""
        return cycles / (self.clock_mhz * 1e3)

    @property
    def effective(self) -> tuple[Part, ...]:
        """Parts that make a difference, alone or in their turn."""
        return tuple(
            part
            for part in self.parts
            if part.without_cycles != self.full_cycles or part.from_cycles != part.to_cycles
        )


def ablation(
    net: str | PathLike[str] | Graph,
    settings: Settings,
    features: Sequence[str] = (),
    progress: Progress | None = None,
) -> AblationData:
    """Plan a network with features on and off; see `lgsim.ablate`."""
    bench = SwitchBench(net, settings)
    groups = _groups(features, settings, bench.is_off)
    behind = bench.hidden([name for group in groups for name in group])
    if not features:
        groups = _in_order(groups, {rewrite for _, rewrite, _, _ in behind})
    everything = frozenset(name for group in groups for name in group)
    full, none = bench.cycles(frozenset()), bench.cycles(everything)
    parts, off, before = [], everything, none
    for number, group in enumerate(groups):
        off -= set(group)
        after = bench.cycles(off)
        alone = bench.cycles(frozenset(group))
        parts.append(
            Part(
                "+".join(group),
                group,
                feature_kinds()[group[0]],
                bench.applied(group),
                alone,
                before,
                after,
            )
        )
        before = after
        if progress is not None:
            progress(number + 1, len(groups))
    hidden = tuple(
        Hidden(
            feature,
            rewrite,
            count,
            kind,
            bench.cycles(frozenset((rewrite,))),
            bench.cycles(frozenset((rewrite, feature))),
        )
        for feature, rewrite, count, kind in behind
    )
    return AblationData(
        model=bench.imported.name,
        target=bench.chip.name,
        precision=bench.precision,
        strategy=settings.strategy,
        timing=settings.timing,
        clock_mhz=bench.chip.clock_mhz,
        full_cycles=full,
        none_cycles=none,
        parts=tuple(parts),
        hidden=hidden,
    )


def _groups(
    wanted: Sequence[str], settings: Settings, is_off: Callable[[str], bool]
) -> list[tuple[str, ...]]:
    """The features to switch: those asked for, else all that this precision has and that are on."""
    if not wanted:
        return [
            (feature.name,)
            for feature in list_features()
            if settings.precision in feature.precisions and not is_off(feature.name)
        ]
    groups = [tuple(text.split("+")) for text in wanted]
    names = [name for group in groups for name in group]
    feature_switches(names, ())
    for name in names:
        if is_off(name):
            raise LgsimError(f"feature '{name}' is off anyway", hint="leave out its --disable")
        if names.count(name) > 1:
            raise LgsimError(f"feature '{name}' is named twice", where="features")
    return groups


def _in_order(groups: list[tuple[str, ...]], hiding: set[str]) -> list[tuple[str, ...]]:
    """As listed, but what hides others last: so all are switched on while they still count."""
    return sorted(groups, key=lambda group: group[0] in hiding)
