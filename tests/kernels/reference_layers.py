"""Global layers and instruction sequences out of recorded command files."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

from lgsim.kernels.schedule import Schedule

COMMANDS = Path(__file__).parents[1] / "data" / "commands"

Row = tuple[str, int]


@cache
def commands(name: str) -> list[dict[str, Any]]:
    with gzip.open(COMMANDS / f"{name}.jsonl.gz", "rt") as lines:
        return [json.loads(line) for line in lines]


def runs(name: str, layer: str) -> list[list[dict[str, Any]]]:
    """Maximal runs of commands of one layer kind, in issue order."""
    found: list[list[dict[str, Any]]] = []
    previous = ""
    for command in commands(name):
        if command["layer"] == layer:
            if previous != layer:
                found.append([])
            found[-1].append(command)
        previous = command["layer"]
    return found


def global_runs(name: str, layer: str) -> list[list[dict[str, Any]]]:
    """Runs that move their own data: global layers."""
    return [run for run in runs(name, layer) if any(c["engine"] == "gdma" for c in run)]


def rows(run: list[dict[str, Any]], engine: str) -> list[Row]:
    """Unit and cycles of the commands of one engine."""
    return [(c["unit"], c["cycles"]) for c in run if c["engine"] == engine]


def schedule_rows(schedule: Schedule) -> tuple[list[Row], list[Row]]:
    """The same of a schedule: GDMA commands, BDC commands."""
    gdma = [(t.unit, t.cycles) for step in schedule for t in step.transfers]
    bdc = [(i.unit, i.cycles) for step in schedule for i in step.instructions]
    return gdma, bdc
