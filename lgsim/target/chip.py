"""`Chip`: the numbers of a target that the timing laws and the kernels work with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lgsim.errors import LgsimError
from lgsim.graph.dtypes import DType


@dataclass(frozen=True, slots=True)
class Chip:
    """A target with one timing profile, flattened to plain numbers; hashable, so a cache key.

    Laws take it as their first argument and are otherwise functions of integers. Bandwidths are
    bytes per engine cycle.

    Parameters
    ----------
    name, timing : str
        Target and timing profile the numbers come from.
    lanes, eu_bytes, lmem_bytes, banks : int
        Lanes; bytes a lane computes per cycle; local memory per lane in bytes, and its banks.
    ic_bytes, cube_outputs : int
        Bytes along the input channel, and outputs, that a lane's cube takes per cycle (8/16 bit).
    clock_mhz : int
        Clock of both engines.
    gmem_bytes_per_cycle : float
        Nominal peak of the DDR.
    gmem_channels, gmem_interleave_bytes, gmem_align_bytes : int
        DDR channels, bytes after which addresses go to the next channel, alignment of tensors.
    load_bytes_per_cycle, store_bytes_per_cycle, move_bytes_per_cycle : float
        GDMA bandwidth DDR to local memory, local memory to DDR, DDR to DDR.
    tensor_bandwidth_factor : float
        Share of it that strided tensor commands reach in this timing profile.
    min_row_bytes : int
        A contiguous row shorter than this takes the GDMA as long as this many bytes.
    max_dim : int
        Largest dimension of an operand of one command.
    """

    name: str
    timing: str
    lanes: int
    eu_bytes: int
    lmem_bytes: int
    banks: int
    ic_bytes: int
    cube_outputs: int
    clock_mhz: int
    gmem_bytes_per_cycle: float
    gmem_channels: int
    gmem_interleave_bytes: int
    gmem_align_bytes: int
    load_bytes_per_cycle: float
    store_bytes_per_cycle: float
    move_bytes_per_cycle: float
    tensor_bandwidth_factor: float
    min_row_bytes: int
    max_dim: int

    @classmethod
    def of(cls, values: Mapping[str, Any], timing: str) -> Chip:
        """The numbers of a chip file, by section and name, with timing profile `timing`.

        Raises
        ------
        LgsimError
            If there is no such profile.
        """
        if timing not in values["timing"]:
            raise LgsimError(
                f"target '{values['name']}' has no timing profile '{timing}'",
                hint=f"it has: {', '.join(sorted(values['timing']))}",
            )
        lanes, cube, lmem = values["lanes"], values["cube"], values["lmem"]
        clock, gmem, gdma = values["clock"], values["gmem"], values["gdma"]
        bytes_per_cycle = 1000 / clock["mhz"]
        return cls(
            name=values["name"],
            timing=timing,
            lanes=lanes["count"],
            eu_bytes=lanes["eu_bytes"],
            lmem_bytes=lmem["lane_bytes"],
            banks=lmem["banks"],
            ic_bytes=cube["ic_bytes"],
            cube_outputs=cube["outputs"],
            clock_mhz=clock["mhz"],
            gmem_bytes_per_cycle=gmem["peak_gbps"] * bytes_per_cycle,
            gmem_channels=gmem["channels"],
            gmem_interleave_bytes=gmem["interleave_bytes"],
            gmem_align_bytes=gmem["align_bytes"],
            load_bytes_per_cycle=gdma["load_gbps"] * bytes_per_cycle,
            store_bytes_per_cycle=gdma["store_gbps"] * bytes_per_cycle,
            move_bytes_per_cycle=gdma["move_gbps"] * bytes_per_cycle,
            tensor_bandwidth_factor=values["timing"][timing]["tensor_bandwidth_factor"],
            min_row_bytes=gdma["min_row_bytes"],
            max_dim=gdma["max_dim"],
        )

    @property
    def bank_bytes(self) -> int:
        """Bytes of one bank of one lane."""
        return self.lmem_bytes // self.banks

    def eu_num(self, dtype: DType) -> int:
        """Elements a lane computes per cycle; int4 packs two to a byte."""
        return self.eu_bytes * 8 // dtype.bits

    def ic_parallel(self, dtype: DType) -> int:
        """Input channels the cube sums per cycle; 32-bit operands are not packed."""
        return 1 if dtype.bits >= 32 else self.ic_bytes * 8 // dtype.bits

    def cube_rows(self, dtype: DType) -> int:
        """Outputs per lane the cube computes per cycle; 32-bit ones use the EUs instead."""
        return self.eu_num(dtype) if dtype.bits >= 32 else self.cube_outputs

    def macs_per_cycle(self, dtype: DType) -> int:
        """Multiply-accumulates of the whole chip per cycle at its best."""
        return self.lanes * self.ic_parallel(dtype) * self.cube_rows(dtype)

    def milliseconds(self, cycles: int) -> float:
        """Duration of `cycles` engine cycles in ms."""
        return cycles / self.clock_mhz / 1000
