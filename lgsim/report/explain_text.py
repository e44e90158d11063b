"""The overview of `lgsim explain`: what may be local, what may not and why, what rewrites did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from textwrap import fill

from lgsim.analysis.explanation import ExplanationData, OpVerdict
from lgsim.features import list_features
from lgsim.kernels.support import Refusal
from lgsim.report.explain_groups import groups_text
from lgsim.report.tables import Column, shorten, table

WIDTH = 100
NAME_WIDTH = 60
EXAMPLES = 2


def overview_text(explained: ExplanationData, every: bool) -> str:
    """All paragraphs, separated by blank lines."""
    paragraphs = [
        _head(explained),
        *_switched_off(explained),
        *_refusals(explained),
        *groups_text(explained),
        *_rewrites(explained),
        *_near_misses(explained),
    ]
    if every:
        paragraphs.append(_every_op(explained))
    else:
        paragraphs.append(
            "Every op by itself: --all; everything about one op: lgsim explain NET OP"
        )
    return "\n\n".join(paragraphs)


def kinds_text(kinds: Counter[str]) -> str:
    """36 Slice, 12 Permute."""
    return ", ".join(f"{count} {kind}" for kind, count in kinds.most_common()) or "nothing"


def paragraph(text: str, indent: int = 0, hanging: int = 0) -> str:
    """Text broken into lines."""
    return fill(
        text, WIDTH, initial_indent=" " * indent, subsequent_indent=" " * (indent + hanging)
    )


def _head(explained: ExplanationData) -> str:
    graph, plan = explained.graph, explained.plan
    local = Counter(v.site.kind for v in explained.ops if v.refusal is None)
    refused = Counter(v.site.kind for v in explained.ops if v.refusal is not None)
    lines = [
        f"{graph.name}, {graph.precision}, strategy {plan.strategy}:"
        f" {len(explained.ops)} ops in {len(plan.sections)} sections",
        "",
        paragraph(
            "An op that may be local can join a layer group, whose ops hand their results on in"
            " local memory. One that may not ends every group: it runs alone, from global memory"
            " to global memory."
        ),
        "",
        paragraph(f"may be local   {local.total():5}   {kinds_text(local)}", 2, 24),
        paragraph(f"may not        {refused.total():5}   {kinds_text(refused)}", 2, 24),
    ]
    return "\n".join(lines)


def _switched_off(explained: ExplanationData) -> Iterator[str]:
    """What the capabilities that are off make of this network."""
    for feature in list_features():
        if feature.kind != "capability" or explained.features[feature.name]:
            continue
        lines = [f"Switched off: {feature.name} ({feature.summary})"]
        hit = [v for v in explained.ops if v.refusal and v.refusal.feature == feature.name]
        gone = [r for r in explained.removed if r.refusal.feature == feature.name]
        if hit:
            kinds = kinds_text(Counter(v.site.kind for v in hit))
            lines.append(paragraph(f"refused for it: {kinds}; with it on they may be local", 2))
        for rewrite in dict.fromkeys(r.rewrite for r in gone):
            lines += _removed_lines(explained, feature.name, rewrite)
        if not hit and not gone:
            lines.append("  no op of this network needs it")
        lines.append(f"  to switch it on again: leave out --disable {feature.name}")
        yield "\n".join(lines)


def _removed_lines(explained: ExplanationData, feature: str, rewrite: str) -> list[str]:
    gone = [r for r in explained.removed if (r.refusal.feature, r.rewrite) == (feature, rewrite)]
    kinds = kinds_text(Counter(r.site.kind for r in gone))
    lines = [
        paragraph(
            f"would be refused for it: {kinds}; but rewrite {rewrite} has taken them out of the"
            f" network before it was planned (to keep them: --disable {rewrite})",
            2,
        )
    ]
    lines.append(f"    rule {gone[0].refusal.rule}")
    lines += _examples([(r.name, r.refusal) for r in gone])
    return lines


def _examples(refused: Sequence[tuple[str, Refusal]]) -> list[str]:
    """The first few ops per reason, each with its offending value, limit and remedy."""
    reasons: dict[tuple[str, str], list[tuple[str, Refusal]]] = {}
    for name, refusal in refused:
        reasons.setdefault((refusal.sentence, refusal.lift), []).append((name, refusal))
    lines = []
    for (sentence, lift), ops in reasons.items():
        lines.append(paragraph(sentence, 4, 2))
        values: dict[str, list[str]] = {}
        for name, refusal in ops:
            values.setdefault(refusal.value, []).append(name)
        for value, names in list(values.items())[:EXAMPLES]:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            lines.append(paragraph(f"{shorten(names[0], NAME_WIDTH)}{more}: {value}", 8, 2))
        rest = sum(len(names) for names in list(values.values())[EXAMPLES:])
        if rest:
            lines.append(f"        and {rest} more")
        lines.append(paragraph(f"allowed: {ops[0][1].limit}", 6, 2))
        if lift:
            lines.append(paragraph(f"what would help: {lift}", 6, 2))
    return lines


def _refusals(explained: ExplanationData) -> Iterator[str]:
    """Per rule: how many ops of which kinds, and the first examples of each reason."""
    by_rule: dict[str, list[OpVerdict]] = {}
    for verdict in explained.ops:
        if verdict.refusal is not None:
            by_rule.setdefault(verdict.refusal.rule, []).append(verdict)
    ordered = sorted(by_rule.items(), key=lambda item: (-len(item[1]), item[0]))
    for rule, verdicts in ordered:
        kinds = kinds_text(Counter(v.site.kind for v in verdicts))
        lines = [paragraph(f"Not local by rule {rule}: {kinds}", 0, 2)]
        lines += _examples([(v.name, v.refusal) for v in verdicts if v.refusal is not None])
        yield "\n".join(lines)


def _rewrites(explained: ExplanationData) -> Iterator[str]:
    rows = []
    for feature in list_features():
        times, removed, added = explained.applied(feature.name)
        if times:
            net = Counter(removed), Counter(added)
            net[0].subtract(added)
            net[1].subtract(removed)
            rows.append([feature.name, f"{times}", _net(net[0]), _net(net[1])])
    if rows:
        columns = [
            Column("rewrite", "left"),
            Column("applied"),
            Column("ops less", "left"),
            Column("ops more", "left"),
        ]
        yield "Rewrites that applied\n" + table(columns, rows, indent=2)


def _net(counts: Counter[str]) -> str:
    return kinds_text(+counts) if +counts else "-"


def _near_misses(explained: ExplanationData) -> Iterator[str]:
    obstacles = explained.log.obstacles
    if not obstacles:
        return
    lines = ["Rewrites that nearly applied, and the condition that fails"]
    for obstacle in obstacles:
        places = f" ({len(obstacle.ops)} places)" if len(obstacle.ops) > 1 else ""
        lines.append(paragraph(f"{obstacle.rewrite}: {obstacle.condition}{places}", 2, 2))
        if obstacle.ops:
            lines.append(f"      e.g. {shorten(obstacle.ops[0], NAME_WIDTH)}")
    yield "\n".join(lines)


def _every_op(explained: ExplanationData) -> str:
    rows = [
        [
            f"{v.section}",
            shorten(v.name, NAME_WIDTH),
            v.site.kind,
            "yes" if v.refusal is None else "no",
            "" if v.refusal is None else f"{v.refusal.rule}: {v.refusal.value}",
        ]
        for v in explained.ops
    ]
    columns = [
        Column("section"),
        Column("op", "left"),
        Column("kind", "left"),
        Column("local", "left"),
        Column("rule", "left"),
    ]
    return table(columns, rows)
