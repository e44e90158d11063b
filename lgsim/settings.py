"""`Settings`: all that can be set for a simulation, documented once for every entry point."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from os import PathLike
from typing import TYPE_CHECKING, TypedDict

from lgsim.errors import LgsimError

if TYPE_CHECKING:
    from lgsim.planner import Plan
    from lgsim.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """For which chip, and how, a network is read, planned and simulated.

    Parameters
    ----------
    target : str, path or Target
        A chip by name, by file, or loaded.
    precision : {"f32", "f16", "bf16", "int8"}
        Element type the network computes in.
    strategy : str
        Grouping strategy; not used if there is a `plan`.
    plan : Plan or path, optional
        A plan, or a file with one (lgsim's own, or the vendor's): the network is scheduled as it
        says (strategy ``given``).
    vendor_steps : bool
        Whether a finished plan of the vendor's gives the time steps of its groups as well, and
        where their buffers lie in local memory.
    timing : str
        Timing profile of the target.
    batch : int, optional
        First dimension of the inputs; as for `load_model`.
    shapes : mapping, optional
        Shapes of graph inputs, by name; as for `load_model`.
    args : mapping, optional
        Free parameters of a model script; as for `load_model`.
    io_dtype : {"f32", "f16", "int8"}
        Element type of graph inputs and outputs in DDR.
    disable, enable : collection of str
        Features to switch off or on; `lgsim features` lists them.
    overrides : mapping
        Numbers of the target to change, by dotted name.
    """

    target: str | PathLike[str] | Target = "bm1684x"
    precision: str = "f16"
    strategy: str = "dp"
    plan: Plan | str | PathLike[str] | None = None
    vendor_steps: bool = False
    timing: str = "cmodel"
    batch: int | None = None
    shapes: Mapping[str, tuple[int, ...]] | None = None
    args: Mapping[str, object] | None = None
    io_dtype: str = "f32"
    disable: Collection[str] = ()
    enable: Collection[str] = ()
    overrides: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """LgsimError where a single name stands for several."""
        for where in ("disable", "enable"):
            refuse_single(getattr(self, where), where)


def refuse_single(names: Collection[str], where: str) -> None:
    """LgsimError if a text was given instead of a list of them: its letters would be names."""
    if isinstance(names, str):
        raise LgsimError(f"'{names}' is no list of names", where=where, hint=f"['{names}']")


class Options(TypedDict, total=False):
    """`Settings` as keyword arguments: what ``simulate(net, **options)`` takes, and its like."""

    target: str | PathLike[str] | Target
    precision: str
    strategy: str
    plan: Plan | str | PathLike[str] | None
    vendor_steps: bool
    timing: str
    batch: int | None
    shapes: Mapping[str, tuple[int, ...]] | None
    args: Mapping[str, object] | None
    io_dtype: str
    disable: Collection[str]
    enable: Collection[str]
    overrides: Mapping[str, str]


DEFAULTS = Settings()
"""What holds where nothing is said, in Python and on the command line."""

STRATEGIES_TO_COMPARE = ("none", "greedy", "dp")
"""The columns of a comparison, where none are asked for."""
