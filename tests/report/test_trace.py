"""The Chrome trace: its form, its order, and that events nest."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from toy_schedule import toy_run

from lgsim.errors import LgsimError
from lgsim.report.trace import microseconds, trace_json, write_trace

Event = dict[str, Any]


def events(phase: str, **settings: Any) -> list[Event]:
    trace = trace_json(replace(toy_run(), **settings))
    return [event for event in trace["traceEvents"] if event["ph"] == phase]


def test_tracks_have_names_and_a_fixed_order() -> None:
    names = {
        event["args"]["name"]: event["tid"]
        for event in events("M")
        if event["name"] == "thread_name"
    }
    order = {
        event["tid"]: event["args"]["sort_index"]
        for event in events("M")
        if event["name"] == "thread_sort_index"
    }
    tracks = [names[name] for name in ("Sections", "GDMA", "BDC (TIU)")]
    assert [order[track] for track in tracks] == sorted(order.values())


@pytest.mark.parametrize("clock_mhz", [1000, 950, 333])
def test_events_are_sorted_and_nest_strictly(clock_mhz: int) -> None:
    found = events("X", clock_mhz=clock_mhz)
    assert [event["ts"] for event in found] == sorted(event["ts"] for event in found)
    for track in {event["tid"] for event in found}:
        mine = [event for event in found if event["tid"] == track]
        for before, after in pairwise(mine):
            # In nanoseconds, as Perfetto reads them.
            assert int(before["ts"] * 1e3) + int(before["dur"] * 1e3) <= int(after["ts"] * 1e3)


def test_a_reader_that_cuts_off_gets_the_same_nanosecond() -> None:
    late = [1_000_001, 4_035_571, 33_554_433, 10**9 + 7, 2**40 + 1]
    assert int(1.001 * 1000) == 1000  # what would go wrong
    for nanoseconds in [*range(20_000), *late]:
        value = microseconds(nanoseconds)
        assert int(value * 1000) == round(value * 1000) == nanoseconds


def test_commands_keep_their_exact_cycles() -> None:
    run = toy_run()
    commands = [event for event in events("X") if "command" in event["args"]]
    assert len(commands) == run.program.size
    for event in commands:
        number = event["args"]["command"]
        assert event["args"]["start_cycle"] == int(run.timeline.start[number])
        assert event["args"]["cycles"] == int(run.program.cycles[number])
        assert event["ts"] == event["args"]["start_cycle"] / 1000
    first = next(event for event in commands if event["args"]["command"] == 0)
    assert first["name"] == "load weight"
    assert first["cat"] == "load_weight"
    assert first["args"]["bytes"] == 8192


def test_counters_return_to_zero() -> None:
    counters = events("C")
    rates = [event for event in counters if event["name"] == "DDR GB/s"]
    assert rates[0]["args"] == {"load": 40.96, "store": 0}
    assert rates[-1]["args"] == {"load": 0, "store": 0}
    live = [event["args"]["live"] for event in counters if event["name"] == "LMEM bytes per lane"]
    assert max(live) == 320
    assert live[-1] == 0


def test_totals_travel_along() -> None:
    other = trace_json(toy_run())["otherData"]
    assert other["cycles"] == 1440
    assert other["overlap_cycles"] == 440
    assert other["timing"] == "cmodel"


def test_files_are_equal_from_run_to_run(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.json.gz", "b.json.gz", "c.json")]
    for path in paths:
        write_trace(toy_run(), path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert gzip.decompress(paths[0].read_bytes()) == paths[2].read_bytes()
    assert json.loads(paths[2].read_text("utf-8"))["traceEvents"]


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LgsimError, match=r"\.json or \.json\.gz"):
        write_trace(toy_run(), tmp_path / "trace.txt")
