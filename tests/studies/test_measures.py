"""What the papers measure: shares add up, sensitivities obey their law."""

import pytest

from lgsim.graph.builder import GraphBuilder
from lgsim.studies.lab import Lab
from lgsim.studies.measures import (
    ATTENTION,
    FFN,
    elasticity,
    growths,
    kind_share,
    longest_path,
    model_bytes,
    part_times,
    rank_correlation,
    zero_mac_share,
)


@pytest.fixture(scope="module")
def lab() -> Lab:
    return Lab("greedy")


def test_ranks_of_equal_values_are_shared() -> None:
    assert rank_correlation([1, 2, 3], [10, 20, 30]) == pytest.approx(1)
    assert rank_correlation([1, 2, 3], [3, 2, 1]) == pytest.approx(-1)
    assert rank_correlation([1, 1, 2], [5, 5, 9]) == pytest.approx(1)


def test_growths() -> None:
    assert growths({64: 2.0, 256: 8.0, 1024: 128.0}) == {"64 to 256": 4.0, "256 to 1024": 16.0}


def test_bytes_and_longest_path_of_a_small_network() -> None:
    b = GraphBuilder("small")
    x = b.input("x", (1, 4, 8))
    y = b.reshape(b.add(b.relu(x), x), (1, 2, 16))
    b.output(b.permute(y, (0, 2, 1)))
    graph = b.build()
    # ReLU 2 tensors, Add 3, Permute 2, of 32 elements; the reshape moves nothing.
    assert model_bytes(graph) == 7 * 32 * 2
    assert longest_path(graph) == 3


def test_the_parts_of_a_transformer_and_the_rest_make_up_its_time(lab: Lab) -> None:
    run = lab.run("deit_tiny", strategy="none")
    parts = part_times(run)
    inside = sum(part.cycles for part in parts.values())
    assert 0.8 * run.cycles < inside <= run.cycles
    assert 0 < parts[FFN].zero_mac_share < 1
    assert 0 < parts[ATTENTION].zero_mac_share < 1
    assert kind_share(run, ("Softmax",)) < zero_mac_share(run) < 1
    assert kind_share(run, {op.kind for op in run.graph}) == pytest.approx(1)


def test_time_follows_bandwidth_and_clock_together(lab: Lab) -> None:
    # Twice the bandwidth and twice the clock would halve every command: the shares sum to one.
    both = [elasticity(lab, "resnet18", change) for change in ("bandwidth", "peak")]
    assert sum(both) == pytest.approx(1, abs=0.01)


def test_a_lab_simulates_once(lab: Lab) -> None:
    assert lab.run("deit_tiny", strategy="none") is lab.run("deit_tiny", strategy="none")
    assert lab.run("deit_tiny", strategy="none") is not lab.run("deit_tiny", strategy="greedy")


def test_what_a_lab_shares_changes_no_result(lab: Lab) -> None:
    import lgsim

    lab.run("resnet18")
    for disable in ((), ("weight_split",)):
        alone = lgsim.simulate("deit_tiny", strategy="greedy", disable=disable)
        assert lab.run("deit_tiny", disable=disable).cycles == alone.cycles
