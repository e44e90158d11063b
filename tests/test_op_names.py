"""What a user calls an op: its name, or a part of it that no other op has."""

from __future__ import annotations

import pytest

from lgsim.errors import LgsimError
from lgsim.op_names import find_name

NAMES = ["conv1", "block/conv1", "block/conv2", "block/Add"]


@pytest.mark.parametrize(
    ("text", "name"), [("conv1", "conv1"), ("Add", "block/Add"), ("conv2", "block/conv2")]
)
def test_a_name_or_the_only_one_with_that_part(text: str, name: str) -> None:
    assert find_name(text, NAMES) == name


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("block", "net: 3 ops are called like 'block'; give one: 'block/conv1'"),
        ("block/cnov2", "net: there is no op 'block/cnov2'; did you mean 'block/conv2'?"),
        ("softmax", "net: there is no op 'softmax'; look it up"),
    ],
)
def test_none_or_several(text: str, words: str) -> None:
    with pytest.raises(LgsimError) as caught:
        find_name(text, NAMES, "net", "look it up")
    assert str(caught.value).startswith(words)
