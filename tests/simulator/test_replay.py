"""Recorded programs: the engines are exact with their cycles, the laws nearly so."""

import gzip
import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from lgsim.errors import LgsimError
from lgsim.frontends.command_file import RecordedCommand, read_commands
from lgsim.report.accuracy import laws_chapter, laws_json, laws_text, merged_rows
from lgsim.simulator.recorded import law_cycles
from lgsim.simulator.replay import ReplayResult, program_order, replay_file, replay_files
from lgsim.target import load_target
from lgsim.target.chip import Chip

FOLDER = Path(__file__).parents[1] / "data" / "commands"
TOTALS: dict[str, int] = json.loads((FOLDER / "totals.json").read_text())
CHIP = load_target("bm1684x").chip("cmodel")

# Two runs of the vendor's compiler differ: its commands take 48 cycles less than its total.
OTHER_RUN = {"efficientvit_m0_int8": -48}


@cache
def results() -> tuple[ReplayResult, ...]:
    """All recorded programs that come with the tests, replayed once."""
    return tuple(replay_files([FOLDER], CHIP))


def test_the_engines_reproduce_the_totals_exactly() -> None:
    replayed = {result.name: result.recorded_total_cycles for result in results()}
    assert replayed == {name: TOTALS[name] + OTHER_RUN.get(name, 0) for name in TOTALS}


def test_the_laws_reproduce_the_totals_within_two_percent() -> None:
    assert max(abs(result.total_error) for result in results()) < 0.001


def test_the_laws_hold_on_nearly_all_commands() -> None:
    commands = sum(result.commands for result in results())
    assert commands > 25_000
    assert sum(result.within for result in results()) >= 0.98 * commands
    for row in merged_rows(results()):
        assert row.within >= 0.9 * row.commands, (row.unit, row.dtype)
        if row.unit in ("CONV", "MM2", "MM", "PorD", "SFU", "RQDQ", "LANE_COPY", "LANE_BC", "SG"):
            assert row.exact == row.commands, (row.unit, row.dtype)


def reference_files(folder: Path, initial: str = "") -> list[Path]:
    """Command files of the reference figures whose names start with `initial`."""
    return sorted((folder / "commands").glob(f"{initial}*.jsonl.gz"))


INITIALS = ("b", "c", "d", "e", "r", "s", "u", "y")


@pytest.mark.parametrize("initial", INITIALS)
def test_all_reference_programs(reference: Path, initial: str) -> None:
    replayed = replay_files(reference_files(reference, initial), CHIP)
    assert replayed
    for result in replayed:
        with gzip.open(reference / "plans" / f"{result.name}.json.gz") as file:
            total = json.load(file)["cycles"] + OTHER_RUN.get(result.name, 0)
        assert result.recorded_total_cycles == total, result.name
        assert abs(result.total_error) < 0.001, result.name
    commands = sum(result.commands for result in replayed)
    assert sum(result.within for result in replayed) >= 0.97 * commands


def test_no_reference_program_is_left_out(reference: Path) -> None:
    chosen = [file for initial in INITIALS for file in reference_files(reference, initial)]
    assert chosen == reference_files(reference)


def test_a_command_stands_behind_the_one_it_waits_for() -> None:
    commands = read_commands(FOLDER / "resnet18_int8.jsonl.gz")
    scrambled = [c for c in commands if c.engine == "bdc"]
    scrambled += [c for c in commands if c.engine == "gdma"]
    order, wait = program_order(scrambled)
    assert sorted(order) == list(range(len(commands)))
    for position, index in enumerate(order):
        assert wait[position] < position
        command = scrambled[index]
        if wait[position] >= 0:
            waited = scrambled[order[wait[position]]]
            assert waited.engine != command.engine
            assert waited.id == command.wait_id
        else:
            assert command.wait_id == 0


def _pair() -> tuple[RecordedCommand, RecordedCommand]:
    """One command of each engine."""
    commands = read_commands(FOLDER / "resnet18_int8.jsonl.gz")
    gdma = next(command for command in commands if command.engine == "gdma")
    bdc = next(command for command in commands if command.engine == "bdc")
    return gdma, bdc


def test_engines_that_wait_for_each_other_are_reported() -> None:
    gdma, bdc = _pair()
    with pytest.raises(LgsimError, match="f: the engines wait for each other in a circle"):
        program_order([replace(gdma, id=1, wait_id=1), replace(bdc, id=1, wait_id=1)], where="f")


def test_waiting_for_an_unrecorded_command_means_the_last_before_it() -> None:
    gdma, bdc = _pair()
    first, third = replace(gdma, id=1, wait_id=0), replace(gdma, id=3, wait_id=0)
    order, wait = program_order([first, third, replace(bdc, id=1, wait_id=2)])
    assert wait[order.index(2)] == order.index(0)


def test_a_command_without_a_law_is_reported() -> None:
    _, bdc = _pair()
    with pytest.raises(LgsimError, match=r"no timing law for 'vc\.mul'"):
        law_cycles(CHIP, [replace(bdc, op="vc.mul")])


def test_a_slower_chip_takes_longer() -> None:
    path = FOLDER / "resnet18_f16.jsonl.gz"
    slow = load_target("bm1684x", {"gdma.load_gbps": "29"}).chip()
    assert replay_file(path, slow).law_total_cycles > 1.4 * TOTALS["resnet18_f16"]


def test_a_folder_without_command_files(tmp_path: Path, chip: Chip) -> None:
    with pytest.raises(LgsimError, match="holds no command files"):
        replay_files([tmp_path], chip)


def test_tables_add_up() -> None:
    summary = laws_json(results())
    assert summary["commands"] == sum(row["commands"] for row in summary["rows"])
    assert summary["within"] == sum(file["within"] for file in summary["files"])
    text, chapter = laws_text(results()), laws_chapter(results())
    for name in TOTALS:
        assert name in text
        assert f"| {name} |" in chapter
    assert "MM2" in text
    assert "- **AR.**" in chapter
    assert json.dumps(summary, sort_keys=True) == json.dumps(laws_json(results()), sort_keys=True)
