"""What `lgsim ablate` prints: what each feature is worth alone, and in its turn."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import fill
from typing import Any

from lgsim.analysis.ablation import AblationData, Hidden, Part
from lgsim.report.result_json import SCHEMA
from lgsim.report.tables import Column, table

_WIDTH = 100


def ablation_text(ablation: AblationData) -> str:
    """Headline, table, how to read it, and what has no effect.

    Returns
    -------
    str
        Plain text without a final line break.
    """
    blocks = [_head(ablation)]
    if ablation.effective:
        blocks += [ablation_table(ablation), _how_to_read()]
    blocks += [fill(text, _WIDTH, subsequent_indent="  ") for text in _notes(ablation)]
    return "\n\n".join(blocks)


def _head(ablation: AblationData) -> str:
    full, none = ablation.full_cycles, ablation.none_cycles
    ratio = f"{none / full:.3f} x as long" if full else "-"
    on, off = (f"{ablation.milliseconds(cycles):,.3f} ms" for cycles in (full, none))
    width = max(len(on), len(off))
    lines = [
        f"model      {ablation.model}",
        f"chip       {ablation.target}, {ablation.precision}, timing profile {ablation.timing}",
        f"strategy   {ablation.strategy}",
        f"all on     {on:>{width}} ({full:,} cycles)",
        f"all off    {off:>{width}} ({none:,} cycles), {ratio}",
    ]
    return "\n".join(lines)


def ablation_table(ablation: AblationData) -> str:
    """A line per part that makes a difference, in the order in which they are switched on."""
    columns = [
        Column("feature", "left"),
        Column("kind", "left"),
        Column("applied"),
        Column("off alone, ms"),
        Column("share"),
        Column("on in turn, ms"),
        Column("then ms"),
    ]
    rows = [["(all off)", "", "", "", "", "", _ms(ablation, ablation.none_cycles)]]
    for part in ablation.effective:
        lost = part.without_cycles - ablation.full_cycles
        rows.append(
            [
                part.name,
                part.kind,
                "" if part.applied is None else f"{part.applied:,}",
                _change(ablation, lost),
                f"{100 * lost / ablation.full_cycles:+.1f} %" if lost else "",
                _change(ablation, part.to_cycles - part.from_cycles),
                _ms(ablation, part.to_cycles),
            ]
        )
    return table(columns, rows)


def _ms(ablation: AblationData, cycles: int) -> str:
    return f"{ablation.milliseconds(cycles):,.3f}"


def _change(ablation: AblationData, cycles: int) -> str:
    return f"{ablation.milliseconds(cycles):+,.3f}" if cycles else "0"


def _how_to_read() -> str:
    return "\n".join(
        [
            "off alone   the network with only this feature off, against all on",
            "on in turn  switched on after those above it, beginning with all off; these add up",
        ]
    )


def _notes(ablation: AblationData) -> Iterator[str]:
    for hidden in ablation.hidden:
        yield _hidden_text(ablation, hidden)
    idle = [part for part in ablation.parts if part not in ablation.effective]
    if idle:
        yield f"Worth nothing here, alone as in turn: {', '.join(map(_idle_name, idle))}."


def _hidden_text(ablation: AblationData, hidden: Hidden) -> str:
    gain = hidden.without_cycles - hidden.with_cycles
    return (
        f"{hidden.feature} hides behind {hidden.rewrite}, which takes {hidden.count}"
        f" {hidden.kind} ops out of the network before it is planned. With {hidden.rewrite} off it"
        f" is worth {_ms(ablation, gain)} ms ({_ms(ablation, hidden.with_cycles)} instead of"
        f" {_ms(ablation, hidden.without_cycles)} ms)."
    )


def _idle_name(part: Part) -> str:
    if part.applied is None:
        return part.name
    return f"{part.name} (applied {part.applied:,} time{'' if part.applied == 1 else 's'})"


def ablation_json(ablation: AblationData) -> dict[str, Any]:
    """The keys of `lgsim ablate --json`.

    Returns
    -------
    dict
        ``without`` has the cycles with one part off; ``in_turn`` those after each part has been
        switched on, beginning with all off (``none``).
    """
    return {
        "schema": SCHEMA,
        "model": ablation.model,
        "target": ablation.target,
        "precision": ablation.precision,
        "strategy": ablation.strategy,
        "timing": ablation.timing,
        "full": ablation.full_cycles,
        "none": ablation.none_cycles,
        "without": {part.name: part.without_cycles for part in ablation.parts},
        "in_turn": [{"feature": part.name, "cycles": part.to_cycles} for part in ablation.parts],
        "hidden": [
            {
                "feature": hidden.feature,
                "rewrite": hidden.rewrite,
                "with": hidden.with_cycles,
                "without": hidden.without_cycles,
            }
            for hidden in ablation.hidden
        ],
    }
