"""The timeline picture: what it draws, that it repeats, and how it refuses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from toy_schedule import toy_run

from lgsim.errors import LgsimError
from lgsim.report.density import category_share, state_shares, time_edges
from lgsim.report.gantt import find_window, gantt_figure, plot_gantt
from lgsim.report.gantt_rows import set_apart
from lgsim.report.palette import CATEGORY_COLORS, STATE_COLORS, TEXT_ON
from lgsim.simulator.program import Category
from lgsim.simulator.timeline import State


@pytest.mark.parametrize("pixels", [7, 100, 5000])
def test_shares_integrate_to_the_exact_cycles(pixels: int) -> None:
    timeline = toy_run().timeline
    edges = time_edges(timeline, 0, timeline.total_cycles, pixels)
    widths = np.diff(edges)
    for kind, cycles in timeline.category_cycles().items():
        assert (category_share(timeline, kind, edges) * widths).sum() == pytest.approx(cycles)
    shares = state_shares(timeline, edges)
    for state, cycles in timeline.state_cycles().items():
        assert (shares[state] * widths).sum() == pytest.approx(cycles)
    assert sum(shares.values()) == pytest.approx(np.ones(len(widths)))


def test_long_commands_keep_their_exact_ends() -> None:
    timeline = toy_run().timeline
    edges = time_edges(timeline, 0, 1440, 100)
    assert set(timeline.start.tolist()) <= set(edges.tolist())
    compute = category_share(timeline, Category.COMPUTE, edges)
    assert set(np.unique(compute.round(9)).tolist()) == {0.0, 1.0}


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_equal_runs_give_equal_files(tmp_path: Path, suffix: str) -> None:
    paths = [tmp_path / f"{name}.{suffix}" for name in "ab"]
    for path in paths:
        plot_gantt(toy_run(), path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert len(paths[0].read_bytes()) > 1000


def test_the_picture_says_what_it_shows() -> None:
    figure = gantt_figure(toy_run())
    texts = " | ".join(text.get_text() for text in figure.texts)
    for words in ("toy: 0.001 ms", "bm1684x", "f16", "none", "cmodel", "all 1,440 cycles"):
        assert words in texts
    rows = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert rows == ["sections", "GDMA", "BDC (TIU)", "overlap"]
    notes = [text.get_text() for text in figure.axes[0].texts]
    for percent in ("97.2 %", "33.3 %", "30.6 %"):
        assert percent in notes
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend[:4] == ["load activation", "load weight", "store", "compute"]


def test_windows() -> None:
    run = toy_run()
    assert find_window(run, None, None) == (0, 1440)
    assert find_window(run, "conv2", None) == (720, 1440)
    assert find_window(run, None, (100, 9999)) == (100, 1440)
    with pytest.raises(LgsimError, match="did you mean 'conv2'"):
        find_window(run, "conv3", None)
    with pytest.raises(LgsimError, match="takes no time"):
        find_window(run, "reshape", None)
    with pytest.raises(LgsimError, match="the run has cycles 0 to 1,440"):
        find_window(run, None, (2000, 3000))


def test_zooming_names_the_commands() -> None:
    figure = gantt_figure(toy_run(), focus="conv1")
    notes = [text.get_text() for text in figure.axes[0].texts]
    assert notes.count("conv") == 2
    assert notes.count("store") == 2
    assert "cycles 0 to 720 (0.7 µs), 'conv1'" in " ".join(text.get_text() for text in figure.texts)


def test_numbers_of_short_sections_do_not_cover_each_other() -> None:
    assert set_apart([10, 50], 4, 100) == [10, 50]
    assert set_apart([10, 11, 50], 4, 100) == [10, 14, 50]
    assert set_apart([10, 97, 98, 99], 4, 100) == [10, 90, 94, 98]


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LgsimError, match=r"\.png, \.svg, \.pdf"):
        plot_gantt(toy_run(), tmp_path / "picture.jpg")
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_place_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(LgsimError, match="cannot write"):
        plot_gantt(toy_run(), tmp_path / "nowhere" / "picture.png")


def test_nothing_to_draw_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LgsimError, match="nothing to draw"):
        plot_gantt(toy_run([]), tmp_path / "picture.png")


def test_everything_has_a_colour() -> None:
    assert set(CATEGORY_COLORS) == set(TEXT_ON) == set(Category)
    assert set(STATE_COLORS) == set(State)
    assert len(set(CATEGORY_COLORS.values())) == len(Category)


def test_simulating_loads_nothing_heavy() -> None:
    code = (
        "import sys, lgsim.simulator.check, lgsim.report.summary, lgsim.report.gantt, "
        "lgsim.report.trace\n"
        "print([m for m in ('matplotlib', 'pydantic', 'networkx', 'onnx') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
