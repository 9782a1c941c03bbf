"""Where the hits of ``secops hunt`` go: files and standard output in several formats, and the table."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from secops.cli.common import emit_json, emit_table, plain
from secops.errors import Problem, UsageError
from secops.locale import _, language

if TYPE_CHECKING:
    from datetime import datetime

    from secops.report.gathering import Gathering, RuleHits
    from secops.siem.ports import Rule

FORMATS = ("table", "jsonl", "csv", "timesketch", "html")
_ENDINGS = {
    ".timesketch.csv": "timesketch",
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".html": "html",
    ".htm": "html",
}
_REASONS = 20  # kinds of reasons for inactive rules that are listed
_PROBLEMS = 100  # unread files that are listed


@dataclass(frozen=True, slots=True)
class Target:
    """One output: its format, and its file (None: standard output)."""

    format: str
    path: Path | None


def targets_of(outputs: Sequence[str], format: str | None) -> list[Target]:
    """What ``-o`` and ``--format`` ask for; empty where only the table is wanted.

    The ending of a file says its format; ``--format`` is for those whose ending does not, and wins where there is one
    output only.

    Raises:
        UsageError: an output without a format, or two on standard output.
    """
    if not outputs:
        return [] if format in {None, "table"} else [Target(str(format), None)]
    targets = []
    for output in outputs:
        by_ending = next((name for ending, name in _ENDINGS.items() if output.lower().endswith(ending)), None)
        chosen = (format if len(outputs) == 1 else None) or by_ending or format
        if chosen is None or chosen == "table":
            text = _(
                "出力の形式が分かりません: {output}。"
                "ファイル名を .jsonl・.csv・.timesketch.csv・.html のどれかで終わらせるか、--format を付けてください。"
            )
            raise UsageError(text.format(output=output))
        targets.append(Target(chosen, None if output == "-" else Path(output)))
    if sum(target.path is None for target in targets) > 1:
        raise UsageError(_("標準出力(-o -)に書けるのは 1 つだけです。"))
    return targets


class Writers:
    """All outputs that take one hit after the other; `close` them to be sure that everything is written."""

    def __init__(self, targets: Sequence[Target], rules: Sequence[Rule]) -> None:
        from secops.report.hits import ExcelCsv, JsonLines, TimesketchCsv

        kinds: dict[str, Any] = {"jsonl": JsonLines, "csv": ExcelCsv, "timesketch": TimesketchCsv}
        self._stack = ExitStack()
        self.timesketch: list[TimesketchCsv] = []
        self._all: list[tuple[IO[bytes], Any]] = []
        with ExitStack() as stack:
            for target in targets:
                if target.format not in kinds:
                    continue
                writer = kinds[target.format](rules)
                file = stack.enter_context(opened(target))
                file.write(writer.head)
                self._all.append((file, writer))
                if isinstance(writer, TimesketchCsv):
                    self.timesketch.append(writer)
            self._stack = stack.pop_all()

    def write(self, hits: Sequence[Any]) -> None:
        """Append hits to all of them."""
        for file, writer in self._all:
            file.writelines(map(writer.row, hits))

    def close(self) -> None:
        """Finish the files."""
        self._stack.close()


@contextmanager
def opened(target: Target) -> Iterator[IO[bytes]]:
    """The file of a target, or standard output."""
    if target.path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    try:
        file = target.path.open("wb", buffering=1 << 20)
    except OSError as error:
        text = _("{path} に書けません({error})。書ける場所を -o で指定してください。")
        raise UsageError(text.format(path=target.path, error=error.strerror)) from None
    with file:
        yield file


@contextmanager
def progress(size: Callable[[], int]) -> Iterator[Any]:
    """A bar over bytes with events per second and the time left, on a terminal only; yields its `Progressing`.

    ``size`` says how many bytes there are, if that is asked.
    """
    if not sys.stderr.isatty():
        yield Progressing()
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TextColumn("{task.fields[speed]}"),
        TimeElapsedColumn(),
        TextColumn(_("残り")),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield Progressing(bar, bar.add_task(_("調査中"), total=size() or None, speed=""))


class Progressing:
    """Takes bytes and events as they are done."""

    def __init__(self, bar: Any = None, task: Any = None) -> None:
        self._bar = bar
        self._task = task
        self._events = 0

    def bytes(self, count: int) -> None:
        """Bytes of the files that were read."""
        if self._bar:
            self._bar.advance(self._task, count)

    def events(self, count: int) -> None:
        """Events that were searched."""
        self._events += count
        if self._bar:
            seconds = self._bar.tasks[0].elapsed or 0
            if seconds > 0.5:
                speed = _("{count:,} 件/秒").format(count=int(self._events / seconds))
                self._bar.update(self._task, speed=speed)


# --------------------------------------------------------------------------------------------------------- the summary


@dataclass(frozen=True, slots=True)
class Summary:
    """What is said of a hunt besides the hits."""

    files: int
    events: int
    problems: Sequence[Problem]
    active: int
    inactive: Mapping[str, int]
    unchosen: int
    filters: Sequence[Mapping[str, Any]]
    left_out: int  # hits without a time, which a Timesketch file cannot hold


def json_of(found: Gathering, said: Summary) -> dict[str, Any]:
    """The summary of a hunt as ``--json`` prints it."""
    return {
        "files": said.files,
        "events": said.events,
        "hits": found.count,
        "rules": [{**_row(found, one), "count": one.count} for one in found.ordered()],
        "problems": [{"where": problem.where, "what": problem.what} for problem in said.problems],
        "rules_active": said.active,
        "rules_unchosen": said.unchosen,
        "rules_inactive": dict(said.inactive),
        "filters": list(said.filters),
    }


def show_json(found: Gathering, said: Summary) -> None:
    """Print the summary as JSON."""
    emit_json(json_of(found, said))


def show_table(found: Gathering, most: int) -> None:
    """Hits by rule, then the newest ones; in a pipe all rules and nothing else."""
    ordered = found.ordered()
    if not sys.stdout.isatty():
        most = 0
    emit_table(
        [_("重大度"), _("件数"), _("ルール"), _("端末"), _("最初"), _("最後")],
        [
            (_level(found.rules[one.number]), f"{one.count:,}", _title(found.rules[one.number]), *_places(one))
            for one in ordered[: most or None]
        ],
        right=[1],
    )
    if most and len(ordered) > most:
        text = _("ほか {count:,} ルール(--max-rows で増やせます)")
        click.echo(text.format(count=len(ordered) - most), err=True)
    newest = found.newest()
    if not newest or not most:
        return
    click.echo()
    emit_table(
        [_("時刻(日本時間)"), _("重大度"), _("端末"), _("ルール"), _("一致した値")],
        [
            (_when(hit.timestamp), _level(rule), hit.host, _title(rule), _brief(hit.matched))
            for hit in newest
            for rule in [found.rules[hit.rule]]
        ],
    )
    if found.count > len(newest):
        text = _("ほか {count:,} 件(新しい順に {shown:,} 件を表示。--max-rows で増やすか、-o で全件を書き出せます)")
        click.echo(text.format(count=found.count - len(newest), shown=len(newest)), err=True)


def say(found: Gathering, said: Summary, rule_paths: Sequence[Path]) -> None:
    """What was read, what was not, which rules did not run: on standard error, so that a pipe gets the hits only."""
    rules = said.active + said.unchosen + sum(said.inactive.values())
    text = _("{files} ファイル・{events} 件を調べ、{rules} ルール中 {active} が動き、{hits} 件が当たりました。")
    click.echo(
        text.format(files=said.files, events=said.events, rules=rules, active=said.active, hits=found.count), err=True
    )
    if said.unchosen:
        click.echo(_("--level・--tag で選ばなかったルール: {count} 件").format(count=said.unchosen), err=True)
    if found.undated:
        click.echo(_("時刻のない検知: {count} 件").format(count=found.undated), err=True)
    if said.left_out:
        text = _("Timesketch の時系列に置けないため書かなかったもの(時刻なし): {count} 件")
        click.echo(text.format(count=said.left_out), err=True)
    if said.problems:
        click.echo(_("読めなかったもの: {count} 件").format(count=len(said.problems)), err=True)
        for problem in said.problems[:_PROBLEMS]:
            click.echo(f"  {problem}", err=True)
        if len(said.problems) > _PROBLEMS:
            click.echo("  " + _("ほか {count:,} 件").format(count=len(said.problems) - _PROBLEMS), err=True)
    if said.inactive:
        _say_inactive(said.inactive, rule_paths)


def _say_inactive(inactive: Mapping[str, int], rule_paths: Sequence[Path]) -> None:
    click.echo(_("動かなかったルール: {count} 件").format(count=sum(inactive.values())), err=True)
    reasons = sorted(inactive.items(), key=lambda pair: -pair[1])
    for reason, count in reasons[:_REASONS]:
        click.echo(f"  {count:>5}  {reason}", err=True)
    if len(reasons) > _REASONS:
        rest = sum(count for _reason, count in reasons[_REASONS:])
        click.echo(f"  {rest:>5}  " + _("ほかの {count} とおりの理由").format(count=len(reasons) - _REASONS), err=True)
    command = " ".join(["secops rules list --inactive", *map(str, rule_paths)])
    click.echo("  " + _("一覧: {command}").format(command=command), err=True)


def _row(found: Gathering, one: RuleHits) -> dict[str, Any]:
    rule = found.rules[one.number]
    hosts, first, last = _places(one)
    return {
        "rule.id": rule.id,
        "rule.name": rule.title,
        "rule.level": rule.level.code,
        "hosts": hosts,
        "first": plain(one.first) if first else "",
        "last": plain(one.last) if last else "",
    }


def _places(one: RuleHits) -> tuple[str, str, str]:
    hosts = one.named
    more = _(" ほか {count} 台").format(count=len(hosts) - 3) if len(hosts) > 3 else ""
    return ", ".join(hosts[:3]) + more, _when(one.first), _when(one.last)


def _level(rule: Rule) -> str:
    word = rule.level.label if language() == "ja" else rule.level.code
    return f"{rule.level.mark} {word}" if sys.stdout.isatty() else word


def _title(rule: Rule) -> str:
    return rule.title_ja if language() == "ja" else rule.title


def _when(moment: datetime | None) -> str:
    from secops.schema.dates import JST

    return f"{moment.astimezone(JST):%Y-%m-%d %H:%M:%S}" if moment else ""


def _brief(matched: Any) -> str:
    from secops.report.hits import matched_text
    from secops.report.text import plain as seen

    text = seen(matched_text(matched))
    return text if len(text) <= 160 else text[:160] + "…"
