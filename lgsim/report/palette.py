"""One colour-blind-safe palette (Okabe and Ito), the same colour for the same thing everywhere."""

from __future__ import annotations

from lgsim.simulator.program import Category
from lgsim.simulator.timeline import State

CATEGORY_COLORS = {
    Category.LOAD_ACTIVATION: "#0072B2",
    Category.LOAD_WEIGHT: "#56B4E9",
    Category.STORE: "#E69F00",
    Category.MOVE: "#D55E00",
    Category.FILL: "#8C8C8C",
    Category.SHUFFLE: "#CC79A7",
    Category.COMPUTE: "#009E73",
}

STATE_COLORS = {
    State.IDLE: "#FFFFFF",
    State.TRANSFER_ONLY: "#9CC9E8",
    State.COMPUTE_ONLY: "#8FD3B8",
    State.OVERLAP: "#3B2A5C",
}

# Colour names that chrome://tracing knows, close to the above (Perfetto picks its own).
TRACE_COLORS = {
    Category.LOAD_ACTIVATION: "thread_state_iowait",
    Category.LOAD_WEIGHT: "rail_load",
    Category.STORE: "rail_idle",
    Category.MOVE: "terrible",
    Category.FILL: "grey",
    Category.SHUFFLE: "rail_animation",
    Category.COMPUTE: "good",
}

# Ink that can be read on each category.
TEXT_ON = {
    Category.LOAD_ACTIVATION: "#FFFFFF",
    Category.LOAD_WEIGHT: "#10303F",
    Category.STORE: "#3F2B00",
    Category.MOVE: "#FFFFFF",
    Category.FILL: "#FFFFFF",
    Category.SHUFFLE: "#3A1029",
    Category.COMPUTE: "#FFFFFF",
}

# Sections by kind, in two shades for neighbours.
SECTION_SHADES = {"group": ("#8E7FB3", "#B9AFD0"), "global": ("#9A9A9A", "#C4C4C4")}

INK = "#222222"
MUTED_INK = "#666666"
GRID = "#DDDDDD"
IDLE_FILL = "#F2F2F2"

# Things that are compared in a picture, in the order in which they appear.
SERIES = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00")
