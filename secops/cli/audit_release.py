"""``secops audit release``: released reports, which nobody changes any more."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from secops.cli.audit_plan import actor_option, who
from secops.cli.audit_report import KINDS
from secops.cli.common import emit_json, emit_table, json_option, site_option
from secops.locale import _

if TYPE_CHECKING:
    from secops.isms.audit.round import Release

_FILE = click.Path(path_type=Path)
_STATES = {"ok": "一致", "missing": "ファイルがない", "changed": "書き換えられている", "unknown": "発行の記録がない"}


def register(group: click.Group) -> None:
    """Add the commands."""
    group.add_command(release)


@click.group()
def release() -> None:
    """監査の文書の発行(確定)。発行した文書はハッシュとともに保管し、以後は変えられない。"""


@release.command("new")
@click.argument("kind", type=click.Choice(KINDS))
@site_option
@click.option("--year", type=int, help="年度(西暦。省略すると最新)")
@click.option("--department", default="", help="この部署のものだけ(部署コード)")
@click.option("--file", "edited", type=_FILE, help="Word で直した .docx を発行する(「案」は取り除く)")
@click.option("--pdf", type=_FILE, help="--file と併せて保管する PDF(省略すると、LibreOffice があれば作る)")
@click.option("--book", "book_file", type=_FILE, help="サイトの記録でなく、この帳簿(Book)から作る")
@click.option("--number", default="", help="文書番号(文書管理システムで採ったもの)")
@click.option("--decided", default="", help="決裁日(例: 令和9年2月1日)")
@click.option("--retention", default="", help="保存年限(例: 5年)")
@click.option("--replaces", default="", help="訂正する発行済みの文書の番号(例: 2026-R01)")
@actor_option
@json_option
def new(
    kind: str,
    site: Path,
    year: int | None,
    department: str,
    edited: Path | None,
    pdf: Path | None,
    book_file: Path | None,
    number: str,
    decided: str,
    retention: str,
    replaces: str,
    actor: str,
    as_json: bool,
) -> None:
    """文書を点検し、直すところがなければ発行する。"""
    from secops.errors import UsageError
    from secops.isms.audit.paper_style import PaperKind
    from secops.isms.audit.releases import Edited, ReleaseRequest
    from secops.wiring import open_site
    from secops.wiring.book import read_ledger
    from secops.wiring.papers import Press, open_style, papers_of, read_bytes, staff_names

    if pdf is not None and edited is None:
        raise UsageError(_("--pdf は --file と併せて指定してください。"))
    request = ReleaseRequest(PaperKind(kind), year, department, number, decided, retention, replaces)
    with open_site(site) as opened:
        press = None
        if book_file is not None:
            press = Press(read_ledger(book_file), open_style(opened.folder), opened.folder, staff_names(opened))
        own = Edited(str(edited), read_bytes(edited), read_bytes(pdf) if pdf else b"") if edited else None
        made = papers_of(opened).release(request, actor=who(actor), edited=own, press=press)
    if as_json:
        emit_json(made)
    else:
        _show(made)
    if not any(one.name.endswith(".pdf") for one in made.files):
        click.echo(
            _(
                "PDF は保管していません(この機械に LibreOffice がありません)。PDF も保管するときは、"
                "Word で PDF を作り、--replaces {number} と --file、--pdf を付けて発行し直してください。"
            ).format(number=made.number),
            err=True,
        )


@release.command("list")
@site_option
@click.option("--year", type=int, help="この年度のものだけ")
@json_option
def list_(site: Path, year: int | None, as_json: bool) -> None:
    """発行した文書の一覧。"""
    from secops.schema.dates import wareki
    from secops.wiring import open_site
    from secops.wiring.papers import papers_of

    with open_site(site) as opened:
        found = papers_of(opened).releases(year=year)
    if as_json:
        emit_json(found)
        return
    emit_table(
        [_("番号"), _("題名"), _("部署"), _("発行日"), _("発行した人"), _("訂正"), "SHA-256"],
        [
            (
                one.number,
                one.title,
                one.department,
                wareki(one.released_on),
                one.released_by,
                one.replaces,
                one.sha256[:16],
            )
            for one in found
        ],
    )


@release.command()
@click.argument("number")
@site_option
@click.option("-o", "--output", type=_FILE, help="ファイルをこのフォルダに取り出す")
@json_option
def show(number: str, site: Path, output: Path | None, as_json: bool) -> None:
    """発行した文書とそのファイル。"""
    from secops.wiring import open_site
    from secops.wiring.papers import EVERYTHING, papers_of

    with open_site(site) as opened:
        papers = papers_of(opened)
        found = opened.desk.releases.release(number, EVERYTHING)
        if output is not None:
            output.mkdir(parents=True, exist_ok=True)
            for one in found.files:
                (output / one.name).write_bytes(papers.file(found.number, one.name))
    if as_json:
        emit_json(found)
        return
    _show(found)


def _show(one: Release) -> None:
    from secops.schema.dates import wareki

    click.echo(f"{one.number}  {one.title}")
    text = _("発行 {day}({who})").format(day=wareki(one.released_on), who=one.released_by)
    click.echo(text + (_(" 文書番号 {number}").format(number=one.document_number) if one.document_number else ""))
    if one.replaces:
        click.echo(_("{number} を訂正したもの").format(number=one.replaces))
    for file in one.files:
        click.echo(f"{file.sha256}  {file.name}")


@release.command()
@site_option
@json_option
def verify(site: Path, as_json: bool) -> None:
    """発行した文書のファイルが、発行した時のままかを確かめる。"""
    from secops.wiring import open_site
    from secops.wiring.papers import papers_of

    with open_site(site) as opened:
        found = papers_of(opened).verify()
    wrong = [one for one in found if one.state != "ok"]
    if as_json:
        emit_json({"files": found, "wrong": len(wrong)})
    else:
        emit_table(
            [_("番号"), _("ファイル"), _("状態")], [(one.number, one.name, _(_STATES[one.state])) for one in found]
        )
        if not wrong:
            click.echo(_("発行した {count} 個のファイルは、すべて発行した時のままです。").format(count=len(found)))
    if wrong:
        raise SystemExit(1)
