"""``secops policy gap|suggest|link``: what the policy does not answer, what may answer it, and what was decided."""

from __future__ import annotations

import getpass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secops.cli.common import emit_json, emit_table, json_option, optional_site_option, site_option
from secops.locale import _

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from secops.isms.policy.gap import Gap, GapRow
    from secops.isms.policy.suggest import Suggestion

STATUSES = ("missing", "outdated", "partly", "covered")


def register(group: click.Group) -> None:
    """Add the commands."""
    for command in (gap, suggest, link):
        group.add_command(command)


def _today(now: datetime) -> date:
    from secops.schema.dates import JST

    return now.astimezone(JST).date()


_edition_option = click.option("--edition", default="", help="ガイドラインの版(例: 2025-03。省略時は最新)")
_draft_option = click.option("--draft", "drafts", is_flag=True, help="施行中の版でなく、改正案で見る")


@click.command()
@_edition_option
@optional_site_option
@_draft_option
@click.option("--status", multiple=True, type=click.Choice(STATUSES), help="この状態の条項だけ(繰り返し可)")
@json_option
def gap(edition: str, site: Path | None, drafts: bool, status: tuple[str, ...], as_json: bool) -> None:
    """ガイドラインの条項ごとに、区のどの条文が対応しているか。サイトなしでは、付属の見本を見る。"""
    found = _gap(edition, site, drafts=drafts)
    rows = [one for one in found.rows if not status or one.status.value in status]
    if as_json:
        emit_json([_row_said(one) for one in rows])
    else:
        _gap_table(found, rows)
    for lost in found.lost:
        text = _("注意: {where} {clause} が指す {link}: {reason}")
        where = lost.where or lost.document
        click.echo(text.format(where=where, clause=lost.clause, link=lost.link, reason=lost.reason), err=True)


def _gap(edition: str, site: Path | None, *, drafts: bool) -> Gap:
    if site is None:
        from secops.isms.policy.gap import gap as hold
        from secops.wiring.guidelines import open_editions
        from secops.wiring.policies import open_files

        editions = open_editions()
        return hold(list(open_files(None).documents.values()), editions, edition or editions.latest.id)
    from secops.wiring import open_site
    from secops.wiring.comparison import open_links

    with open_site(site) as opened:
        return open_links(opened).gap(edition, _today(opened.now()), drafts=drafts)


def _row_said(row: GapRow) -> dict[str, Any]:
    return {
        "clause": row.clause.id,
        "number": row.clause.number,
        "title": row.clause.title,
        "chapter": row.chapter,
        "status": row.status.value,
        "by": row.by,
    }


def _gap_table(found: Gap, rows: Sequence[GapRow]) -> None:
    from secops.isms.policy.gap import HOW_LABELS, STATUS_LABELS, How

    def said(row: GapRow) -> str:
        plain = How.WHOLE
        return "、".join(
            one.number if one.how is plain else f"{one.number}({_(HOW_LABELS[one.how])})" for one in row.by
        )

    emit_table(
        [_("条項"), _("題名"), _("状態"), _("対応する条文")],
        [(one.clause.number, one.clause.title, _(STATUS_LABELS[one.status]), said(one)) for one in rows],
    )
    counts = "、".join(f"{_(STATUS_LABELS[status])} {count}" for status, count in found.counts.items())
    click.echo(_("{edition}: 全 {count} 項のうち {counts}").format(
        edition=found.edition.title, count=len(found.rows), counts=counts
    ), err=True)  # fmt: skip


@click.command()
@_edition_option
@optional_site_option
@_draft_option
@click.option("--clause", default="", help="ガイドラインのこの条項だけ(例: mic-2025-03-6.1-12)")
@click.option("--all", "every", is_flag=True, help="対応済みの条項についても示す")
@json_option
def suggest(edition: str, site: Path | None, drafts: bool, clause: str, every: bool, as_json: bool) -> None:
    """対応が足りない条項ごとに、対応していそうな条文を、言葉の近さの順に示す。決めるのは人。"""
    found = _suggestions(edition, site, clause, drafts=drafts, every=every)
    if as_json:
        emit_json(
            [{"guideline": name, **_suggestion_said(one)} for name, suggestions in found.items() for one in suggestions]
        )
        return
    emit_table(
        [_("条項"), _("文書"), _("条文"), _("id"), _("近さ"), _("一致した言葉")],
        [
            (
                name,
                one.pair.document,
                f"{one.number} {one.title}".strip(),
                one.pair.clause,
                f"{one.score:.2f}",
                "、".join(one.words),
            )
            for name, suggestions in found.items()
            for one in suggestions
        ],
        right=(4,),
    )
    none = sum(not suggestions for suggestions in found.values())
    if none:
        click.echo(_("{count} 項には、近い条文がありません。").format(count=none), err=True)


