"""`python -m lgsim`: the same as the `lgsim` command."""

from lgsim.cli import main

main()
