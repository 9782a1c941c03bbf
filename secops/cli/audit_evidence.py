"""``secops audit evidence``: what logs and alerts tell of a department, as dated and hashed sheets."""

from __future__ import annotations

import getpass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from secops.cli.common import emit_json, emit_table, json_option, site_option, steps_bar
from secops.errors import UsageError
from secops.locale import _

if TYPE_CHECKING:
    from secops.isms.audit.round import EvidenceSheet
    from secops.store.records.evidence import Kept
    from secops.wiring.evidence import Verified


def register(group: click.Group) -> None:
    """Add the commands."""
    group.add_command(evidence)


@click.group()
def evidence() -> None:
    """ログとアラートによる裏付け票。監査人の参考であり、判定ではない。"""


def _moment(text: str, now: datetime, option: str) -> datetime:
    from secops.schema.dates import parse_moment

    try:
        return parse_moment(text, now)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{option}: {error}") from None


@evidence.command("list")
@click.option("--since", default="90d", show_default=True, help="この時点からの記録で、情報源があるかを調べる")
@site_option
@json_option
def list_queries(since: str, site: Path, as_json: bool) -> None:
    """照会の一覧と、必要な情報源がこのサイトにあるか。"""
    from secops.isms.audit.telemetry import items_of
    from secops.siem.ports import Scope
    from secops.wiring import open_site
    from secops.wiring.audits import open_catalogue, open_telemetry
    from secops.wiring.evidence_site import room_of

    catalogue, telemetry = open_catalogue(site), open_telemetry(site)
    with open_site(site) as opened:
        now = opened.now()
        there = room_of(opened).standing(telemetry, _moment(since, now, "--since"), now, Scope())
    found = [
        {
            "name": query.name,
            "title": query.title,
            "missing": query.missing,
            "sources": {name: there[name] for name in query.sources},
            "items": items_of(catalogue, query.name),
        }
        for query in telemetry.queries.values()
    ]
    if as_json:
        emit_json({"sources": {n: {"title": one.title, "there": there[n]} for n, one in telemetry.sources.items()},
                   "queries": found})  # fmt: skip
        return
    emit_table(
        [_("照会"), _("題名"), _("監査項目"), _("ない情報源")],
        [
            (
                query.name,
                query.title,
                " ".join(items_of(catalogue, query.name)),
                query.missing or "、".join(telemetry.sources[name].title for name in query.sources if not there[name]),
            )
            for query in telemetry.queries.values()
        ],
    )


@evidence.command()
@click.option("--department", default="", help="課(部署コードか名称)")
@click.option("--system", default="", help="情報システム(コードか名称)。課の代わりに、そのホストについて照会する")
@click.option("--item", "items", multiple=True, help="この監査項目の照会(何度でも)")
@click.option("--query", "names", multiple=True, help="この照会(何度でも)。--item もなければすべて")
@click.option("--since", default="90d", show_default=True, help="この時点から(90d, 2026-04-01 など)")
@click.option("--until", default="now", show_default=True, help="この時点の前まで")
@click.option("--round", "round_", default="", help="監査計画の番号(例: 2026-1)")
@click.option("--as-user", "actor", default="", help="作成者として残す名前(省略時は OS の利用者名)")
@site_option
@json_option
def make(
    department: str,
    system: str,
    items: tuple[str, ...],
    names: tuple[str, ...],
    since: str,
    until: str,
    round_: str,
    actor: str,
    site: Path,
    as_json: bool,
) -> None:
    """課か情報システムと期間について照会し、裏付け票を作って残す。答えられなかった照会があれば終了コード 1。"""
    from secops.report.evidence import as_plain
    from secops.siem.ports import Scope
    from secops.wiring import open_site
    from secops.wiring.audits import open_catalogue, open_telemetry
    from secops.wiring.evidence import Period
    from secops.wiring.evidence_site import chosen, room_of
    from secops.wiring.rounds import EVERYTHING

    if not department and not system:
        raise UsageError(_("--department か --system で、照会する課か情報システムを指定してください。"))
    catalogue, telemetry = open_catalogue(site), open_telemetry(site)
    wanted = chosen(telemetry, catalogue, items, names)
    by = actor or getpass.getuser()
    with open_site(site) as opened:
        now = opened.now()
        if round_:
            opened.desk.rounds.plan(round_, EVERYTHING)  # NotFoundError before anything is asked
        period = Period(department, _moment(since, now, "--since"), _moment(until, now, "--until"), system)
        with steps_bar(_("照会")) as tell:
            made = room_of(opened).make(wanted, telemetry, period, Scope(), by, tell)
        numbers = [opened.desk.evidence.keep(one, round_=round_, actor=by, now=now) for one in made.sheets]
    pairs = list(zip(numbers, made.sheets, strict=True))
    if as_json:
        emit_json({"sheets": [as_plain(one, number) for number, one in pairs], "failed": made.failed})
    else:
        emit_table(
            [_("番号"), _("照会"), _("題名"), _("主な数値"), _("届いていないもの")],
            [(number, one.name, one.title, _headline(one), len(one.missing) or "") for number, one in pairs],
            right=(0, 4),
        )
        for name, why in made.failed.items():
            click.echo(f"{name}: {why}", err=True)
    if made.failed:
        raise SystemExit(1)


