"""`ExplanationData`: which ops of a planned network may be local, and what rewrites did to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from lgsim.analysis.group_view import GroupView, group_views
from lgsim.analysis.what_if import WhatIf
from lgsim.graph import Graph
from lgsim.kernels import local_support
from lgsim.kernels.site import Operand, OpSite, site_of
from lgsim.kernels.support import KERNEL_FEATURES, Features, Refusal
from lgsim.op_names import find_name
from lgsim.pipeline import Prepared
from lgsim.planner import Plan
from lgsim.rewrites import RewriteLog
from lgsim.rewrites.log import LoggedOp


@dataclass(frozen=True, slots=True)
class OpVerdict:
    """What the capability check says of one op.

    Attributes
    ----------
    name : str
        Name of the op.
    site : OpSite
        Attributes, operands and results.
    section : int
        Index of its section in the plan.
    refusal : Refusal or None
        Why it may not be local; None if it may.
    """

    name: str
    site: OpSite
    section: int
    refusal: Refusal | None


@dataclass(frozen=True, slots=True)
class RemovedOp:
    """An op a rewrite took away that a feature, which is switched off, would have been needed for.

    Attributes
    ----------
    name : str
        Name it had.
    site : OpSite
        As it stood in the graph, before lowering.
    rewrite : str
        Name of the rewrite that removed it.
    refusal : Refusal
        Why it would not have been local.
    """

    name: str
    site: OpSite
    rewrite: str
    refusal: Refusal


@dataclass(frozen=True, slots=True)
class ExplanationData:
    """All that `lgsim explain` can say of a network.

    Attributes
    ----------
    prepared : Prepared
        The network, the chip, and what prices its groups.
    plan : Plan
        Its sections.
    log : RewriteLog
        What the rewrites did; empty for a network that was read in lowered form.
    ops : tuple of OpVerdict
        One per op, in order.
    removed : tuple of RemovedOp
        Where features that are off would have mattered, had rewrites not removed the op.
    groups : tuple of GroupView
        The layer groups, in order.
    what_if : WhatIf
        Plans the network again with a limit lifted.
    """

    prepared: Prepared
    plan: Plan
    log: RewriteLog
    ops: tuple[OpVerdict, ...]
    removed: tuple[RemovedOp, ...]
    groups: tuple[GroupView, ...]
    what_if: WhatIf

    @property
    def graph(self) -> Graph:
        """The network as planned."""
        return self.prepared.typed

    @property
    def features(self) -> Mapping[str, bool]:
        """What is switched on."""
        return self.prepared.features

    @property
    def kernel_features(self) -> Features:
        """The switches that kernels look at."""
        return self.prepared.evaluator.features

    def verdict(self, name: str) -> OpVerdict | None:
        """The verdict on the op of that name, if it is planned."""
        return next((verdict for verdict in self.ops if verdict.name == name), None)

    def find(self, text: str) -> str:
        """Name of the op that `text` means: the name itself, or a part of one name only.

        Ops that a rewrite removed are found by their name.

        Raises
        ------
        LgsimError
            If no op, or more than one, is meant.
        """
        names = [verdict.name for verdict in self.ops]
        gone = [logged.op.name for event in self.log.events for logged in event.removed]
        if text in gone:
            return text
        return find_name(text, names, hint="--all lists the ops")

    def applied(self, rewrite: str) -> tuple[int, Counter[str], Counter[str]]:
        """How often a rewrite applied, and kinds of the ops it removed and added."""
        events = [event for event in self.log.events if event.rewrite == rewrite]
        removed = Counter(logged.op.kind for event in events for logged in event.removed)
        added = Counter(logged.op.kind for event in events for logged in event.added)
        return sum(event.times for event in events), removed, added


def explanation(prepared: Prepared, plan: Plan, log: RewriteLog) -> ExplanationData:
    """Check every op of a prepared and planned network, and every group."""
    graph, kernel_features = prepared.typed, prepared.evaluator.features
    section = {name: k for k, part in enumerate(plan.sections) for name in part.ops}
    sites = [(op.name, site_of(graph, op)) for op in graph]
    verdicts = tuple(
        OpVerdict(name, site, section[name], local_support(site, kernel_features))
        for name, site in sites
    )
    return ExplanationData(
        prepared,
        plan,
        log,
        verdicts,
        _removed(log, kernel_features),
        group_views(prepared, plan),
        WhatIf(prepared, plan),
    )


def site_of_logged(logged: LoggedOp) -> OpSite:
    """The site of an op that is in the graph no more."""
    operands = tuple(Operand(tensor.type, tensor.weight) for tensor in logged.inputs)
    return OpSite(logged.op.attrs, operands, logged.outputs)


def _removed(log: RewriteLog, features: Features) -> tuple[RemovedOp, ...]:
    found: dict[str, RemovedOp] = {}
    if features == Features():
        return ()
    for event in log.events:
        for logged in event.removed:
            site = site_of_logged(logged)
            refusal = local_support(site, features)
            if refusal is not None and refusal.feature in KERNEL_FEATURES:
                found[logged.op.name] = RemovedOp(logged.op.name, site, event.rewrite, refusal)
        for logged in event.added:
            found.pop(logged.op.name, None)
    return tuple(found.values())
