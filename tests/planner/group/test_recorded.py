"""Groups that run as a finished plan says: its time steps, and every buffer where it was."""

from __future__ import annotations

import gzip
import json
from math import prod
from pathlib import Path
from typing import Any

import pytest

import lgsim
from lgsim.answers.run import Run
from lgsim.frontends.plans import read_plan
from lgsim.frontends.vendor_plan import STORE, VendorPlan
from lgsim.graph.ops import Conv
from lgsim.simulator.lifetimes import section_peaks
from lgsim.simulator.program import Category

DATA = Path(__file__).resolve().parents[2] / "data"


def run_of(folder: Path, case: str) -> Run:
    net, plan = folder / "ir" / f"{case}.mlir.gz", folder / "plans" / f"{case}.json.gz"
    return lgsim.simulate(net, plan=plan, vendor_steps=True)


@pytest.mark.parametrize("case", ["resnet18_f16", "swin_t_f16", "unet512_f16"])
def test_buffers_lie_where_they_were(case: str) -> None:
    """Every buffer of every group is touched at its recorded address, and no rule is broken."""
    run = run_of(DATA, case)
    plan = read_plan(DATA / "plans" / f"{case}.json.gz")
    assert isinstance(plan, VendorPlan)
    spans, program = run.program.spans, run.program
    groups = [n for n, section in enumerate(program.sections) if section.kind == "group"]
    for number, group in zip(groups, plan.groups, strict=True):
        inside = program.section[spans.command] == number
        touched = set(spans.address[inside].tolist())
        assert {op.address for op in group.ops if op.kind != STORE} <= touched
        assert {op.buffer_address for op in group.computes if op.buffer_bytes} <= touched
    assert run.check() == []
    assert run.warnings == ()
    assert section_peaks(run.timeline).max() <= run.chip.lmem_bytes


def test_addresses_tell_what_is_done_to_save_memory(reference: Path) -> None:
    """Sums in place; one group loads its constants again, since others take their place."""
    run = run_of(reference, "resnet50_1080p_f16")
    assert run.check() == []
    program = run.program
    loads = program.section[program.category == Category.LOAD_WEIGHT].tolist()
    groups = [n for n, section in enumerate(program.sections) if section.kind == "group"]
    for number in groups:
        section = program.sections[number]
        constants = 2 * sum(isinstance(run.graph.op(name).attrs, Conv) for name in section.ops)
        again = prod(section.secs) if number == groups[6] else 1
        assert loads.count(number) == constants * again


@pytest.mark.parametrize(
    ("case", "cycles"),
    [
        ("resnet50_b8_f16", 4_865_030),
        ("unet512_int8", 5_979_827),
        ("yolov5s_f16", 3_353_643),
        ("yolov5s_f32", 10_648_652),
    ],
)
def test_the_same_transfers_move_across_borders(reference: Path, case: str, cycles: int) -> None:
    """To the recorded cycle: loads and stores run in the neighbour's steps that they ran in."""
    run = run_of(reference, case)
    assert run.cycles == cycles
    assert run.check() == []


def test_look_ups_are_slow_where_they_were(reference: Path) -> None:
    """Where operand and result share a bank: 1.6 % of this network."""
    run = run_of(reference, "yolov5s_1080p_int8")
    assert abs(run.cycles / 8_905_573 - 1) <= 1e-4


def test_a_plan_without_addresses_gets_lgsims_own(tmp_path: Path) -> None:
    """With a warning; the time steps are kept."""

    def left_out(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: left_out(each) for key, each in value.items() if key != "addr"}
        return [left_out(each) for each in value] if isinstance(value, list) else value

    case = "resnet18_f16"
    with gzip.open(DATA / "plans" / f"{case}.json.gz", "rt") as file:
        document = left_out(json.load(file))
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    run = lgsim.simulate(DATA / "ir" / f"{case}.mlir.gz", plan=path, vendor_steps=True)
    assert run.warnings == ("the plan has no addresses for 2 of 2 groups: found anew",)
    assert run.cycles == run_of(DATA, case).cycles
    assert run.check() == []
