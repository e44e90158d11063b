"""`Chip`: the numbers of a target that the timing laws and the kernels work with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Chip:
    """A target with one timing profile, flattened to plain numbers; hashable, so a cache key.

    Made by `Target.chip`; laws take it as their first argument and are otherwise functions of
    integers. Bandwidths are bytes per engine cycle.
    """

    name: str
    timing: str
    lanes: int
    eu_bytes: int
    lmem_bytes: int
    banks: int
    ic_bytes: int
    cube_outputs: int
