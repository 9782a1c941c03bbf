"""``secops hunt``: Sigma rules over log files, without a site."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secops.cli.common import json_option, pipeline_option
from secops.cli.filters import filters_of, say_filters
from secops.cli.hunt_output import (
    FORMATS,
    Summary,
    Target,
    Writers,
    opened,
    progress,
    say,
    show_json,
    show_table,
    targets_of,
)
from secops.errors import Problem, UsageError
from secops.locale import _

if TYPE_CHECKING:
    from datetime import datetime

    from secops.report.gathering import Gathering
    from secops.siem.detect import Selection, SigmaDetector
    from secops.siem.hunt import Outcome, Rulebook
    from secops.siem.ports import Span

_MEGABYTE = 1 << 20
_kept: list[object] = []  # the last detector: freed with the process at once, and not object by object before its end


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-r", "--rules", "rules", multiple=True, type=click.Path(path_type=Path), help="Sigma ルールのファイル・フォルダ"
)
@pipeline_option
@click.option("--level", default="informational", show_default=True, help="この重大度以上のルールだけを使う")
@click.option(
    "--tag", "tags", multiple=True, help="このタグで始まるルールだけを使う(attack.t1059 など。複数ならどれか)"
)
@click.option("--since", default=None, help="この時刻からの検知だけを出す(24h, 7d, 2026-11-23, 2026-11-23T02:04 など)")
@click.option("--until", default=None, help="この時刻の前までの検知だけを出す")
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    help="結果を書くファイル。形式は名前の終わりで決まる(.jsonl .csv .timesketch.csv .html)。- は標準出力。複数可",
)
@click.option("--format", "format", type=click.Choice(FORMATS), default=None, help="結果の形式(名前で決まらないとき)")
@click.option(
    "--max-rows", default=20, show_default=True, type=click.IntRange(0, 100_000), help="表に示す件数(0: ルールの表だけ)"
)
@click.option("--processes", default=2, show_default=True, type=click.IntRange(1, 64), help="プロセスの数")
@click.option(
    "--max-unpacked",
    default=65_536,
    show_default=True,
    type=click.IntRange(1),
    help="圧縮ファイル 1 つの展開後の上限(MB)",
)
@click.option(
    "--max-ratio", default=400, show_default=True, type=click.IntRange(1), help="圧縮ファイルの展開後の上限(元の何倍か)"
)
@json_option
def hunt(paths: tuple[Path, ...], rules: tuple[Path, ...], pipelines: tuple[Path, ...], **options: Any) -> None:
    """ログファイルやフォルダに Sigma ルールを当てる。サイトは要らない。

    EVTX・JSON(1 行に 1 件、配列、続けて並べたもの)・CSV・syslog などのテキストと、それらを圧縮したもの
    (.gz .zst .bz2 .xz .zip .tar)を読む。
    """
    from secops.siem import hunt as road
    from secops.siem.collect.streams import Limits
    from secops.wiring.clock import now as clock

    now = clock()
    targets = targets_of(options["outputs"], options["format"])
    span, selection = _span(options["since"], options["until"], now), _selection(options["level"], options["tags"])
    book = _rulebook(paths, rules, pipelines, selection)
    detector = book.detector()
    _kept[:] = [detector]
    if not detector.rules:
        raise UsageError(_("検知ルールがありません: {paths}").format(paths=", ".join(map(str, rules))))
    files, own = _files(paths, targets)
    limits = Limits(total=options["max_unpacked"] * _MEGABYTE, ratio=options["max_ratio"])
    conditions = road.Conditions(now, span, limits)
    wanted = [selection.takes(rule.level, rule.tags) for rule in detector.rules]
    found = _gathering(detector, targets, options)
    writers = Writers(targets, detector.rules)
    total = road.Outcome()
    try:
        with progress(lambda: _size(files)) as bar:
            parts = road.hunt(files, detector, book, conditions, processes=options["processes"], progress=bar.bytes)
            for part in _correlated(parts, detector):
                part.hits = [hit for hit in part.hits if wanted[hit.rule]]
                writers.write(part.hits)
                for hit in part.hits:
                    found.add(hit)
                bar.events(part.events)
                part.hits = []
                road.add(total, part)
    finally:
        writers.close()
    total.problems += own
    said = _summary(total, detector, filters_of(detector.filters, total.filtered, now), writers)
    for target in targets:
        if target.format == "html":
            _write_page(target, found, said, now, paths, options)
    if options["as_json"]:
        show_json(found, said)
    else:
        if all(target.path for target in targets):
            show_table(found, options["max_rows"])
        say(found, said, rules)
        say_filters(said.filters)
    sys.exit(1 if total.problems else 0)


def cache_folder() -> Path:
    """Where compiled rules are kept between runs without a site: the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or (
        os.environ.get("LOCALAPPDATA") if os.name == "nt" else str(Path.home() / ".cache")
    )
    return Path(base or ".") / "secops"


