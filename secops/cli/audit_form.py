"""``secops audit form|progress|remind|mapping``: the self-inspection at the command line."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secops.cli.audit_plan import actor_option, who
from secops.cli.common import emit_json, emit_table, json_option, plain, site_option
from secops.errors import ConflictError, NotFoundError, UsageError
from secops.locale import _

if TYPE_CHECKING:
    from collections.abc import Sequence

    from secops.isms.audit.form_import import Imported
    from secops.isms.audit.frozen import Stale
    from secops.isms.audit.mappings import Inspection
    from secops.isms.audit.sheets import Sheet
    from secops.siem.ports import Outgoing
    from secops.wiring import Site


def register(group: click.Group) -> None:
    """Add the commands."""
    for command in (form, progress, remind, mapping):
        group.add_command(command)


@click.group()
def form() -> None:
    """自己点検票(Excel)の書き出しと取り込み、差戻し。"""


def _round(opened: Site, number: str) -> str:
    """The round that was named, else the newest."""
    found = opened.desk.rounds.rounds()
    if number:
        return opened.desk.rounds.round(number).number
    if not found:
        raise NotFoundError(
            _("自己点検は始まっていません。年度計画を承認すると始まります(secops audit plan approve)。")
        )
    return found[0].number


def _sheet(opened: Site, number: str, department: str, system: str, *, ward: bool = False) -> Sheet:
    from secops.isms.audit.sheets import SheetKind
    from secops.wiring.rounds import EVERYTHING, unit_of

    unit = unit_of(opened.directory, f"{department}/{system}" if system else department)
    kind = SheetKind.WARD if ward else SheetKind.SYSTEM if system else SheetKind.DEPARTMENT
    found = opened.desk.rounds.sheets(EVERYTHING, of=_round(opened, number))
    for one in found:
        if one.unit == unit and one.kind is kind:
            return one
    raise NotFoundError(_("{unit} の点検票はありません(この自己点検の監査単位ではありません)。").format(unit=unit))


def _list(found: Sequence[Inspection], as_json: bool) -> None:
    if as_json:
        emit_json(found)
        return
    rows = [(one.id, one.title, len(one.questions), sum(q.confirm for q in one.questions)) for one in found]
    emit_table([_("名前"), _("点検・調査"), _("設問"), _("うち要確認")], rows, right=(2, 3))


def _new_file(path: Path, data: bytes) -> None:
    try:
        with path.open("xb") as out:
            out.write(data)
    except FileExistsError:
        raise ConflictError(_("{path} はすでにあります。別の名前を指定してください。").format(path=path)) from None
    except OSError as error:
        text = _("{path} に書けません({reason})。")
        raise UsageError(text.format(path=path, reason=error.strerror)) from None


@form.command()
@site_option
@click.option("-o", "--output", "path", type=click.Path(path_type=Path), required=True, help="書き出す .xlsx")
@click.option("--department", required=True, help="部署(コードか名前)")
@click.option("--system", default="", help="情報システム(コードか名前)の点検票")
@click.option("--ward", is_flag=True, help="全庁の点検票(ポリシーを所管する部署)")
@click.option("--round", "number", default="", help="年度計画の番号(省略すると最新)")
def export(site: Path, path: Path, department: str, system: str, ward: bool, number: str) -> None:
    """点検票を Excel に書き出す。記入して form import で戻す。"""
    from secops.report.inspection_form import form_data, make_form
    from secops.wiring import open_site
    from secops.wiring.rounds import EVERYTHING

    with open_site(site) as opened:
        sheet = _sheet(opened, number, department, system, ward=ward)
        ward_site = opened.settings.site
        data = form_data(opened.desk.rounds, sheet.number, EVERYTHING, site=ward_site.id, ward=ward_site.name)
    _new_file(path, make_form(data))
    text = _("{path} に書き出しました({title}、{count} 項目)。")
    click.echo(text.format(path=path, title=sheet.title, count=len(sheet.items)))


@form.command("import")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@site_option
@click.option("--theirs", is_flag=True, help="あとから画面で変わった項目も、ファイルの内容で置き換える(履歴は残る)")
@actor_option
@json_option
def import_(path: Path, site: Path, theirs: bool, actor: str, as_json: bool) -> None:
    """記入した点検票を取り込む。読めないセルと、ほかの人が先に変えた項目は、場所とともに示す。"""
    from dataclasses import replace

    from secops.isms.audit.form import LIMITS, form_of
    from secops.isms.audit.form_import import take_form
    from secops.wiring import open_site
    from secops.wiring.apart import sheets_apart
    from secops.wiring.rounds import EVERYTHING

    if not path.is_file():
        raise NotFoundError(_("ファイルがありません: {paths}").format(paths=path))
    with path.open("rb") as file:
        data = file.read(LIMITS.packed + 1)
    read = form_of(sheets_apart(str(path), data, LIMITS), str(path))
    with open_site(site) as opened:
        viewer = replace(EVERYTHING, name=who(actor))
        rounds = opened.desk.rounds
        sheet = rounds.sheet(read.mark.sheet, viewer)
        how: dict[str, Any] = {"viewer": viewer, "now": opened.now(), "theirs": theirs}
        found = take_form(rounds, read, sheet, opened.settings.site.id, **how)
    if as_json:
        emit_json(found)
    else:
        _tell(found)
    if found.problems or found.conflicts:
        raise SystemExit(1)


def _tell(found: Imported) -> None:
    click.echo(_("取り込んだ回答 {saved} 件、変わりなし {same} 件。").format(saved=found.saved, same=found.same))
    for problem in found.problems:
        click.echo(str(problem), err=True)
    for one in found.conflicts:
        text = _("{place}: {item} は、書き出したあとに {by} が変えています。取り込んでいません(--theirs で置き換え)。")
        click.echo(text.format(place=one.place, item=one.item, by=one.by), err=True)


@form.command("return")
@site_option
@click.option("--department", required=True, help="部署(コードか名前)")
@click.option("--system", default="", help="情報システム(コードか名前)の点検票")
@click.option("--ward", is_flag=True, help="全庁の点検票(ポリシーを所管する部署)")
@click.option("--round", "number", default="", help="年度計画の番号(省略すると最新)")
@click.option("--reason", required=True, help="差し戻す理由")
@actor_option
def return_(site: Path, department: str, system: str, ward: bool, number: str, reason: str, actor: str) -> None:
    """点検票を差し戻す。確認済のものも戻せる(監査統括責任者の指示で直すとき)。"""
    from dataclasses import replace

    from secops.isms.audit.sheets import SheetState
    from secops.wiring import open_site
    from secops.wiring.rounds import EVERYTHING

    with open_site(site) as opened:
        sheet = _sheet(opened, number, department, system, ward=ward)
        how: dict[str, Any] = {"viewer": replace(EVERYTHING, name=who(actor)), "now": opened.now()}
        confirmed = sheet.state is SheetState.CONFIRMED
        opened.desk.rounds.give_back(sheet.number, reason, confirmed=confirmed, **how)
    click.echo(_("{title} の点検票を差し戻しました。").format(title=sheet.title))


@click.command()
@site_option
@click.option("--round", "number", default="", help="年度計画の番号(省略すると最新)")
@json_option
def progress(site: Path, number: str, as_json: bool) -> None:
    """自己点検の進み具合: 課ごと・部ごとに、配った・入力済・確認済・期限超過。監査項目の変更で古くなった項目も示す。"""
    from secops.isms.audit.frozen import stale
    from secops.isms.audit.progress import progress as rows_of
    from secops.isms.audit.progress import whole
    from secops.schema.dates import JST
    from secops.wiring import open_site
    from secops.wiring.audits import open_catalogue
    from secops.wiring.guidelines import open_editions
    from secops.wiring.rounds import EVERYTHING

    with open_site(site) as opened:
        number = _round(opened, number)
        found = opened.desk.rounds.round(number)
        sheets = opened.desk.rounds.sheets(EVERYTHING, of=number)
        day = opened.now().astimezone(JST).date()
        clauses = {one.id for edition in open_editions(opened.folder).all for one in edition.clauses}
        old = stale(found.catalogue, open_catalogue(opened.folder), clauses)
    rows, total = rows_of(sheets, day), whole(sheets, day)
    if as_json:
        emit_json({"round": number, "due": found.due, "rows": rows, "whole": total, "stale": asdict(old)})
        return
    headers = (_("部・課"), _("点検票"), _("入力済"), _("確認済"), _("期限超過"), _("回答"), _("項目"), _("職員の回答"))
    emit_table(
        headers,
        [
            (
                f"  {one.name}" if one.department else one.name,
                *(one.asked, one.entered, one.confirmed, one.overdue, one.answered, one.items, one.respondents),
            )
            for one in [*rows, total]
        ],
        right=range(1, 8),
    )
    _tell_stale(old)


def _tell_stale(old: Stale) -> None:
    gone = _("{where}: 項目 {item} は、いまの監査項目にありません(この自己点検では固定した内容を使います)。")
    changed = _("{where}: 項目 {item} は、始まったあとに変わりました(この自己点検では固定した内容を使います)。")
    lost = _("{where}: 項目 {item} の条項 {clause} は、どの版にもありません。")
    said = [gone.format(item=item, where=where) for item, where in old.vanished]
    said += [changed.format(item=item, where=where) for item, where in old.changed]
    said += [lost.format(item=item, clause=clause, where=where) for item, clause, where in old.clauses]
    for text in said:
        click.echo(text, err=True)


@click.command()
@site_option
@click.option("--round", "number", default="", help="年度計画の番号(省略すると最新)")
@click.option("--send", is_flag=True, help="メールアドレスのある課に送る(1 日に 1 通まで)。ない課の文面は示す")
@click.option("--department", "only", multiple=True, help="この課にだけ送る(コードか名前)。繰り返せる")
@actor_option
@json_option
def remind(site: Path, number: str, send: bool, only: tuple[str, ...], actor: str, as_json: bool) -> None:
    """済んでいない課への催促。文面を示し、--send でメールを送信待ちにする(送るのは secops run の通知)。

    メールに載せるのは、区の名前、どの自己点検か、残りの件数、期限、画面の場所だけ。宛先は台帳(departments.csv)の
    メールアドレス。
    """
    from secops.wiring import open_site
    from secops.wiring.reminding import reminders_of
    from secops.wiring.rounds import department_of

    counts = (0, 0)
    with open_site(site) as opened:
        round_, desk = _round(opened, number), reminders_of(opened)
        codes = {department_of(opened.directory, one) for one in only} or None
        if send and desk.receivers(round_):
            counts = desk.send(round_, codes, actor=who(actor))
        found = [one for one in desk.receivers(round_) if codes is None or one.reminder.department in codes]
    bare = [one for one in found if not one.address]
    if as_json:
        emit_json([{**asdict(one.reminder), "address": one.address, "last": _last(one.last)} for one in found])
        return
    for one in bare if send else found:
        to = one.address or _("(メールアドレスなし)")
        click.echo(f"{_('宛先')}: {one.reminder.name} {to}\n{_('件名')}: {one.reminder.subject}\n")
        click.echo(f"{one.reminder.text}\n{'-' * 40}")
    if not found:
        click.echo(_("すべての点検票が確認済です。"))
    elif send:
        text = _("{sent} 通を送信待ちにしました。今日すでに送った課 {already}、アドレスのない課 {bare}(上の文面)。")
        click.echo(text.format(sent=counts[0], already=counts[1], bare=len(bare)), err=True)


def _last(one: Outgoing | None) -> dict[str, Any] | None:
    return None if one is None else {"at": one.created, "state": one.state, "reason": one.reason}


@click.command()
@click.argument("name", required=False, default="")
@site_option
@click.option("--department", default="", help="部署(コードか名前)")
@click.option("--round", "number", default="", help="年度計画の番号(省略すると最新)")
@click.option("-o", "--output", "path", type=click.Path(path_type=Path), help="書き出す .xlsx")
@json_option
def mapping(name: str, site: Path, department: str, number: str, path: Path | None, as_json: bool) -> None:
    """ほかの点検・調査(特定個人情報、住基ネット、LGWAN)の設問の順に、自己点検の回答を並べる。NAME がなければ一覧。"""
    from secops.isms.audit.mappings import inspection_of, mapped, unknown_items
    from secops.isms.audit.sheets import SheetKind
    from secops.report.mapped_answers import cells, mapped_book
    from secops.wiring import open_site
    from secops.wiring.audits import open_mappings
    from secops.wiring.rounds import EVERYTHING, department_of

    found = open_mappings(site)
    if not name:
        _list(found, as_json)
        return
    if not department:
        raise UsageError(_("--department で部署を指定してください。"))
    wanted = inspection_of(found, name)
    with open_site(site) as opened:
        number, code = _round(opened, number), department_of(opened.directory, department)
        rounds = opened.desk.rounds
        catalogue = rounds.round(number).catalogue
        asked = [one for one in rounds.sheets(EVERYTHING, of=number) if one.kind is not SheetKind.STAFF]
        own = [one for one in asked if one.kind is SheetKind.WARD or one.unit.department == code]
        answers = [(one, rounds.answers(one.number, EVERYTHING)) for one in own]
        head = f"{opened.directory.department_name(code)} {number}"
    lines = mapped(wanted, catalogue, answers)
    if as_json:
        emit_json([{**asdict(one), "answer": plain(one.answer)} for one in lines])
    elif path is not None:
        _new_file(path, mapped_book(wanted, lines, head))
        click.echo(_("{path} に書き出しました。").format(path=path))
    else:
        heads = [_("設問"), _("設問の題名"), _("項目"), _("点検項目"), _("点検票"), _("判定"), _("現状・根拠")]
        emit_table(heads, [cells(one)[:7] for one in lines])
    for problem in unknown_items(wanted, catalogue):
        click.echo(str(problem), err=True)
