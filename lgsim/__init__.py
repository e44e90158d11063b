"""lgsim: schedule a neural network on a TPU-style chip, simulate it, and see why it takes so long.

The public surface is what this page lists. Everything takes names as well as objects::

    run = lgsim.simulate("resnet50", precision="int8")
    run.latency_ms, run.cycles
    run.timeline.to_records()
    run.plot("timeline.png")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lgsim.errors import CheckError, InfeasibleError, LgsimError

if TYPE_CHECKING:
    from lgsim.answers.run import Run
    from lgsim.api import ablate, compare, explain, prepare, simulate
    from lgsim.frontends import load_model
    from lgsim.graph import Graph
    from lgsim.graph.builder import GraphBuilder
    from lgsim.studies.studies import study
    from lgsim.target import Target, load_target

__version__ = "0.1.0"

# Where each public name lives; resolved on first use, so that `import lgsim` costs nothing.
_HOMES = {
    "Graph": "lgsim.graph",
    "GraphBuilder": "lgsim.graph.builder",
    "Run": "lgsim.answers.run",
    "Target": "lgsim.target",
    "ablate": "lgsim.api",
    "compare": "lgsim.api",
    "explain": "lgsim.api",
    "load_model": "lgsim.frontends",
    "load_target": "lgsim.target",
    "prepare": "lgsim.api",
    "simulate": "lgsim.api",
    "study": "lgsim.studies.studies",
}

__all__ = [
    "CheckError",
    "Graph",
    "GraphBuilder",
    "InfeasibleError",
    "LgsimError",
    "Run",
    "Target",
    "ablate",
    "compare",
    "explain",
    "load_model",
    "load_target",
    "prepare",
    "simulate",
    "study",
]


def __getattr__(name: str) -> object:
    """Import a public name on first use (PEP 562)."""
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module 'lgsim' has no attribute '{name}'")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Public names, for completion."""
    return sorted([*__all__, "__version__"])
