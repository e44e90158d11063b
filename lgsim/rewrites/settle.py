"""What the vendor's compiler still does to its lowered graph before it plans: the last clean-up."""

from __future__ import annotations

from lgsim.graph.core import Graph
from lgsim.rewrites.reshape_clean import merge_reshapes
from lgsim.rewrites.trivial_permute import TrivialPermute


def settle(graph: Graph) -> None:
    """Turn permutes that move nothing into reshapes, and merge reshapes, in place.

    A reshape to the same shape stays, unlike in `reshape_clean`: its name stands in the vendor's
    plan, and it costs nothing.
    """
    while TrivialPermute().apply(graph) + merge_reshapes(graph):
        pass
