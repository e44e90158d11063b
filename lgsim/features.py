"""Features: all that ``--disable`` and ``--enable`` know, each with a name and one line."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import Literal

from lgsim.errors import LgsimError
from lgsim.kernels.support import KERNEL_FEATURES
from lgsim.planner.features import PLANNER_FEATURES
from lgsim.rewrites import PRECISIONS, REWRITES


@dataclass(frozen=True, slots=True)
class Feature:
    """Something that can be switched off.

    Attributes
    ----------
    name : str
        What ``--disable`` takes.
    kind : {"rewrite", "capability", "planner"}
        A rewrite of the graph, something kernels can do in local memory, or a way to arrange the
        work of layer groups.
    summary : str
        One line.
    precisions : tuple of str
        Precisions it has an effect in.
    """

    name: str
    kind: Literal["rewrite", "capability", "planner"]
    summary: str
    precisions: tuple[str, ...] = PRECISIONS


@cache
def list_features() -> tuple[Feature, ...]:
    """All features: rewrites in the order in which they run, capabilities, then the planner's."""
    rewrites = [Feature(r.name, "rewrite", r.summary, r.precisions) for r in REWRITES]
    kernels = [Feature(name, "capability", text) for name, text in KERNEL_FEATURES.items()]
    planner = [Feature(name, "planner", text) for name, text in PLANNER_FEATURES.items()]
    return (*rewrites, *kernels, *planner)


def feature_switches(disable: Collection[str], enable: Collection[str]) -> dict[str, bool]:
    """Every feature and whether it is on; all are, unless they are disabled.

    Raises
    ------
    LgsimError
        If a name is not that of a feature, or one is both disabled and enabled.
    """
    known = [feature.name for feature in list_features()]
    for name in (*disable, *enable):
        if name not in known:
            from difflib import get_close_matches

            near = get_close_matches(name, known, n=1)
            hint = f"did you mean '{near[0]}'?" if near else "see 'lgsim features'"
            raise LgsimError(f"there is no feature '{name}'", hint=hint)
        if name in disable and name in enable:
            raise LgsimError(f"feature '{name}' is both disabled and enabled")
    return {name: name not in disable for name in known}
