"""`sepconv quick`: the main job in about a minute: sweep, store, report, what it means."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from sepconv.cli.setting import Settings, sweep_options


@click.command(epilog="Example: sepconv quick --open")
@sweep_options
@click.option(
    "--report",
    "report_path",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("results/report.html"),
    show_default=True,
    help="Where the HTML report goes.",
)
@click.option("--open", "opens", is_flag=True, help="Open the report in a browser.")
def quick(
    store_url: str,
    output_format: str,
    wait: bool,
    report_path: Path,
    opens: bool,
    **options: Any,
) -> int:
    """Answer in about a minute: which form is faster on this machine, and how far from ideal?

    Measures the suite `quick` over channels, resolution, stride and batch size on every device
    that torch can use, stores it, and writes an HTML report that works offline.
    """
    from sepconv.cli.suite_file import find_suite
    from sepconv.cli.sweep import run_sweep

    suite, settings = find_suite("quick"), Settings(**options)
    swept = run_sweep(suite, settings, store_url=store_url, wait=wait)
    from sepconv.cli.outcome import print_next, print_outcome
    from sepconv.cli.report import write_report
    from sepconv.cli.roof import add_missing_peaks

    is_data = output_format != "table"  # then people are told on stderr
    print_outcome(swept, output_format)
    if not swept.interrupted:
        with suppress(KeyboardInterrupt):  # who is in a hurry has the report without them
            add_missing_peaks(
                store_url, swept, say=lambda text: click.echo(f"sepconv: {text}", err=True)
            )
    written = write_report(store_url, report_path, opens=opens)
    click.echo(f"report: {written}", err=is_data)
    again = ("sepconv quick", "again after a change: the report shows both")
    print_next(swept, store_url, *again, err=is_data)
    return swept.exit_code
