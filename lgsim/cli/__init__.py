"""The `lgsim` command: thin verbs that parse, call the API and print."""

from __future__ import annotations

import gc
import sys

from lgsim.cli.root import cli

_GC_THRESHOLD = 50_000
"""Objects made before garbage is looked for. Plans are many small values that live long and hardly
ever refer to each other in circles: at Python's 700, the search takes a tenth of a study."""


def main() -> None:
    """Entry point: turns every expected error into one line and an exit code."""
    import click

    from lgsim.errors import LgsimError

    gc.set_threshold(_GC_THRESHOLD)
    try:
        cli.main(prog_name="lgsim", standalone_mode=False)
    except LgsimError as error:
        _fail(str(error), error.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(1)
    except click.ClickException as error:
        _fail(error.format_message(), 1)
    except (click.Abort, KeyboardInterrupt):
        _fail("interrupted", 130)
    except BrokenPipeError:
        # The reader of our output has gone (`lgsim … | head`): nothing is left to say.
        sys.stderr.close()


def _fail(message: str, code: int) -> None:
    print(f"lgsim: error: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(code)
