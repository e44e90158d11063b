"""A NumPy interpreter of graphs: slow, simple, and the proof that rewrites change no result."""

from lgsim.graph.interpreter.evaluate import evaluate, supported
from lgsim.graph.interpreter.weights import with_random_weights

__all__ = ["evaluate", "supported", "with_random_weights"]
