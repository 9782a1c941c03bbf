"""``secops hunt``: Sigma rules over log files, without a site."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secops.cli.common import emit_json, emit_table, json_option, pipeline_option, plain
from secops.cli.filters import filters_of, say_filters
from secops.errors import UsageError
from secops.locale import _

if TYPE_CHECKING:
    from secops.siem.hunt import Found, Outcome
    from secops.siem.ports import Rule


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-r", "--rules", "rules", multiple=True, type=click.Path(path_type=Path), help="Sigma ルールのファイル・フォルダ"
)
@pipeline_option
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="結果を JSON Lines で書き出すファイル"
)
@click.option("--level", default="informational", show_default=True, help="この重大度以上だけを出す")
@click.option("--processes", default=2, show_default=True, type=click.IntRange(1, 64), help="プロセスの数")
@json_option
def hunt(
    paths: tuple[Path, ...],
    rules: tuple[Path, ...],
    pipelines: tuple[Path, ...],
    output: Path | None,
    level: str,
    processes: int,
    as_json: bool,
) -> None:
    """ログファイル(EVTX・JSON・CSV・テキスト、.gz・.zip も可)に Sigma ルールを当てる。サイトは要らない。"""
    from secops.schema.severity import Severity
    from secops.siem import hunt as road
    from secops.wiring.clock import now as clock
    from secops.wiring.rules import BUILTIN, read_pipeline_files, read_rule_files

    try:
        lowest = Severity.parse(level)
    except ValueError as error:
        raise UsageError(_("--level が違います: {error}").format(error=error)) from None
    missing = [str(path) for path in (*paths, *rules) if not path.exists()]
    if missing:
        raise UsageError(_("ありません: {paths}").format(paths=", ".join(missing)))
    book = road.Rulebook(
        read_rule_files(rules or (BUILTIN,)),
        (BUILTIN / "logsources.yml").read_text(encoding="utf-8"),
        cache_folder(),
        read_pipeline_files(pipelines),
    )
    detector = book.detector()
    files = road.files_below(paths)
    total, now = road.Outcome(), clock()
    with _sink(output) as write, _bar(sum(file.stat().st_size for file in files)) as progress:
        for part in road.hunt(files, detector, book, now=now, processes=processes, progress=progress):
            part.hits = [hit for hit in part.hits if detector.rules[hit.rule].level >= lowest]
            for hit in part.hits:
                write(line_of(hit, detector.rules[hit.rule]))
            _add(total, part)
    _show(total, detector.rules, filters_of(detector.filters, total.filtered, now), as_json=as_json)
    sys.exit(1 if total.problems else 0)


def cache_folder() -> Path:
    """Where compiled rules are kept between runs without a site: the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or (
        os.environ.get("LOCALAPPDATA") if os.name == "nt" else str(Path.home() / ".cache")
    )
    return Path(base or ".") / "secops"


def line_of(hit: Found, rule: Rule) -> dict[str, Any]:
    """A hit as one JSON line, in ECS names."""
    return {
        "@timestamp": plain(hit.timestamp),
        "rule.id": rule.id,
        "rule.name": rule.title,
        "rule.level": rule.level.code,
        "host.name": hit.host,
        "log.file.path": hit.path,
        "event.original": hit.original,
        "tags": list(rule.tags),
        "secops.matched": plain(list(hit.matched)),
    }


class _sink:  # noqa: N801 - used like a function
    """Writes JSON lines to a file, or nowhere."""

    def __init__(self, path: Path | None) -> None:
        self.file = path.open("wb") if path else None

    def __enter__(self) -> Any:
        return self.write

    def __exit__(self, *_error: object) -> None:
        if self.file:
            self.file.close()

    def write(self, line: dict[str, Any]) -> None:
        import orjson

        if self.file:
            self.file.write(orjson.dumps(line) + b"\n")


