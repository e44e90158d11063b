"""`Target`: a chip as its TOML file describes it, checked, with derived figures."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, computed_field, model_validator

from lgsim.graph.dtypes import DType
from lgsim.target.chip import Chip

PEAK_DTYPES = (DType.I8, DType.F16, DType.BF16, DType.F32)


class _Section(BaseModel):
    """Base of all sections: immutable, no unknown keys, no infinities."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Clock(_Section):
    """Clock of the two engines."""

    mhz: int = Field(description="Clock of BDC and GDMA in MHz", gt=0)


class Lanes(_Section):
    """The SIMD lanes."""

    count: int = Field(description="Lanes (the vendor's NPU_NUM)", gt=0)
    eu_bytes: int = Field(description="Bytes one lane computes per cycle", gt=0, multiple_of=4)


class Cube(_Section):
    """The matrix unit of a lane, for 8- and 16-bit operands; 32-bit ones run on the EUs."""

    ic_bytes: int = Field(description="Bytes along the input channel summed per cycle", gt=0)
    outputs: int = Field(description="Output elements per lane and cycle", gt=0)


class Lmem(_Section):
    """Local memory."""

    lane_bytes: int = Field(description="Bytes of local memory of one lane", gt=0)
    banks: int = Field(description="Banks of one lane", gt=0)

    @model_validator(mode="after")
    def _whole_banks(self) -> Lmem:
        if self.lane_bytes % self.banks:
            raise ValueError(
                f"lane_bytes {self.lane_bytes} is not a multiple of {self.banks} banks"
            )
        return self


class Gmem(_Section):
    """Global memory (DDR) and the SRAM beside it."""

    peak_gbps: float = Field(description="Nominal DDR bandwidth in GB/s (1e9 bytes)", gt=0)
    channels: int = Field(description="DDR channels that addresses are interleaved over", gt=0)
    interleave_bytes: int = Field(description="Bytes before the next channel's turn", gt=0)
    align_bytes: int = Field(description="Alignment of tensors in global memory", gt=0)
    sram_bytes: int = Field(description="On-chip L2 SRAM usable by a compiler", ge=0)


class Gdma(_Section):
    """The DMA engine."""

    load_gbps: float = Field(description="DDR to local memory in GB/s (1e9 bytes)", gt=0)
    store_gbps: float = Field(description="Local memory to DDR in GB/s", gt=0)
    move_gbps: float = Field(description="DDR to DDR in GB/s", gt=0)
    min_row_bytes: int = Field(description="Shorter contiguous rows cost as much as this", gt=0)
    max_dim: int = Field(description="Largest dimension of an operand of one command", gt=0)


class TimingProfile(_Section):
    """Constants of the timing laws that differ between the simulator's and the board's view."""

    description: str = Field(description="What this profile follows")
    tensor_bandwidth_factor: float = Field(
        description="Share of the bandwidth that strided tensor commands reach", gt=0, le=1
    )


class Target(_Section):
    """A chip description. Every number's source stands in `sources` under its dotted name."""

    name: str = Field(description="Name of the chip, as on the command line")
    description: str = Field(description="One line about the chip")
    clock: Clock
    lanes: Lanes
    cube: Cube
    lmem: Lmem
    gmem: Gmem
    gdma: Gdma
    timing: dict[str, TimingProfile] = Field(description="Timing profiles by name", min_length=1)
    sources: dict[str, str] = Field(description="Source of each number", default_factory=dict)

    @computed_field(description="Local memory of all lanes in bytes")  # type: ignore[prop-decorator]  # pydantic's documented form
    @property
    def lmem_total_bytes(self) -> int:
        """Local memory of all lanes in bytes."""
        return self.lanes.count * self.lmem.lane_bytes

    @computed_field(description="Bytes of one bank of one lane")  # type: ignore[prop-decorator]  # pydantic's documented form
    @property
    def bank_bytes(self) -> int:
        """Bytes of one bank of one lane."""
        return self.lmem.lane_bytes // self.lmem.banks

    @computed_field(description="Peak TOPS per element type")  # type: ignore[prop-decorator]  # pydantic's documented form
    @property
    def peak_tops(self) -> dict[str, float]:
        """Peak tera-operations (two per multiply-accumulate) per second and element type."""
        chip = self.chip(next(iter(self.timing)))
        return {
            dtype.value: chip.macs_per_cycle(dtype) * 2 * self.clock.mhz / 1e6
            for dtype in PEAK_DTYPES
        }

    def chip(self, timing: str = "cmodel") -> Chip:
        """The target with timing profile `timing`, flattened for laws and kernels.

        Raises
        ------
        LgsimError
            If the target has no such profile.
        """
        return Chip.of(self.model_dump(exclude={*type(self).model_computed_fields}), timing)


def target_schema() -> dict[str, Any]:
    """JSON schema of a `Target`, with the derived figures."""
    return Target.model_json_schema(mode="serialization")
