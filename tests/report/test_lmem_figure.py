"""The picture of local memory: every buffer at its place, labelled as far as there is room."""

from __future__ import annotations

import pytest
from small_runs import convolutions

import lgsim
from lgsim.answers.run import Run
from lgsim.errors import LgsimError
from lgsim.report.lmem_figure import lmem_figure
from lgsim.report.lmem_view import LmemView, lmem_boxes, lmem_view, peak_bytes


@pytest.fixture(scope="module")
def run() -> Run:
    return lgsim.simulate(convolutions(3, channels=128), strategy="greedy")


@pytest.fixture(scope="module")
def view(run: Run) -> LmemView:
    return lmem_view(run)


def test_boxes_lie_inside_a_lane_and_apart(view: LmemView) -> None:
    boxes = lmem_boxes(view)
    steps = max(box.after_step for box in boxes)
    used = [0] * steps
    for box in boxes:
        assert 0 <= box.address <= box.address + box.nbytes <= view.chip.lmem_bytes
        for step in range(box.first_step, box.after_step):
            used[step] += box.nbytes
    assert max(used) >= peak_bytes(view)


def test_a_group_is_found_by_a_part_of_a_name(run: Run) -> None:
    assert "c1" in lmem_view(run, "c1").section.ops
    with pytest.raises(LgsimError, match="there is no op 'softmax'"):
        lmem_view(run, "softmax")


def test_labels_end_in_kib_and_thin_buffers_are_labelled_above(view: LmemView) -> None:
    texts = [text for axes in lmem_figure(view).axes for text in axes.texts]
    assert texts
    for text in texts:
        float(text.get_text().split()[-1].replace(",", ""))
    assert {text.get_va() for text in texts} == {"bottom", "center"}
