"""Recorded commands laid beside a program of the same plan: every difference is found, op by op."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from lgsim.analysis.validation import PlanComparison
from lgsim.answers.run import Run
from lgsim.api import simulate
from lgsim.errors import LgsimError
from lgsim.frontends.command_file import RecordedCommand, read_commands
from lgsim.report.op_differences import differences_json, differences_text
from lgsim.simulator.against import NOBODY, UnitCount, against_record

DATA = Path(__file__).resolve().parents[1] / "data"


@cache
def run_of(case: str) -> Run:
    """The vendor's plan with its time steps."""
    net, plan = DATA / "ir" / f"{case}.mlir.gz", DATA / "plans" / f"{case}.json.gz"
    return simulate(net, plan=plan, vendor_steps=True)


@cache
def record_of(case: str) -> Sequence[RecordedCommand]:
    return read_commands(DATA / "commands" / f"{case}.jsonl.gz")


def test_resnet18_agrees_in_every_command() -> None:
    """36 ops: units, counts and cycles."""
    rows = against_record(run_of("resnet18_f16").program, record_of("resnet18_f16"), "record")
    assert [row.name for row in rows if not row.exact] == []
    assert sum(count.commands for row in rows for count in row.recorded.values()) == len(
        record_of("resnet18_f16")
    )


def test_swin_agrees_in_nine_ops_of_ten() -> None:
    rows = against_record(run_of("swin_t_f16").program, record_of("swin_t_f16"), "record")
    assert sum(row.exact for row in rows) >= 0.9 * len(rows)


def test_a_changed_command_shows_at_its_op() -> None:
    """One convolution takes longer, one addition has a command more, one load another size."""
    record = list(record_of("resnet18_f16"))
    conv = next(k for k, c in enumerate(record) if c.unit == "CONV" and c.layer == "Conv2D")
    added = next(k for k, c in enumerate(record) if c.layer == "Add")
    load = next(k for k, c in enumerate(record) if c.layer == "Load")
    record[conv] = replace(record[conv], cycles=record[conv].cycles + 100)
    record[load] = replace(record[load], nbytes=3)
    record.insert(added, record[added])
    rows = {
        row.name: row
        for row in against_record(run_of("resnet18_f16").program, record, "record")
        if not row.exact
    }
    (first,) = (row for row in rows.values() if row.kind == "Conv2D" and "CONV" in row.recorded)
    assert first.recorded["CONV"].cycles == first.own["CONV"].cycles + 100
    (extra,) = (row for row in rows.values() if row.kind == "Add")
    assert extra.recorded["AR"].commands == extra.own["AR"].commands + 1
    assert rows[NOBODY].recorded["GDMA_TENSOR"] == UnitCount(1, record[load].cycles)
    assert rows[NOBODY].error_cycles == -record[load].cycles


def test_the_record_of_another_network_is_refused() -> None:
    with pytest.raises(LgsimError, match="commands belong to ops of this plan"):
        against_record(run_of("resnet18_f16").program, record_of("swin_t_f16"), "record")


def test_text_and_json() -> None:
    """Totals first, then the worst ops; all ops in the JSON."""
    run = run_of("swin_t_f16")
    rows = against_record(run.program, record_of("swin_t_f16"), "record")
    result = PlanComparison(2_958_470, run.cycles, rows)
    text = differences_text(result, top=3)
    assert text.startswith("recorded   2,958,470 cycles\n")
    assert "worst 3 of" in text
    assert len(differences_json(result)["ops"]) == len(rows)
    worst = max(
        rows, key=lambda row: max((abs(b.cycles - a.cycles) for _, a, b in row.units()), default=0)
    )
    assert worst.kind in text
