"""What the search of long runs expects of intervals that are not priced."""

from __future__ import annotations

import numpy as np

from lgsim.planner.experience import PARTS, UNKNOWN, Experience

BOUNDS = np.full((5, 5), 1000, dtype=np.int64)


def test_no_share_of_the_excess_leaves_the_bounds() -> None:
    """The last search of a run is the exact one."""
    assert (Experience([1] * 4).estimates(BOUNDS, 0) == BOUNDS).all()


def test_the_most_similar_interval_is_the_teacher() -> None:
    """[0, 3) is 20 % above its bound, [3, 4) not at all."""
    experience = Experience([1] * 4)
    experience.learn(0, 3, 1000, 1200)
    experience.learn(3, 4, 1000, 1000)
    expected = experience.estimates(BOUNDS, PARTS)
    assert expected[3, 0] == expected[2, 0] == expected[4, 0] == 1000 + 1000 * 204 // PARTS
    assert expected[4, 3] == 1000
    fresh = Experience([1] * 4).estimates(BOUNDS, PARTS)
    assert (fresh == 1000 + 1000 * UNKNOWN // PARTS).all()


def test_heavy_ops_count_more() -> None:
    """An interval is like the one with which it shares the op that takes long."""
    experience = Experience([1, 1, 100, 1])
    experience.learn(0, 2, 1000, 3000)
    experience.learn(2, 4, 1000, 1000)
    assert experience.estimates(BOUNDS, PARTS)[3, 0] == 1000


def test_doubt_goes_to_what_is_different() -> None:
    """With less of the excess, unlike intervals become cheaper than those like a known one."""
    experience = Experience([1] * 4)
    experience.learn(0, 4, 1000, 2000)
    expected = experience.estimates(BOUNDS, PARTS // 4)
    assert expected[4, 0] == 2000
    assert expected[4, 1] == expected[3, 0] == 1750
    assert expected[1, 0] == expected[4, 3] == 1250