def _suggestions(
    edition: str, site: Path | None, clause: str, *, drafts: bool, every: bool
) -> Mapping[str, Sequence[Suggestion]]:
    found = _gap(edition, site, drafts=drafts)
    names = [one.clause.id for one in found.rows if every or clause or one.status.value != "covered"]
    if clause:
        names = [name for name in names if name in {clause, f"{found.edition.id}-{clause}"}]
    if clause and not names:
        from secops.errors import NotFoundError

        what = _("「{clause}」は、{edition}の末端の条項ではありません。")
        raise NotFoundError(what.format(clause=clause, edition=found.edition.title))
    if site is None:
        from secops.isms.policy.suggest import suggest as look
        from secops.wiring.policies import open_files

        return look(list(open_files(None).documents.values()), found.edition, only=names)
    from secops.wiring import open_site
    from secops.wiring.comparison import open_links

    with open_site(site) as opened:
        return open_links(opened).suggestions(found.edition.id, _today(opened.now()), drafts=drafts, only=names)


def _suggestion_said(one: Suggestion) -> dict[str, Any]:
    return {
        "document": one.pair.document,
        "clause": one.pair.clause,
        "number": one.number,
        "title": one.title,
        "score": one.score,
        "words": one.words,
    }


@click.command()
@click.argument("clause", metavar="CLAUSE")
@click.argument("guideline", metavar="GUIDELINE")
@site_option
@click.option("--confirm", "verdict", flag_value="confirm", help="対応していると認める")
@click.option("--refuse", "verdict", flag_value="refuse", help="対応していないと判断する(理由が必要)")
@click.option("--withdraw", "verdict", flag_value="withdraw", help="前の判断を取り消す")
@click.option("--partly", is_flag=True, help="一部だけ対応している(--confirm とともに)")
@click.option("--reason", default="", help="判断の理由")
@click.option("--as-user", "actor", default="", help="操作した人(省略時は OS の利用者名)")
@json_option
def link(
    clause: str, guideline: str, site: Path, verdict: str | None, partly: bool, reason: str, actor: str, as_json: bool
) -> None:
    """区の条文 CLAUSE がガイドラインの条項 GUIDELINE に対応するかの判断を記録する。"""
    from secops.errors import UsageError
    from secops.isms.clauses.model import LinkKind
    from secops.wiring import open_site
    from secops.wiring.comparison import open_links

    if verdict is None or (partly and verdict != "confirm"):
        raise UsageError(
            _("--confirm、--refuse、--withdraw のどれか一つを指定してください(--partly は --confirm と)。")
        )
    by = actor.strip() or getpass.getuser()
    kind = LinkKind.PARTLY if partly else LinkKind.IMPLEMENTS
    with open_site(site) as opened:
        desk, now = open_links(opened), opened.now()
        if verdict == "withdraw":
            ruling, drafted = desk.withdraw(clause, guideline, by=by, now=now), False
        else:
            confirmed = verdict == "confirm"
            done = desk.rule(
                clause, guideline, confirmed=confirmed, kind=kind, reason=reason, by=by, now=now, day=_today(now)
            )
            ruling, drafted = done.ruling, done.drafted
    if as_json:
        emit_json({"verdict": verdict, "drafted": drafted, "ruling": ruling})
    elif verdict == "withdraw":
        click.echo(_("判断を取り消しました。"))
    elif drafted:
        click.echo(_("記録し、改正案の条文に結び付けを書きました。"))
    else:
        click.echo(_("記録しました。"))
