"""``secops audit report | lint | opendata | book``: the papers of a round, their linter, what is published."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from secops.cli.audit_plan import who
from secops.cli.common import emit_json, emit_table, json_option, optional_site_option, site_option
from secops.locale import _

if TYPE_CHECKING:
    from secops.isms.audit.book import Ledger
    from secops.isms.audit.lint import Fault
    from secops.wiring.papers import Press

KINDS = ("plan", "notice", "form", "workpaper", "report", "summary", "briefing", "improvement", "followup")
_FILE = click.Path(path_type=Path)


def register(group: click.Group) -> None:
    """Add the commands."""
    group.add_command(report)
    group.add_command(lint)
    group.add_command(opendata)
    group.add_command(book)


def press_of(site: Path | None, book_file: Path | None, year: int | None) -> Press:
    """What papers are made with: the book that was named, else that of the site."""
    from secops.errors import UsageError
    from secops.wiring import open_site
    from secops.wiring.book import read_ledger
    from secops.wiring.papers import Press, open_style, papers_of, staff_names

    if site is None and book_file is None:
        raise UsageError(_("サイト(--site)か帳簿のファイル(--book)を指定してください。"))
    if site is None:
        assert book_file is not None
        return Press(read_ledger(book_file), open_style(None))
    with open_site(site) as opened:
        if book_file is None:
            return papers_of(opened).press(year, who(""))
        return Press(read_ledger(book_file), open_style(site), site.resolve(), staff_names(opened))


def today() -> date:
    """The day on which a paper is made, in Japan."""
    from secops.schema.dates import JST
    from secops.wiring.clock import now

    return now().astimezone(JST).date()


@click.command()
@click.argument("kind", type=click.Choice(KINDS))
@click.option("-o", "--output", required=True, type=_FILE, help="書き出すファイル(.docx, .pdf, .html。.xlsx は採点表)")
@optional_site_option
@click.option("--book", "book_file", type=_FILE, help="サイトの記録でなく、この帳簿(Book)のファイルから作る")
@click.option("--year", type=int, help="年度(西暦。省略すると最新)")
@click.option("--department", default="", help="この部署のものだけ(部署コード)")
@click.option("--number", default="", help="文書番号(文書管理システムで採ったもの)")
@click.option("--decided", default="", help="決裁日(例: 令和9年2月1日)")
@click.option("--retention", default="", help="保存年限(例: 5年)")
@click.option("--made-on", type=click.DateTime(["%Y-%m-%d"]), help="作成日(省略すると今日)")
@click.option("--force", is_flag=True, help="同じ名前のファイルがあれば置き換える")
def report(
    kind: str,
    output: Path,
    site: Path | None,
    book_file: Path | None,
    year: int | None,
    department: str,
    number: str,
    decided: str,
    retention: str,
    made_on: datetime | None,
    force: bool,
) -> None:
    """監査の文書の案を作る。

    KIND は、plan 監査計画書、notice 監査実施通知書、form 自己点検票、workpaper 監査調書、report 監査報告書、summary
    公表用概要、briefing 講評資料、improvement 改善計画書、followup フォローアップ報告書。発行するまで各ページに「案」が
    付く。
    """
    from secops.errors import ConflictError, UsageError
    from secops.isms.audit.paper_style import PaperKind
    from secops.report.papers.model import Order
    from secops.wiring.papers import SUFFIXES

    suffix = output.suffix.lower().removeprefix(".")
    if suffix not in SUFFIXES:
        raise UsageError(
            _("{path} の拡張子は使えません(.docx, .pdf, .html, .xlsx のどれかにしてください)。").format(path=output)
        )
    if output.exists() and not force:
        raise ConflictError(
            _("{path} はすでにあります。置き換えるときは --force を付けてください。").format(path=output)
        )
    press = press_of(site, book_file, year)
    order = Order(
        PaperKind(kind),
        press.style,
        made_on.date() if made_on else today(),
        department,
        number=number,
        decided=decided,
        retention=retention,
    )
    data = press.write(order, suffix)
    output.write_bytes(data)
    click.echo(_("{path} を作りました({size:,} バイト、案)。").format(path=output, size=len(data)), err=True)
    if suffix == "docx":
        found = press.faults(order, data, str(output))
        if found:
            _print(found)
            click.echo(_("発行する前に直すところが {count} 件あります。").format(count=len(found)), err=True)
            raise SystemExit(1)


def _print(found: list[Fault]) -> None:
    for one in found:
        click.echo(f"{one.where}: {one.what}", err=True)


@click.command()
@click.argument("file", type=_FILE)
@optional_site_option
@click.option("--book", "book_file", type=_FILE, help="数字をこの帳簿(Book)と比べる")
@click.option("--kind", type=click.Choice(KINDS), help="文書の種類(省略すると、ファイルに書かれているもの)")
@click.option("--department", help="部署コード(省略すると、ファイルに書かれているもの)")
@click.option("--year", type=int, help="年度(西暦。省略すると、ファイルに書かれているもの)")
@json_option
def lint(
    file: Path,
    site: Path | None,
    book_file: Path | None,
    kind: str | None,
    department: str | None,
    year: int | None,
    as_json: bool,
) -> None:
    """監査の文書(.docx か .md)を点検する: 保証と受け取られる表現、根拠のない指摘、違う数字、文体、用語、氏名。"""
    from secops.isms.audit.lint import lint as check
    from secops.isms.audit.paper_style import PaperKind
    from secops.wiring.papers import bare_facts, open_style, read_draft

    draft = read_draft(file)
    wanted = PaperKind(kind) if kind else draft.kind
    said = draft.meta.get("year", "")
    press = _press_or_none(site, book_file, year or (int(said) if said.isdecimal() else None))
    if press is None:
        facts = bare_facts(draft, open_style(site), wanted, ())
    elif wanted is None:
        facts = bare_facts(draft, press.style, None, press.names)
    else:
        from secops.report.papers.model import Order

        made = draft.meta.get("made_on", "")
        where = draft.meta.get("department", "") if department is None else department
        day = date.fromisoformat(made) if made else today()
        facts = press.facts(wanted, Order(wanted, press.style, day, where))
    found = check(draft, facts)
    if as_json:
        emit_json({"file": str(file), "kind": wanted, "compared": bool(facts.figures), "faults": found})
    else:
        for one in found:
            click.echo(f"{file}: {one.where}: {one.what}")
        if not found:
            text = _("{file}: 直すところはありません({compared})。")
            compared = (
                _("データと比べました")
                if facts.figures
                else _("データとは比べていません。--site か --book で比べられます")
            )
            click.echo(text.format(file=file, compared=compared))
    if found:
        raise SystemExit(1)


def _press_or_none(site: Path | None, book_file: Path | None, year: int | None) -> Press | None:
    """What to compare with; a site without a round of the year leaves the paper to itself."""
    from secops.errors import NotFoundError

    if site is None and book_file is None:
        return None
    try:
        return press_of(site, book_file, year)
    except NotFoundError:
        if book_file is not None:
            raise
        return None


@click.command()
@click.option("-o", "--output", required=True, type=_FILE, help="書き出すフォルダ")
@optional_site_option
@click.option("--book", "book_file", type=_FILE, help="サイトの記録でなく、この帳簿(Book)のファイルから作る")
@click.option("--year", type=int, help="年度(西暦。省略すると最新)")
@json_option
def opendata(output: Path, site: Path | None, book_file: Path | None, year: int | None, as_json: bool) -> None:
    """年度の概要をオープンデータ(CSV とカタログ)として書き出し、公表しないものと理由を示す。"""
    from secops.isms.audit.opendata import publish

    press = press_of(site, book_file, year)
    made = publish(press.ledger.book, press.style.opendata, today())
    output.mkdir(parents=True, exist_ok=True)
    files = made.files()
    for name, data in files.items():
        (output / name).write_bytes(data)
    if as_json:
        emit_json({"year": made.year, "files": sorted(files), "withheld": made.withheld})
        return
    click.echo(
        _("{folder} に {count} 個のファイルを書き出しました。").format(folder=output, count=len(files)), err=True
    )
    emit_table([_("公表しないもの"), _("理由")], [(one.what, one.why) for one in made.withheld])


@click.group()
def book() -> None:
    """帳簿(Book): 一つの年度の監査の記録をまとめた JSON ファイル。ほかの機械で文書を作るのに使う。"""


@book.command()
@site_option
@click.option("--year", type=int, help="年度(西暦。省略すると最新)")
@click.option("-o", "--output", required=True, type=_FILE, help="書き出すファイル(.json)")
def export(site: Path, year: int | None, output: Path) -> None:
    """サイトの記録から帳簿を書き出す。"""
    from secops.errors import ConflictError
    from secops.isms.audit.book_file import write_book
    from secops.wiring import open_site
    from secops.wiring.book import Books

    if output.exists():
        raise ConflictError(_("{path} はすでにあります。").format(path=output))
    with open_site(site) as opened:
        found = Books(opened).open(year)
    output.write_text(write_book(found), encoding="utf-8")
    _told(output, found)


@book.command("import")
@click.argument("file", type=_FILE)
@site_option
def import_(file: Path, site: Path) -> None:
    """帳簿をサイトに取り込む(記録のない年度の文書を作れるようになる)。同じ年度のものは置き換える。"""
    from secops.wiring import open_site
    from secops.wiring.book import keep_book, read_ledger

    found = read_ledger(file)
    with open_site(site) as opened:
        path = keep_book(opened, found)
    _told(path, found)


def _told(path: Path, found: Ledger) -> None:
    text = _("{path}: {year}年度、監査調書 {papers:,} 件、指摘事項等 {findings:,} 件。")
    made = found.book
    click.echo(text.format(path=path, year=made.year, papers=len(made.papers), findings=len(made.findings)), err=True)
