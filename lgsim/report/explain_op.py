"""Everything about one op for `lgsim explain NET OP`."""

from __future__ import annotations

from lgsim.analysis.explanation import ExplanationData, OpVerdict, site_of_logged
from lgsim.graph.core import TensorType
from lgsim.kernels import kernel_of, local_support, splittable
from lgsim.kernels.site import OpSite
from lgsim.kernels.support import AXES, TOO_MANY_DIMS, GroupType, Refusal, shape_text
from lgsim.report.explain_groups import group_lines
from lgsim.report.explain_text import paragraph
from lgsim.rewrites.log import Event

GROUP_TYPES: tuple[GroupType, ...] = ("NORMAL", "3D", "MM", "SMALL_C")


def op_text(explained: ExplanationData, name: str) -> str:
    """Shapes, checks, axes and history of the op called `name`, planned or removed."""
    verdict = explained.verdict(name)
    if verdict is not None:
        lines = [f"{name} ({verdict.site.kind})", *_place(explained, verdict)]
        lines += _facts(verdict.site, verdict.refusal)
        lines += _neighbours(explained, name)
    else:
        site = _removed_site(explained, name)
        refusal = local_support(site, explained.kernel_features)
        lines = [f"{name} ({site.kind}), not in the network as planned; before lowering it was"]
        lines += _facts(site, refusal)
    lines += _history(explained, name)
    heir = explained.verdict(_heir(explained, name))
    if heir is not None and explained.plan.sections[heir.section].kind == "group":
        lines += _group(explained, heir)
    return "\n".join(lines)


def _place(explained: ExplanationData, verdict: OpVerdict) -> list[str]:
    section = explained.plan.sections[verdict.section]
    what = "a global layer" if section.kind == "global" else f"a layer group of {len(section.ops)}"
    text = f"section    {verdict.section} of {len(explained.plan.sections)}: {what}"
    return [paragraph(f"{text}; {section.reason}" if section.reason else text, 2, 11)]


def _heir(explained: ExplanationData, name: str) -> str:
    """What an op is called in the network as planned, after rewrites put others in its place."""
    for event in explained.log.events:
        if any(logged.op.name == name for logged in event.removed):
            name = _successor(event, name) or name
    return name


def _group(explained: ExplanationData, verdict: OpVerdict) -> list[str]:
    """The group an op is in."""
    lines = ["", f"the group of {verdict.name} (section {verdict.section})"]
    for title, text in group_lines(explained, verdict.section):
        lines.append(paragraph(f"{title:<10} {text}", 2, 11))
    return lines


def _facts(site: OpSite, refusal: Refusal | None) -> list[str]:
    lines = [paragraph(f"attributes {site.attrs}", 2, 11)]
    inputs = [
        _type(operand.type) + (" constant" if operand.weight else "") for operand in site.inputs
    ]
    lines.append(paragraph(f"operands   {'; '.join(inputs) or 'none'}", 2, 11))
    lines.append(paragraph(f"results    {'; '.join(map(_type, site.outputs))}", 2, 11))
    lines.append(f"  local      {'yes' if refusal is None else 'no'}")
    lines += _checks(site, refusal)
    if refusal is None:
        lines += _splits(site)
    return lines


def _checks(site: OpSite, refusal: Refusal | None) -> list[str]:
    lines = []
    for rule in (*kernel_of(type(site.attrs)).rules, TOO_MANY_DIMS):
        if refusal is not None and rule.name == refusal.rule:
            lines.append(paragraph(f"  failed   {rule.name}: {rule.sentence}", 2, 11))
            lines.append(paragraph(f"{refusal.sentence}", 13))
            lines.append(paragraph(f"here: {refusal.value}", 13, 2))
            lines.append(paragraph(f"allowed: {refusal.limit}", 13, 2))
            lines.append(paragraph(f"what would help: {refusal.lift or 'nothing known'}", 13, 2))
            break
        lines.append(paragraph(f"  passed   {rule.name}: {rule.sentence}", 2, 11))
    return lines


def _splits(site: OpSite) -> list[str]:
    texts = []
    for group_type in GROUP_TYPES:
        axes = [axis for axis in AXES if splittable(site, axis, group_type)]
        texts.append(f"{group_type}: {', '.join(axes) or 'none'}")
    return [paragraph(f"slices     along {'; '.join(texts)}", 2, 11)]


def _neighbours(explained: ExplanationData, name: str) -> list[str]:
    graph = explained.graph
    op = graph.op(name)
    lines: list[str] = []
    producers = [graph.producer(tensor) for tensor in op.inputs]
    lines += [f"  reads      {_short(explained, p.name)}" for p in producers if p is not None]
    readers = [reader for tensor in op.outputs for reader in graph.consumers(tensor)]
    lines += [f"  read by    {_short(explained, reader.name)}" for reader in readers]
    return lines


def _short(explained: ExplanationData, name: str) -> str:
    verdict = explained.verdict(name)
    assert verdict is not None
    local = "" if verdict.refusal is None else ", not local"
    return f"{name} ({verdict.site.kind}{local})"


def _history(explained: ExplanationData, name: str) -> list[str]:
    """Which rewrites added, changed and removed an op, in order, and which nearly did."""
    lines = []
    for event in explained.log.events:
        for verb, names in (
            ("added", [logged.op.name for logged in event.added]),
            ("changed", event.changed),
            ("removed", [logged.op.name for logged in event.removed]),
        ):
            if name in names:
                successor = _successor(event, name) if verb == "removed" else None
                now = f"; in its place: {successor}" if successor else ""
                lines.append(f"  rewritten  {verb} by {event.rewrite}{now}")
    nearly = [obstacle for obstacle in explained.log.obstacles if name in obstacle.ops]
    lines += [paragraph(f"nearly     {o.rewrite}, but {o.condition}", 2, 11) for o in nearly]
    return lines


def _successor(event: Event, name: str) -> str | None:
    """The op that took the name over: names that are taken get a number (Graph.unique_name)."""
    heirs = [e.op.name for e in event.added if e.op.name.rpartition("_")[0] == name]
    return heirs[0] if len(heirs) == 1 else None


def _removed_site(explained: ExplanationData, name: str) -> OpSite:
    """The op as it last stood in the graph."""
    return next(
        site_of_logged(logged)
        for event in reversed(explained.log.events)
        for logged in event.removed
        if logged.op.name == name
    )


def _type(type_: TensorType) -> str:
    return f"{shape_text(type_.shape)} {type_.dtype.value}"
