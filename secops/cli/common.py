"""What every command shares: the site option, JSON output, tables, a progress bar that is quiet in a pipe."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import date, datetime
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

import click

from secops.errors import UsageError
from secops.locale import _
from secops.schema.severity import Severity

F = TypeVar("F", bound=Callable[..., Any])


def site_option(function: F) -> F:
    """Add ``--site DIR`` (or ``SECOPS_SITE``), passed on as ``site: Path``."""
    return click.option(
        "--site",
        envvar="SECOPS_SITE",
        type=click.Path(file_okay=False, path_type=Path),
        callback=_required_site,
        help="サイトのフォルダ(環境変数 SECOPS_SITE でも可)",
    )(function)


def optional_site_option(function: F) -> F:
    """Add ``--site DIR`` (or ``SECOPS_SITE``) for a command that also works without one: ``site: Path | None``."""
    return click.option(
        "--site",
        envvar="SECOPS_SITE",
        type=click.Path(file_okay=False, path_type=Path),
        help="サイトのフォルダ(環境変数 SECOPS_SITE でも可。省略するとサイトなし)",
    )(function)


def _required_site(_ctx: click.Context, _param: click.Parameter, value: Path | None) -> Path:
    if value is None:
        raise UsageError(_("サイトを指定してください: --site フォルダ、または環境変数 SECOPS_SITE。"))
    return value


def json_option(function: F) -> F:
    """Add ``--json``, passed on as ``as_json: bool``."""
    return click.option("--json", "as_json", is_flag=True, help="JSON で出力する")(function)


def pipeline_option(function: F) -> F:
    """Add ``--pipeline FILE`` (several times), passed on as ``pipelines: tuple[Path, ...]``."""
    return click.option(
        "--pipeline",
        "pipelines",
        multiple=True,
        type=click.Path(path_type=Path),
        help="pySigma の処理パイプライン(YAML、項目名の読み替えなど)",
    )(function)


def plain(value: Any) -> Any:
    """A value as JSON can hold it: dataclasses as objects, moments as ISO 8601 UTC, severities by name."""
    if isinstance(value, Severity):
        return value.code
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime | date):
        return value.isoformat().replace("+00:00", "Z")
    if is_dataclass(value) and not isinstance(value, type):
        return {key: plain(part) for key, part in asdict(value).items()}
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(part) for part in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def emit_json(value: Any) -> None:
    """Print one JSON document."""
    click.echo(json.dumps(plain(value), ensure_ascii=False, indent=2))


def emit_table(headers: Sequence[str], rows: Iterable[Sequence[object]], right: Iterable[int] = ()) -> None:
    """Print a table; columns in ``right`` are right-aligned. In a pipe it is tab-separated, without a frame."""
    texts = [["" if cell is None else str(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for row in [list(headers), *texts]:
            click.echo("\t".join(cell.replace("\t", " ").replace("\n", " ") for cell in row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    aligned = set(right)
    for index, header in enumerate(headers):
        table.add_column(header, justify="right" if index in aligned else "left", overflow="fold")
    for row in texts:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)


@contextmanager
def progress_bar(label: str, total: int) -> Iterator[Callable[[int], None]]:
    """A progress bar on a terminal, nothing in a pipe; yields what to call with each amount done."""
    if not sys.stderr.isatty():
        yield lambda _amount: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(label, total=total or None)
        yield lambda amount: progress.advance(task, amount)


@contextmanager
def steps_bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar of steps on a terminal, nothing in a pipe; yields what to call with done and all."""
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(label, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def say_hidden(sheets: Sequence[str]) -> None:
    """Sheets of a workbook that were read although Excel does not show them: whoever made the file may not know."""
    for sheet in sheets:
        text = _("非表示のシートも読みました: {sheet}(読ませないときは、Excel で再表示して消してください)")
        click.echo(text.format(sheet=sheet), err=True)