def _headline(sheet: EvidenceSheet) -> str:
    from secops.report.evidence import figure_words

    return "、".join(f"{title} {figure_words(value)}" for title, value in list(sheet.figures.items())[:3])


@evidence.command("sheets")
@click.option("--department", default="", help="この課(部署コード)の票だけ")
@click.option("--system", default="", help="この情報システム(コード)の票だけ")
@click.option("--item", default="", help="この監査項目の票だけ")
@click.option("--query", "name", default="", help="この照会の票だけ")
@click.option("--round", "round_", default="", help="この監査計画の票だけ")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000), help="新しい順に何件まで")
@site_option
@json_option
def list_sheets(
    department: str, system: str, item: str, name: str, round_: str, limit: int, site: Path, as_json: bool
) -> None:
    """作られた裏付け票の一覧。"""
    from secops.schema.dates import dated
    from secops.siem.ports import Scope
    from secops.store.records.evidence import SheetFilter
    from secops.wiring import open_site

    with open_site(site) as opened:
        wanted = SheetFilter(department, item, name, round_, system)
        found, total = opened.desk.evidence.sheets(wanted, Scope(), limit=limit)
    if as_json:
        emit_json({"total": total, "sheets": found})
        return
    emit_table(
        [_("番号"), _("作成"), _("課・情報システム"), _("題名"), _("監査項目"), "SHA-256"],
        [(one.number, dated(one.made_at), one.of, one.title, " ".join(one.items), one.sha256[:16]) for one in found],
    )
    if total > len(found):
        text = _("全 {total:,} 件のうち新しい {shown:,} 件です。--limit で変えられます。")
        click.echo(text.format(total=total, shown=len(found)), err=True)


_number = click.argument("number", type=click.IntRange(min=1))


def _kept(site: Path, number: int) -> Kept:
    from secops.siem.ports import Scope
    from secops.wiring import open_site

    with open_site(site) as opened:
        return opened.desk.evidence.sheet(number, Scope())


