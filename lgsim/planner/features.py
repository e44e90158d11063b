"""What the planner may do to make a plan cheaper, each of which can be switched off."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PlannerFeatures:
    """Ways to arrange the work of layer groups; each only adds to what there is to choose from.

    Attributes
    ----------
    software_pipeline : bool
        The next slice is loaded and the last one stored while a slice is computed.
    step_balance : bool
        Loads and stores move to time steps in which the GDMA has time to spare.
    weight_reload : bool
        Constants that cannot all stay in local memory are loaded again for every slice.
    move_overlap : bool
        A group's first loads move into the steps of the group before it, its last stores into
        those of the group after it.
    permute_strides : bool
        A permute beside a group that swaps two axes is done by the strides of a load or store.
    """

    software_pipeline: bool = True
    step_balance: bool = True
    weight_reload: bool = True
    move_overlap: bool = True
    permute_strides: bool = True

    @classmethod
    def without(cls, disabled: Collection[str]) -> PlannerFeatures:
        """All features but the named ones; names of other features are ignored."""
        return cls(**{name: name not in disabled for name in PLANNER_FEATURES})


PLANNER_FEATURES = {
    "software_pipeline": "while a slice is computed, the next one loads and the last one is stored",
    "step_balance": "loads and stores move to time steps in which the GDMA has time to spare",
    "weight_reload": "weights that cannot all stay in local memory are loaded for every slice",
    "move_overlap": "first loads and last stores of a group move into the steps of its neighbours",
    "permute_strides": "strides of a load or store do a permute beside a group that swaps two axes",
}
"""Name and summary of each switch in `PlannerFeatures`."""