def _span(since: str | None, until: str | None, now: datetime) -> Span:
    from secops.schema.dates import parse_moment
    from secops.siem.ports import Span

    try:
        span = Span(parse_moment(since, now) if since else None, parse_moment(until, now) if until else None)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"--since / --until: {error}") from None
    if span.since and span.until and span.since >= span.until:
        raise UsageError(_("--since は --until より前の時刻にしてください。"))
    return span


def _selection(level: str, tags: Sequence[str]) -> Selection:
    from secops.schema.severity import Severity
    from secops.siem.detect import Selection

    try:
        return Selection(Severity.parse(level), tuple(tags))
    except ValueError as error:
        raise UsageError(_("--level が違います: {error}").format(error=error)) from None


def _rulebook(
    paths: Sequence[Path], rules: Sequence[Path], pipelines: Sequence[Path], selection: Selection
) -> Rulebook:
    from secops.siem.hunt import Rulebook
    from secops.wiring.rules import BUILTIN, read_pipeline_files, read_rule_files

    missing = [str(path) for path in (*paths, *rules) if not path.exists()]
    if missing:
        raise UsageError(_("ありません: {paths}").format(paths=", ".join(missing)))
    return Rulebook(
        read_rule_files(rules or (BUILTIN,)),
        (BUILTIN / "logsources.yml").read_text(encoding="utf-8"),
        cache_folder(),
        read_pipeline_files(pipelines),
        selection,
    )


def _files(paths: Sequence[Path], targets: Sequence[Target]) -> tuple[list[Path], list[Problem]]:
    """The files to search; our own outputs of an earlier run that lie among them are left out, and said."""
    from secops.siem.hunt import files_below

    outputs = {identity for target in targets if target.path and (identity := _identity(target.path))}
    files = files_below(paths)
    own = {file for file in files if _identity(file) in outputs} if outputs else set()
    text = _("結果を書き出すファイルなので調べませんでした。結果は調べるフォルダの外に書いてください。")
    return [file for file in files if file not in own], [Problem(str(file), text) for file in sorted(own)]


def _identity(file: Path) -> tuple[int, int] | None:
    """What is the same for a file under all its names; None where there is no such file."""
    try:
        found = os.stat(file)  # noqa: PTH116 - in half the time of `Path.stat`, for each of many thousand files
    except OSError:  # said when it is read
        return None
    return found.st_dev, found.st_ino


def _size(files: Sequence[Path]) -> int:
    total = 0
    for file in files:
        with suppress(OSError):  # said when it is read
            total += file.stat().st_size
    return total


def _gathering(detector: SigmaDetector, targets: Sequence[Target], options: dict[str, Any]) -> Gathering:
    from secops.report.gathering import Gathering

    examples = 0
    if any(target.format == "html" for target in targets):
        from secops.report.hunt_page import EXAMPLES

        examples = EXAMPLES
    table = all(target.path for target in targets) and not options["as_json"]
    return Gathering(detector.rules, examples=examples, newest=options["max_rows"] if table else 0)


def _correlated(parts: Iterator[Outcome], detector: SigmaDetector) -> Iterator[Outcome]:
    if not detector.correlations:
        return parts
    from secops.siem.hunt_correlated import correlated

    return correlated(parts, detector)


def _summary(total: Any, detector: SigmaDetector, filters: list[dict[str, Any]], writers: Writers) -> Summary:
    from secops.siem.detect.selection import NOT_CHOSEN

    inactive = Counter(rule.reason for rule in detector.rules if not rule.active)
    unchosen = inactive.pop(_(NOT_CHOSEN), 0)
    return Summary(
        files=total.files,
        events=total.events,
        problems=total.problems,
        active=sum(rule.active for rule in detector.rules),
        inactive=inactive,
        unchosen=unchosen,
        filters=filters,
        left_out=sum(writer.left_out for writer in writers.timesketch),
    )


def _write_page(
    target: Target, found: Gathering, said: Summary, now: datetime, paths: Sequence[Path], options: dict[str, Any]
) -> None:
    from secops.report.hunt_page import Hunted, page

    names = {"since": "--since", "until": "--until", "tags": "--tag"}
    given = [(label, options[name]) for name, label in names.items() if options[name]]
    asked = [(label, value if isinstance(value, str) else ", ".join(value)) for label, value in given]
    if options["level"] != "informational":
        asked.append(("--level", options["level"]))
    hunted = Hunted(
        made=now,
        files=said.files,
        events=said.events,
        asked=asked,
        paths=[str(path) for path in paths],
        problems=said.problems,
        active=said.active,
        inactive=said.inactive,
        suppressed=[(str(one["title_ja"]), int(one["suppressed"])) for one in said.filters if one["suppressed"]],
    )
    with opened(target) as file:
        file.write(page(found, hunted).encode("utf-8", "replace"))
