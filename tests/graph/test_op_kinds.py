"""Attributes of ops: immutable values with defaults, equal if they are of one kind and equal."""

import pickle
from dataclasses import FrozenInstanceError, replace

import pytest

from lgsim.graph import ops


def test_attributes_have_defaults_and_are_given_by_place_or_name() -> None:
    assert ops.AddConst(2.0) == ops.AddConst(value=2.0, relu=False)
    assert ops.AddConst(2.0) != ops.AddConst(2.0, relu=True)
    assert repr(ops.AddConst(2.0)) == "AddConst(value=2.0, relu=False)"
    assert replace(ops.AddConst(2.0), relu=True) == ops.AddConst(2.0, True)


def test_kinds_with_equal_attributes_differ() -> None:
    assert ops.MinConst(1.0) != ops.MaxConst(1.0)
    assert len({ops.MinConst(1.0), ops.MaxConst(1.0), ops.MinConst(1.0)}) == 2


@pytest.mark.parametrize(
    ("values", "named", "message"),
    [
        ((), {}, "needs attribute 'value'"),
        ((1.0, True, 3), {}, "has 2 attributes"),
        ((1.0,), {"size": 3}, "has no attribute 'size'"),
    ],
)
def test_wrong_attributes_are_refused(
    values: tuple[object, ...], named: dict[str, object], message: str
) -> None:
    kind: type = ops.AddConst
    with pytest.raises(TypeError, match=message):
        kind(*values, **named)


def test_attributes_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        ops.AddConst(2.0).value = 3.0  # type: ignore[misc]  # what is tested


def test_attributes_can_be_stored() -> None:
    attrs = ops.Permute((0, 2, 1))
    assert pickle.loads(pickle.dumps(attrs)) == attrs
