"""Cuts: equal ones are one object, and slices of equal lengths are told apart from all others."""

from __future__ import annotations

from itertools import product
from math import prod

from hypothesis import given
from hypothesis import strategies as st

from lgsim.planner.group.cuts import Cuts, cut_of, different_slices, even_cut, uncut

sections = st.tuples(*[st.integers(1, 4)] * 5)


@st.composite
def sliced(draw: st.DrawFn) -> tuple[tuple[int, ...], list[Cuts]]:
    """Sections, and some values that are cut that often, or not, along each axis."""
    secs = draw(sections)
    values = []
    for _ in range(draw(st.integers(1, 3))):
        axes = []
        for count in secs:
            lengths = draw(st.lists(st.integers(1, 3), min_size=count, max_size=count))
            pieces = tuple(enumerate(lengths))
            axes.append(cut_of(pieces if draw(st.booleans()) else pieces[:1]))
        n, c, d, h, w = axes
        values.append((n, c, d, h, w))
    return secs, values


@given(sliced())
def test_every_slice_is_one_of_the_different_ones(case: tuple[tuple[int, ...], list[Cuts]]) -> None:
    """Lengths of all values in every slice, in the order they run; none is listed twice."""
    secs, values = case
    kinds = different_slices(values, secs)
    shapes, numbers = kinds.shapes, kinds.numbers.tolist()
    places = product(*map(range, secs))
    expected = [
        tuple(tuple(cut.piece(k)[1] for cut, k in zip(v, at, strict=True)) for v in values)
        for at in places
    ]
    assert len(numbers) == prod(secs)
    assert [shapes[number] for number in numbers] == expected
    assert len(set(shapes)) == len(shapes)
    assert kinds.counts == [numbers.count(number) for number in range(len(shapes))]
    assert numbers[0] == 0


def test_equal_cuts_are_one_object() -> None:
    """However they came about; a value that is not cut has one piece along every axis."""
    assert even_cut(7, 2, 1) is cut_of(((0, 4), (4, 3)))
    assert uncut((1, 2, 1, 7, 5))[3] is cut_of(((0, 7),))
    assert uncut((1, 2, 1, 7, 5))[3].piece(4) == (0, 7)
    assert even_cut(7, 2, 1).piece(1) == (4, 3)
    assert even_cut(7, 2, 1).shortest == 3
