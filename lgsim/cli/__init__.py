"""The `lgsim` command: thin verbs that parse, call the API and print."""

from __future__ import annotations

import sys

from lgsim.cli.root import cli


def main() -> None:
    """Entry point: turns every expected error into one line and an exit code."""
    import click

    from lgsim.errors import LgsimError

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
