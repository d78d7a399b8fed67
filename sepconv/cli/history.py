"""`sepconv history`: how each case did over the nights, and where its level changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from sepconv.cli import DONE, NOT_MEASURED
from sepconv.cli.option import format_option, store_option
from sepconv.cli.since import Since
from sepconv.metric import METRICS

if TYPE_CHECKING:
    from sepconv.judge.course import Course
    from sepconv.report.history import Night
    from sepconv.series import Series
    from sepconv.store import Store

    Class = tuple[str, str]

PREFIX_LENGTH = 6  # letters of an identity at least
WIDE = 150  # columns of a terminal that everything needs
LEFT = {"case", "metric", "history", "changes", "measured on", "night", "commit", "what"}


@click.command(
    epilog="Examples: sepconv history --changed · "
    "sepconv history --where 'conv_type=standard and channels=64 and resolution=56 and stride=1'"
)
@click.option("--where", metavar="SELECTION", help="As in: 'stride=2 and channels in (16, 64)'.")
@click.option("--case", "name", metavar="CASE", help="One case by its label or identity.")
@click.option(
    "--metric",
    type=click.Choice(list(METRICS)),
    metavar="METRIC",
    help="As in: macs.  [default: ratio_to_reference where there is one, else latency_s]",
)
@click.option("--since", type=Since(), metavar="DATE", help="As in: 2026-11-03, or 30d.")
@click.option("--changed", is_flag=True, help="Only what has changed its level.")
@store_option
@format_option("terminal", "markdown", "json", "csv")
def history(
    where: str | None,
    name: str | None,
    metric: str | None,
    since: str | None,
    changed: bool,
    store_url: str,
    output_format: str,
) -> int:
    """Show how each case did over the nights: its newest value, and where its level changed.

    The series are of clean runs of the default branch, in the order of the commits. If one case
    is left, every night of it is listed, with what happened there.
    """
    from sepconv.cli.analysis import judged_series, metric_series
    from sepconv.judge.course import find_courses
    from sepconv.store import Store

    with Store(store_url, read_only=True) as store:
        series = judged_series(store) if metric is None else metric_series(store, metric)
        is_known = metric is None or any(value is not None for s in series for value in s.values)
        if not series or not is_known:
            click.echo(_why_none(store, metric), err=True)
            return NOT_MEASURED
        chosen = sorted(_chosen(series, where, name), key=_place)
        courses = [
            left
            for course in find_courses(chosen)
            if (left := course if since is None else course.since(since)) is not None
            and (left.changes or not changed)
        ]
        if output_format in ("json", "csv"):
            _print_plain(courses, metric, output_format)
        elif courses:
            _print(courses, store, since, output_format)
        else:
            click.echo(_why_no_course(chosen, since, changed))
    return DONE


def _chosen(series: Sequence[Series], where: str | None, name: str | None) -> list[Series]:
    """The series of the cases that were asked for.

    Raises:
        UsageError: There is none.
    """
    from sepconv.selection import parse_selection

    chosen = list(series)
    if where is not None:
        selects = parse_selection(where)
        chosen = [one for one in chosen if selects(one.case)]
        if not chosen:
            raise click.UsageError(f"no case with a history is left by --where {where!r}")
    if name is not None:
        among = len({one.case.identity for one in chosen})
        found = [one for one in chosen if one.case.label == name]
        if not found and len(name) >= PREFIX_LENGTH:
            found = [one for one in chosen if one.case.identity.startswith(name)]
        if len({one.case.identity for one in found}) != 1:
            raise click.UsageError(
                f"--case {name!r}: expected the label of one case, or the beginning of its "
                f"identity; of {among} cases with a history, "
                f"{len({one.case.identity for one in found})} answer to it; see `sepconv history`"
            )
        chosen = found
    return chosen


def _place(series: Series) -> tuple[object, ...]:
    """The conv types of one shape next to each other; of one case, the older machine first."""
    from sepconv.judge.axis import name_of, ranks_of

    began = series.points[0].occasion.started_at
    return (*ranks_of(series.case).values(), name_of(series.case), series.metric, began)


def _why_none(store: Store, metric: str | None) -> str:
    if metric is not None and (store.runs(limit=1) or store.comparisons(limit=1)):
        return f"sepconv: no clean run of the default branch in {store.shown_url} has {metric}"
    return (
        f"sepconv: {store.shown_url} has no history yet: no clean run of the default branch; "
        "type: sepconv nightly"
    )


def _why_no_course(chosen: Sequence[Series], since: str | None, changed: bool) -> str:
    when = "" if since is None else f" since {since[:10]}"
    what = "changed its level" if changed else "was measured"
    return f"none of {len(chosen)} series {what}{when}"


def _print_plain(courses: Sequence[Course], metric: str | None, output_format: str) -> None:
    from sepconv.cli.table import print_json, print_rows
    from sepconv.report.history import course_plain, point_rows

    if output_format == "json":
        print_json({"metric": metric, "series": [course_plain(course) for course in courses]})
    else:
        print_rows(point_rows(courses), output_format)


def _print(courses: Sequence[Course], store: Store, since: str | None, output_format: str) -> None:
    """One row for each series; of a single case, one for each night."""
    from sepconv.cli.table import make_console, print_rows, rows_table
    from sepconv.report.history import class_of, history_rows, night_rows
    from sepconv.report.markdown import markdown_cell
    from sepconv.report.text import inert

    nights = _nights(store, {course.series.metric for course in courses}, since)
    console = make_console()
    if len({course.series.case.identity for course in courses}) > 1:
        rows = history_rows(courses, nights, is_narrow=console.width < WIDE)
        if output_format == "markdown":
            print_rows(rows, output_format)
        else:
            console.print(rows_table(rows, left=LEFT, wrapped={"changes", "measured on"}))
            click.echo(_summary(courses))
        return
    for course in courses:
        series = course.series
        own = nights.get((series.machine, series.environment), ())
        rows = night_rows(course, own, _reasons(course, store))
        title = f"{series.metric} of {series.case.label}, measured on {class_of(series)}"
        click.echo(f"{markdown_cell(title) if output_format == 'markdown' else inert(title)}\n")
        if output_format == "markdown":
            print_rows(rows, output_format)
        else:
            console.print(rows_table(rows, left=LEFT, wrapped={"what"}))


def _summary(courses: Sequence[Course]) -> str:
    changed = sum(bool(course.changes) for course in courses)
    return (
        f"{len(courses)} series, {changed} with a change of level; every night of one: "
        "sepconv history --case CASE"
    )


def _nights(store: Store, metrics: set[str], since: str | None) -> Mapping[Class, Sequence[Night]]:
    """Every occasion on which something of these metrics could have been measured, in the order
    of the commits, by the classes of machine and environment that share a series."""
    from sepconv.comparison import Purpose
    from sepconv.judge.history import RATIO, class_of
    from sepconv.judge.timeline import Timeline, main_history
    from sepconv.report.history import Night
    from sepconv.series import Occasion

    timeline = Timeline(store.revisions())
    found: dict[Class, list[Night]] = {}
    for is_ratio in {metric == RATIO for metric in metrics}:
        if is_ratio:
            comparisons = store.comparisons(purposes={Purpose.NIGHTLY})
            known = [c for c in comparisons if c.head.environment is not None]
            every = [(Occasion.of_comparison(one), one.state) for one in known]
        else:
            runs = [stored.run for stored in store.runs()]
            every = [(Occasion.of_run(run), run.state) for run in runs]
        states = {occasion.uid: state for occasion, state in every}
        for one in main_history((occasion for occasion, _ in every), timeline):
            key = class_of(one) if is_ratio else (one.machine.key, one.environment.key)
            if since is None or one.started_at >= since:
                found.setdefault(key, []).append(Night(one, states[one.uid]))
    return found


def _reasons(course: Course, store: Store) -> dict[str, str]:
    """Why nights have no value of the case, by their uid."""
    from sepconv.judge.history import RATIO

    identity = course.series.case.identity
    found: dict[str, str] = {}
    for point in course.series.points:
        occasion = point.occasion
        if point.estimate is not None:
            continue
        if course.series.metric == RATIO:
            compared = store.find_comparison(str(occasion.number)).cases
            said = [each.reason for each in compared if each.head.identity == identity]
        else:
            measured = store.measurements(occasion.number or 0)
            said = [each.error for each in measured if each.case.identity == identity]
        found[occasion.uid] = next(filter(None, said), "")
    return found
