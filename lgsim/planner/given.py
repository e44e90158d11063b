"""Strategy `given`: a plan from outside, held against the network and the chip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lgsim.errors import InfeasibleError, LgsimError
from lgsim.graph import Graph
from lgsim.planner.group import Failure, GroupEvaluator, pattern_of
from lgsim.planner.group.group_type import choose_type, local_failure, type_failure
from lgsim.planner.plan import Plan, Section
from lgsim.target.chip import Chip

NAME = "given"


def given_plan(
    graph: Graph, sections: Sequence[Section], evaluator: GroupEvaluator, where: str
) -> Plan:
    """The plan of these sections, if it is one for this network and this chip.

    Parameters
    ----------
    graph : Graph
        The typed graph, in planning order.
    sections : sequence of Section
        In the order they are to run; a group without a type gets the one it would have.
    evaluator : GroupEvaluator
        Knows the chip, and what is switched on.
    where : str
        Where the plan comes from, for messages.

    Raises
    ------
    LgsimError
        If an op is unknown, missing, listed twice or before one it reads from.
    InfeasibleError
        If a group does not fit the chip; with the rule, and the bytes that are missing.
    """
    check_ops(graph, sections, where)
    return Plan(NAME, tuple(_fitting(graph, each, evaluator, where) for each in sections))


def check_ops(graph: Graph, sections: Sequence[Section], where: str) -> None:
    """LgsimError unless the sections name every op once, none before its operands."""
    done: set[str] = set()
    for section in sections:
        if section.kind == "global" and len(section.ops) != 1:
            raise LgsimError(f"a global layer has {len(section.ops)} ops, not one", where=where)
        for name in section.ops:
            if not graph.has_op(name):
                raise _unknown(graph, sections, name, where)
            if name in done:
                raise LgsimError(f"op '{name}' is planned twice", where=where)
            for tensor in graph.op(name).inputs:
                maker = graph.producer(tensor)
                if maker is not None and maker.name not in done:
                    raise _too_early(name, maker.name, sections, where)
            done.add(name)
    missing = [op.name for op in graph if op.name not in done]
    if missing:
        raise LgsimError(f"{_listed(missing, graph.name)} not in the plan", where=where)


def with_type(graph: Graph, section: Section, chip: Chip) -> Section:
    """The section with a type: a group that has none gets the one its ops suit."""
    if section.kind == "global" or section.type:
        return section
    return replace(section, type=choose_type(pattern_of(graph, section.ops)[0], chip))


def _unknown(graph: Graph, sections: Sequence[Section], name: str, where: str) -> LgsimError:
    from difflib import get_close_matches

    planned = {each for section in sections for each in section.ops}
    known = sum(graph.has_op(each) for each in planned)
    near = get_close_matches(name, [op.name for op in graph], n=1) if known else []
    return LgsimError(
        f"op '{name}' is not in '{graph.name}'",
        where=where,
        limit=f"{known} of {len(planned)} planned ops are",
        hint=f"did you mean '{near[0]}'?" if near else "is it the plan of another network?",
    )


def _too_early(name: str, maker: str, sections: Sequence[Section], where: str) -> LgsimError:
    if all(maker not in section.ops for section in sections):
        return LgsimError(f"op '{maker}' is not in the plan, but '{name}' reads it", where=where)
    return LgsimError(f"'{name}' would run before '{maker}', whose result it reads", where=where)


def _listed(names: Sequence[str], network: str) -> str:
    if len(names) == 1:
        return f"op '{names[0]}' of '{network}' is"
    return f"{len(names)} ops of '{network}' ('{names[0]}', …) are"


def _fitting(graph: Graph, section: Section, evaluator: GroupEvaluator, where: str) -> Section:
    """The section with its type; InfeasibleError if it does not fit."""
    section = with_type(graph, section, evaluator.chip)
    if section.kind == "global" or section.type == "":
        return section
    pattern, _ = pattern_of(graph, section.ops)
    group_type = section.type
    failure = local_failure(pattern, evaluator.features)
    failure = failure or type_failure(pattern, group_type, evaluator.chip)
    if failure is None:
        found = evaluator.evaluate_section(pattern, group_type, section.secs, section.given)
        if not isinstance(found, Failure):
            return section
        failure = found
    missing = failure.missing_bytes
    raise InfeasibleError(
        f"group '{section.name}' does not fit: {failure.detail}",
        where=where,
        limit=f"rule '{failure.rule}'"
        + (f", op '{section.ops[failure.member]}'" if failure.member >= 0 else "")
        + (f", {missing:,} bytes per lane too many" if missing else ""),
    )
