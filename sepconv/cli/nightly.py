"""`sepconv nightly`: one command for a timer or a CI: measure, analyse, confirm, report, notify."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sepconv.cli import INTERRUPTED
from sepconv.cli.configuration import Configuration, load_configuration
from sepconv.cli.option import format_option, store_option
from sepconv.cli.quantity import DURATION

if TYPE_CHECKING:
    from sepconv.report.night import Night

PAGE, SUMMARY, PLAIN, FEED = "index.html", "nightly.md", "nightly.json", "events.atom"
NEWS = "news.md"


@click.command(
    epilog="Examples: sepconv nightly · sepconv nightly --reference v1.2 --budget 20m --no-sweep"
)
@click.option("--reference", metavar="REV", help="Divide by that commit, tag or 'latest-tag'.")
@click.option("--suite", help="Name or path of a suite.")
@click.option("--where", metavar="SELECTION", help="As in: 'stride=2 and channels in (16, 64)'.")
@click.option(
    "--budget",
    "budget_s",
    type=DURATION,
    metavar="TIME",
    help="Be done with ratios and sweep in about that time, as in 40m.",
)
@click.option("--sweep/--no-sweep", default=None, help="Also measure absolute latencies.")
@click.option("--confirm/--no-confirm", default=None, help="Measure again what is suspicious.")
@click.option(
    "--confirm-budget",
    "confirm_budget_s",
    type=DURATION,
    metavar="TIME",
    default="10m",
    show_default=True,
    help="For all events together.",
)
@click.option(
    "--conv-types",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE.py",
    help="Your own conv types: CONV_TYPES = {'name': builder}.",
)
@click.option("--repo", type=click.Path(exists=True, path_type=Path), help="Measure that code.")
@click.option(
    "--report",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Where the report goes.",
)
@click.option("--report-url", metavar="URL", help="Where that folder will be seen.")
@click.option("--wait/--no-wait", default=True, help="Wait until nothing else is measuring.")
@store_option
@format_option("terminal", "markdown", "json")
def nightly(
    confirm_budget_s: float, wait: bool, store_url: str, output_format: str, **options: Any
) -> int:
    """Measure HEAD against a pinned reference, and say what has changed over the nights.

    What no option says is in sepconv.toml, or [tool.sepconv] of pyproject.toml; else the suite
    is nightly, the budget 40m, and the reference that of the last night. Ends with 1 while a
    confirmed slowdown is open that nobody has spoken about.
    """
    configuration = _with_options(load_configuration(Path.cwd()), options)
    from sepconv.cli.night import Plan, spend_night
    from sepconv.cli.suite_file import find_suite
    from sepconv.selection import parse_selection

    if configuration.where is not None:
        parse_selection(configuration.where)
    plan = Plan(
        suite=find_suite(configuration.suite),
        store_url=store_url,
        reference=configuration.reference,
        where=configuration.where,
        budget_s=configuration.budget_s,
        confirm_budget_s=confirm_budget_s,
        sweeps=configuration.sweep,
        confirms=configuration.confirm,
        conv_types=configuration.conv_types,
        repo=configuration.repo,
        wait=wait,
    )
    _clear(configuration.report)
    try:
        night = spend_night(plan, say=_say)
    except KeyboardInterrupt:
        _say("interrupted: what was measured is stored; the next night goes on from there")
        return INTERRUPTED
    night = publish(night, configuration, store_url)
    notify(night, configuration)
    _print(night, output_format, configuration.report_url)
    return night.exit_code


def _with_options(configuration: Configuration, options: dict[str, Any]) -> Configuration:
    """What was typed in place of what is written down."""
    given = {name: value for name, value in options.items() if value is not None}
    return replace(configuration, **given)


def publish(night: Night, configuration: Configuration, store_url: str) -> Night:
    """Write the report folder; returns the night with what could not be written."""
    from sepconv.cli.agenda import Agenda, gravest
    from sepconv.cli.report import write_report
    from sepconv.report.night import night_plain, render_news, render_night
    from sepconv.report.offline import write

    folder, url = configuration.report, configuration.report_url
    steps = Agenda(_say)
    with steps.attempt("report"):
        write_report(store_url, folder / PAGE, feed=folder / FEED, url=url)
    codes = {night.exit_code, *(step.code for step in steps.told)}
    night = replace(night, steps=(*night.steps, *steps.told), exit_code=gravest(codes))
    with steps.attempt("report"):
        write(folder / PLAIN, json.dumps(night_plain(night, url), indent=2) + "\n")
        if (news := render_news(night)) is not None:
            write(folder / NEWS, news)
        write(folder / SUMMARY, render_night(night, url))
    return night


def notify(night: Night, configuration: Configuration) -> None:
    """Tell the webhook, if there is one, and if there is something to tell."""
    from sepconv.cli.notification import find_webhook, message, news_lines, post

    lines = news_lines(night)
    if not lines:
        return
    webhook, trouble = find_webhook(configuration)
    if webhook is not None:
        payload = message(night, lines, webhook.format, configuration.report_url)
        trouble = post(webhook, payload)
        if trouble is None:
            _say("webhook: told")
            return
    if trouble is not None:
        _say(f"webhook: not told: {trouble}")


def _clear(folder: Path) -> None:
    """Take away what an earlier night said, which would be read as said by this one."""
    for name in (SUMMARY, PLAIN, NEWS):
        with suppress(OSError):  # it cannot be written either, and that will be told
            (folder / name).unlink(missing_ok=True)


def _say(text: str) -> None:
    click.echo(text, err=True)


def _print(night: Night, output_format: str, report_url: str | None) -> None:
    from sepconv.report.event import describe_event
    from sepconv.report.night import describe_night, night_plain, render_night

    if output_format == "json":
        from sepconv.cli.table import print_json

        print_json(night_plain(night, report_url))
        return
    if output_format == "markdown":
        click.echo(render_night(night, report_url), nl=False)
        return
    rows = describe_night(night)
    width = max(len(name) for name, _ in rows)
    for name, text in rows:
        click.echo(f"{name:<{width}}  {text}")
    for event in night.alarms:
        click.echo(f"  event {event.id}: {describe_event(event)}")
