"""Timing laws of the two engines: pure functions of a `Chip` and integers.

`bdc` holds the compute instructions, `gdma` the transfers. How well each law holds on the recorded
commands of the vendor's simulator is tabulated in docs/accuracy.md.
"""