@evidence.command()
@_number
@site_option
@json_option
def show(number: int, site: Path, as_json: bool) -> None:
    """裏付け票 NUMBER の中身: 数値、届いていないもの、検索式、ハッシュ。"""
    from secops.report.evidence import as_plain, figure_words, query_words
    from secops.schema.dates import dated

    kept = _kept(site, number)
    sheet = kept.sheet
    if as_json:
        emit_json({**as_plain(sheet, number), "round": kept.round, "whole": kept.whole})
        return
    begin, end = map(dated, sheet.period)
    click.echo(f"{number}  {sheet.title}({sheet.of})")
    click.echo(_("期間 {begin} から {end} の前まで。作成 {at} {by}").format(
        begin=begin, end=end, at=dated(sheet.made_at), by=sheet.made_by))  # fmt: skip
    emit_table(
        [_("数値"), _("値"), _("検索式")],
        [(title, figure_words(value), query_words(sheet, title)) for title, value in sheet.figures.items()],
        right=(1,),
    )
    for one in sheet.sources:
        days = "" if one.days is None else _("{days} 日 / {of} 日").format(days=one.days, of=one.of)
        click.echo(f"{one.title}: {days or (_('あり') if one.there else _('なし'))}")
    for line in (*sheet.missing, *sheet.notes):
        click.echo(f"- {line}")
    if sheet.rows:
        heads = list(sheet.rows[0])
        emit_table(heads, [[row.get(name, "") for name in heads] for row in sheet.rows])
        click.echo(
            _("内訳は {total:,} 件のうち {shown:,} 件です。").format(total=sheet.rows_total, shown=len(sheet.rows))
        )
    click.echo(f"SHA-256 {sheet.sha256}")


@evidence.command()
@_number
@click.option("--as-user", "actor", default="", help="照合した人として残す名前(省略時は OS の利用者名)")
@site_option
@json_option
def verify(number: int, actor: str, site: Path, as_json: bool) -> None:
    """裏付け票 NUMBER のハッシュを確かめ、同じ照会をもう一度行って比べる。違いがあれば終了コード 1。"""
    from secops.siem.ports import Scope
    from secops.wiring import open_site
    from secops.wiring.evidence_site import room_of

    with open_site(site) as opened:
        kept = opened.desk.evidence.sheet(number, Scope())
        found = room_of(opened).again(kept.sheet, Scope())
        differing = [one.title for one in found.differences]
        opened.desk.evidence.checked(kept, differing, actor=actor or getpass.getuser(), now=opened.now())
    if as_json:
        emit_json({"whole": kept.whole, "sha256": kept.sheet.sha256, "differences": found.differences})
    else:
        _tell(kept, found)
    if not kept.whole or found.differences:
        raise SystemExit(1)


def _tell(kept: Kept, found: Verified) -> None:
    from secops.report.evidence import figure_words

    if kept.whole:
        click.echo(_("ハッシュは一致しています。{sha256}").format(sha256=kept.sheet.sha256))
    else:
        click.echo(_("ハッシュが一致しません。記録データベースが書き換えられたおそれがあります。"), err=True)
    if not found.differences:
        click.echo(_("もう一度照会した数値は、票と同じです。"))
        return
    click.echo(_("もう一度照会すると、次の数値が違います(後から届いたログ、保存期間の終わり、その後の対応など)。"))
    emit_table(
        [_("数値"), _("票の値"), _("いまの値")],
        [(one.title, figure_words(one.before), figure_words(one.now)) for one in found.differences],
        right=(1, 2),
    )


@evidence.command()
@_number
@click.option(
    "-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path), help="出力先(.xlsx か .html)"
)
@site_option
def export(number: int, output: Path, site: Path) -> None:
    """裏付け票 NUMBER を Excel か HTML のファイルに書き出す。"""
    from secops.report.evidence import as_html, as_xlsx
    from secops.siem.ports import Scope
    from secops.wiring import open_site

    kind = output.suffix.lower()
    if kind not in {".xlsx", ".html"}:
        raise UsageError(_("出力先の名前は .xlsx か .html で終わらせてください。"))
    with open_site(site) as opened:
        sheet, checks = opened.desk.evidence.sheet(number, Scope()).sheet, opened.desk.evidence.checks(number)
    html = kind == ".html"
    data = as_html(sheet, number, checks).encode("utf-8", "replace") if html else as_xlsx(sheet, number, checks)
    try:
        with output.open("xb") as file:
            file.write(data)
    except FileExistsError:
        raise UsageError(_("{path} はすでにあります。別の名前にしてください。").format(path=output)) from None
    click.echo(_("{path} に書き出しました。").format(path=output))
