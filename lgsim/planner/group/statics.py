"""`Statics`: what is known of a group before anybody says how it is sliced."""

from __future__ import annotations

from dataclasses import dataclass

from lgsim.kernels.base import WeightForm
from lgsim.planner.group.operands import Traffic


@dataclass(frozen=True)
class Statics:
    """Per value its packing and transfers, whether it is merged into another one, and cut.

    `sites` and `moves` are the numbers of ops and transfers in the book; `copies` says of every
    operand of every member how many lanes get each channel; `hazards` are the members that take
    longer if operand and result share a bank.
    """

    forms: tuple[WeightForm | None, ...]
    traffic: tuple[Traffic, ...]
    absent: tuple[bool, ...]
    cut: tuple[bool, ...]
    sites: tuple[int, ...]
    moves: tuple[int, ...]
    copies: tuple[tuple[int, ...], ...]
    hazards: tuple[int, ...]
