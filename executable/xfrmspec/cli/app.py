"""The `xfrmspec` command and what its exit codes mean: 0 ok, 1 findings, 2 bad input or usage."""

from __future__ import annotations

import sys

import typer

from xfrmspec.cli import (
    check_command,
    conform_command,
    diagram_command,
    explain_command,
    lives_command,
    oracle_command,
    parse_command,
    prove_command,
    simulate_command,
    trace_command,
)
from xfrmspec.cli.inputs import UsageError
from xfrmspec.flow_text import FlowTextError
from xfrmspec.formats.dump import InputError

EXIT_OK = 0
EXIT_FINDINGS = 1
EXIT_BAD_INPUT = 2

application = typer.Typer(
    name="xfrmspec",
    help="What Linux XFRM does with a packet, and why: check, explain, prove, draw.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
application.command("check")(check_command.run)
application.command("explain")(explain_command.run)
application.command("oracle")(oracle_command.run)
application.command("parse")(parse_command.run)
application.command("prove")(prove_command.run)
application.command("trace")(trace_command.run)
application.command("diagram")(diagram_command.run)
application.command("conform")(conform_command.run)
application.command("simulate")(simulate_command.run)
application.command("lives")(lives_command.run)


def main() -> None:
    """Run the command line; errors of the input become one line on standard error and exit code 2."""
    try:
        application()
    except (InputError, FlowTextError, UsageError) as error:
        typer.echo(f"xfrmspec: {error}", err=True)
        sys.exit(EXIT_BAD_INPUT)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(EXIT_BAD_INPUT)
