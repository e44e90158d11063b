"""Orders of the ops of a graph: a given one that is checked, or a topological one that is found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lgsim.errors import LgsimError
from lgsim.graph.values import Op


def reordered(
    ops: Mapping[str, Op], producer: Mapping[str, str], names: Sequence[str], where: str
) -> dict[str, Op]:
    """Ops by name in the order of `names`.

    Parameters
    ----------
    ops : mapping of str to Op
        By name.
    producer : mapping of str to str
        Name of the op that makes a tensor.
    names : sequence of str
        The order.
    where : str
        The network, for messages.

    Raises
    ------
    LgsimError
        If it is not an order of the ops, or an op would stand before one it reads from.
    """
    if sorted(names) != sorted(ops):
        raise LgsimError("the order does not name every op once", where=where)
    placed: dict[str, Op] = {}
    for name in names:
        op = ops[name]
        for tensor in op.inputs:
            maker = producer.get(tensor)
            if maker is not None and maker not in placed:
                raise LgsimError(f"'{name}' would run before '{maker}'", where=where)
        placed[name] = op
    return placed


def topological(ops: Mapping[str, Op], producer: Mapping[str, str], where: str) -> dict[str, Op]:
    """Ops by name in topological order, the present one where it is free.

    Parameters are those of `reordered`.

    Raises
    ------
    LgsimError
        If there is a cycle.
    """
    placed: dict[str, Op] = {}
    for root in ops:
        stack = [root]
        on_path: set[str] = set()
        while stack:
            name = stack[-1]
            if name in placed:
                stack.pop()
                continue
            missing = [
                maker
                for tensor in ops[name].inputs
                if (maker := producer.get(tensor)) and maker not in placed
            ]
            if not missing:
                placed[name] = ops[name]
                on_path.discard(stack.pop())
            elif name in on_path:
                raise LgsimError("the graph has a cycle", where=f"{where}: op '{name}'")
            else:
                on_path.add(name)
                stack.extend(reversed(missing))
    return placed