class _bar:  # noqa: N801 - used like a function
    """A progress bar over bytes, on a terminal only."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.bar: Any = None

    def __enter__(self) -> Any:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

            self.bar = Progress(
                BarColumn(),
                DownloadColumn(),
                TransferSpeedColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
            )
            self.bar.start()
            self.task = self.bar.add_task("", total=self.size)
        return self.advance

    def __exit__(self, *_error: object) -> None:
        if self.bar:
            self.bar.stop()

    def advance(self, count: int) -> None:
        if self.bar:
            self.bar.advance(self.task, count)


def _add(total: Outcome, part: Outcome) -> None:
    total.files += part.files
    total.events += part.events
    total.filtered += part.filtered
    total.problems += part.problems
    # What is shown needs no records and no matched values: thousands of hits must not fill the memory.
    from dataclasses import replace

    total.hits += [replace(hit, original="", matched=()) for hit in part.hits]


def _show(total: Outcome, rules: Any, filters: list[dict[str, Any]], *, as_json: bool) -> None:
    by_rule: dict[int, list[Found]] = {}
    for hit in total.hits:
        by_rule.setdefault(hit.rule, []).append(hit)
    order = sorted(by_rule, key=lambda rule: (-rules[rule].level, -len(by_rule[rule]), rules[rule].title))
    inactive: dict[str, int] = {}
    for rule in rules:
        if not rule.active:
            inactive[rule.reason] = inactive.get(rule.reason, 0) + 1
    if as_json:
        emit_json({
            "files": total.files,
            "events": total.events,
            "hits": len(total.hits),
            "rules": [{**_row(rules[rule], by_rule[rule]), "count": len(by_rule[rule])} for rule in order],
            "problems": [{"where": problem.where, "what": problem.what} for problem in total.problems],
            "rules_active": sum(rule.active for rule in rules),
            "rules_inactive": inactive,
            "filters": filters,
        })  # fmt: skip
        return
    emit_table(
        [_("重大度"), _("件数"), _("ルール"), _("端末"), _("最初"), _("最後")],
        [
            (rules[rule].level.label, len(hits), rules[rule].title, row["hosts"], row["first"], row["last"])
            for rule in order
            for hits in [by_rule[rule]]
            for row in [_row(rules[rule], hits)]
        ],
        right=[1],
    )
    _say(total, rules, inactive)
    say_filters(filters)


def _row(rule: Rule, hits: list[Found]) -> dict[str, Any]:
    hosts = sorted({hit.host for hit in hits if hit.host})
    times = sorted(hit.timestamp for hit in hits if hit.timestamp)
    more = _(" ほか {count} 台").format(count=len(hosts) - 3) if len(hosts) > 3 else ""
    return {
        "rule.id": rule.id,
        "rule.name": rule.title,
        "rule.level": rule.level.code,
        "hosts": ", ".join(hosts[:3]) + more,
        "first": plain(times[0]) if times else "",
        "last": plain(times[-1]) if times else "",
    }


def _say(total: Outcome, rules: Any, inactive: dict[str, int]) -> None:
    """What was read, what was not, which rules did not run: on standard error, so that a pipe gets the table only."""
    active = sum(rule.active for rule in rules)
    text = _("{files} ファイル・{events} 件を調べ、{rules} ルール中 {active} が動き、{hits} 件が当たりました。")
    click.echo(
        text.format(files=total.files, events=total.events, rules=len(rules), active=active, hits=len(total.hits)),
        err=True,
    )
    if total.problems:
        click.echo(_("読めなかったもの: {count} 件").format(count=len(total.problems)), err=True)
        for problem in total.problems:
            click.echo(f"  {problem}", err=True)
    if inactive:
        click.echo(_("動かなかったルール: {count} 件").format(count=sum(inactive.values())), err=True)
        for reason, count in sorted(inactive.items(), key=lambda pair: -pair[1]):
            click.echo(f"  {count:>5}  {reason}", err=True)
