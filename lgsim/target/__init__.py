"""What the chip is: its description, local-memory layout arithmetic and timing laws.

Names that need pydantic are resolved on first use, so that laws and kernels load quickly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lgsim.target.chip import Chip

if TYPE_CHECKING:
    from lgsim.target.loader import list_targets, load_chip, load_target
    from lgsim.target.model import Target, target_schema

_HOMES = {
    "Target": "lgsim.target.model",
    "list_targets": "lgsim.target.loader",
    "load_chip": "lgsim.target.loader",
    "load_target": "lgsim.target.loader",
    "target_schema": "lgsim.target.model",
}

__all__ = ["Chip", "Target", "list_targets", "load_chip", "load_target", "target_schema"]


def __getattr__(name: str) -> object:
    """Import a public name on first use (PEP 562)."""
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module 'lgsim.target' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)
