"""Kernels: how one operator runs on the chip, as instructions of a slice and alone.

Every module of this package that defines a `Kernel` registers it; adding an op needs no list.
"""

from __future__ import annotations

from functools import cache, lru_cache
from importlib import import_module
from pkgutil import walk_packages

from lgsim.graph.ops.base import OpKind
from lgsim.kernels.base import Kernel
from lgsim.kernels.schedule import Schedule
from lgsim.kernels.site import OpSite
from lgsim.kernels.support import Axis, Features, GroupType, Refusal, too_many_dims
from lgsim.kernels.unknown import UNKNOWN
from lgsim.target.chip import Chip

__all__ = ["Kernel", "global_schedule", "kernel_of", "kernels", "local_support", "splittable"]


@cache
def _registry() -> dict[type[OpKind], Kernel]:
    for module in walk_packages(__path__, f"{__name__}."):
        import_module(module.name)
    return Kernel.registry


def kernel_of(kind: type[OpKind]) -> Kernel:
    """The kernel of an op kind; the bandwidth-bound stand-in if it has none."""
    return _registry().get(kind, UNKNOWN)


def kernels() -> dict[type[OpKind], Kernel]:
    """All kernels by op kind."""
    return dict(_registry())


@lru_cache(maxsize=4096)
def local_support(site: OpSite, features: Features) -> Refusal | None:
    """None if the op may compute on slices in local memory, else which rule forbids it."""
    return kernel_of(type(site.attrs)).local_support(site, features) or too_many_dims(site)


@lru_cache(maxsize=4096)
def splittable(site: OpSite, axis: Axis, group_type: GroupType) -> bool:
    """Whether a layer group of that type that contains the op may be cut along an axis."""
    return kernel_of(type(site.attrs)).splittable(site, axis, group_type)


@lru_cache(maxsize=4096)
def global_schedule(site: OpSite, chip: Chip) -> Schedule:
    """The commands of an op that runs alone, from global memory to global memory.

    Equal sites on equal chips are scheduled once. An empty schedule means that the result lies
    where the input does.

    Raises
    ------
    InfeasibleError
        If not even the smallest tile of the op fits local memory.
    """
    return kernel_of(type(site.attrs)).global_schedule(site, chip)
