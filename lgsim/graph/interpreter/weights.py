"""Values for the weights of a graph that has only their shapes."""

from __future__ import annotations

from zlib import crc32

import numpy as np

from lgsim.graph.core import Graph


def with_random_weights(graph: Graph, seed: int = 0) -> Graph:
    """A copy of a graph in which every weight has values; those that are there are kept.

    Floating-point weights are normally distributed with a standard deviation of 0.5, which keeps
    the results of small networks in a reasonable range; whole numbers are 0, which is a valid
    index everywhere. Values only depend on the name of the weight, its shape and `seed`.

    This has to happen before a graph is rewritten: rewrites compute the weights they make up from
    those that are there, and the results of both graphs can then be compared.
    """
    twin = graph.copy()
    for tensor in twin.tensors:
        if not tensor.weight or tensor.data is not None:
            continue
        if tensor.dtype.is_float:
            generator = np.random.default_rng((seed, crc32(tensor.name.encode())))
            data = 0.5 * generator.standard_normal(tensor.shape)
        else:
            data = np.zeros(tensor.shape, np.int64)
        twin.set_data(tensor.name, np.asarray(data))
    return twin
