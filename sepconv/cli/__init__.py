"""The command line: the only place where all rooms meet."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from time import perf_counter

import click

from sepconv import __version__
from sepconv.errors import BuildFailed, MeasuringFailed, SepconvError

COMMANDS: dict[str, str] = {
    "quick": "sepconv.cli.quick:quick",
    "run": "sepconv.cli.run:run",
    "compare": "sepconv.cli.compare:compare",
    "nightly": "sepconv.cli.nightly:nightly",
    "acknowledge": "sepconv.cli.acknowledge:acknowledge",
    "history": "sepconv.cli.history:history",
    "events": "sepconv.cli.events:events",
    "bisect": "sepconv.cli.bisect:bisect",
    "backfill": "sepconv.cli.backfill:backfill",
    "report": "sepconv.cli.report:report",
    "serve": "sepconv.cli.serve:serve",
    "runs": "sepconv.cli.runs:runs",
    "show": "sepconv.cli.show:show",
    "cost": "sepconv.cli.cost:cost",
    "import": "sepconv.cli.importing:import_",
    "export": "sepconv.cli.exporting:export",
    "db": "sepconv.cli.database:db",
    "doctor": "sepconv.cli.doctor:doctor",
}

STARTED_S = perf_counter()  # of the process' work: before anything heavy is imported

DONE = 0
REGRESSION = 1  # confirmed
BAD_USAGE = 2
NOT_MEASURED = 3  # something planned could not be measured, or nothing at all was
NOT_COMPARABLE = 4
INTERRUPTED = 130
READER_GONE = 141  # as a shell tells of SIGPIPE

CODES = {MeasuringFailed: NOT_MEASURED, BuildFailed: NOT_MEASURED}
"""The exit codes of errors that are nobody's typing mistake."""


def elapsed_s() -> float:
    """Wall seconds since this process began to work, imports included.

    Not since it was started: a script may have made the environment in the same process.
    """
    return perf_counter() - STARTED_S


class LazyGroup(click.Group):
    """Loads a command's module when the command is named: `--help` costs no torch."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command = getattr(import_module(module), name)
        assert isinstance(command, click.Command)
        return command


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Begin with: sepconv quick --open",
)
@click.version_option(__version__, prog_name="sepconv")
def cli() -> None:
    """Which form of 2-D convolution is really faster here, and how far from its promise?

    Sweeps standard, depthwise separable and spatially separable convolution, keeps every
    latency with its interval in a database, and draws what they mean.
    """


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and exit: 0 done, 1 a regression, 2 bad usage or input, 3 not measured,
    4 not comparable, 130 interrupted."""
    try:
        code = cli.main(args=argv, prog_name="sepconv", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("sepconv: interrupted", err=True)
        code = INTERRUPTED
    except SepconvError as error:
        click.echo(f"sepconv: error: {error}", err=True)
        code = next((code for kind, code in CODES.items() if isinstance(error, kind)), BAD_USAGE)
    except BrokenPipeError:  # the reader has enough, as in `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is flushed last
        code = READER_GONE
    except Exception:  # noqa: BLE001 (Python would exit with 1, which says "a regression")
        traceback.print_exc()
        click.echo("sepconv: this is a defect of sepconv; nothing is concluded", err=True)
        code = NOT_MEASURED
    sys.exit(code if isinstance(code, int) else DONE)
