"""The command group: verbs by name, each imported only when it is called."""

from __future__ import annotations

from importlib import import_module

import click

from lgsim import __version__

# One line per verb, here and nowhere else, so that `lgsim --help` imports none of them.
VERBS = {
    "simulate": "Plan and simulate a network: how long, what moves, what computes, what waits.",
    "info": "Operators, parameters, MACs and bytes of a network as imported.",
    "plan": "Plan a network: groups, slices, cycles, peak local memory; writes plan files.",
    "compare": "Compare grouping strategies on a network: one table, one picture.",
    "ablate": "What each rewrite and each planner feature is worth in a network.",
    "explain": "Why each operator may or may not stay in local memory, and what rewrites did.",
    "plot": "Draw the schedule of a network.",
    "trace": "Write the schedule as a trace that opens in Perfetto.",
    "check": "Check the schedule of a network against the rules of the chip.",
    "validate": "Compare laws and estimates with records of the vendor's simulator.",
    "study": "Test claims of the literature: measured, expected, and whether they hold.",
    "features": "List what can be switched off and on: rewrites and capabilities.",
    "targets": "List the chips, or show the numbers of one with their sources.",
    "models": "List the networks of the zoo.",
}


class LazyGroup(click.Group):
    """A group whose verbs live in modules of the same name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Verbs in the order of the table above."""
        del ctx
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the verb's module and take its `command`."""
        if cmd_name not in VERBS:
            return None
        command: click.Command = import_module(f"lgsim.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs without importing them."""
        del ctx
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb, suggesting a near one if it is unknown."""
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], VERBS, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"verbs: {', '.join(VERBS)}"
            raise click.UsageError(f"there is no verb '{args[0]}'; {hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "--version", prog_name="lgsim", message="%(prog)s %(version)s")
def cli() -> None:
    """Schedule and simulate neural networks on TPU-style chips.

    NET is a network of the zoo (`lgsim models`), an .onnx file, a .py script with a build()
    function, or tpu-mlir's lowered .mlir; any of the files may be gzipped.
    """
