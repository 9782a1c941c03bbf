"""``secops policy exception``: exceptions from the policy (例外措置), from the request to the end of their use."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from secops.cli.common import emit_json, emit_table, json_option, site_option
from secops.errors import UsageError
from secops.locale import _

if TYPE_CHECKING:
    from secops.isms.policy.exceptions import Lapsed, Waiver
    from secops.wiring import Site

PHASES = ("overdue", "requested", "in_force", "coming", "renewed", "ended", "refused", "withdrawn")
F = TypeVar("F", bound=Callable[..., Any])


def register(group: click.Group) -> None:
    """Add the commands."""
    group.add_command(exception)


def _actor_option(function: F) -> F:
    return click.option("--as-user", "actor", default="", help="操作した人(省略時は OS の利用者名)")(function)


def _who(actor: str) -> str:
    return actor.strip() or getpass.getuser()


def day(text: str) -> date:
    """A day as people type it: ``2027-03-31``, ``2027/3/31``, ``令和9年3月31日``."""
    from secops.org.tables import parse_day

    try:
        return parse_day(text)
    except ValueError as error:
        raise UsageError(_("「{text}」は使えません。{hint}。").format(text=text[:40], hint=error)) from None


@click.group()
def exception() -> None:
    """例外措置の申請・決裁・更新・終了。"""


@exception.command("list")
@click.option("--phase", "phases", multiple=True, type=click.Choice(PHASES), help="この状態のものだけ(繰り返し可)")
@click.option("--department", default="", help="この課のものだけ(コードか名前)")
@site_option
@json_option
def list_(phases: tuple[str, ...], department: str, site: Path, as_json: bool) -> None:
    """例外措置の一覧と、期限が切れたまま使用中のもの(指摘の候補)。1 件でもあれば終了コード 1。"""
    from secops.schema.dates import JST
    from secops.wiring import open_site
    from secops.wiring.policy_watch import lapsed_for

    with open_site(site) as opened:
        codes = opened.directory.codes_of(frozenset({department}) if department else None)
        today = opened.now().astimezone(JST).date()
        found = [one for one in opened.desk.waivers.waivers(codes) if not phases or one.phase(today).value in phases]
        late = [one for one in lapsed_for(opened) if codes is None or one.department in codes]
        if as_json:
            emit_json({"exceptions": [_plain(one, today) for one in found], "lapsed": late})
        else:
            _print(opened, found, late, today)
    if late:
        raise SystemExit(1)


def _plain(one: Waiver, today: date) -> dict[str, Any]:
    from dataclasses import asdict

    return {**asdict(one), "number": str(one.number), "phase": one.phase(today).value, "last_day": one.last_day}


def _print(opened: Site, found: Sequence[Waiver], late: Sequence[Lapsed], today: date) -> None:
    from secops.isms.policy.exceptions import PHASE_LABELS, Source

    name = opened.directory.department_name
    emit_table(
        [_("番号"), _("状態"), _("課"), _("条項"), _("対象"), _("期間"), _("理由")],
        [
            (
                one.number.printed,
                _(PHASE_LABELS[one.phase(today)]),
                name(one.draft.department),
                " ".join(one.draft.clauses),
                " ".join(map(str, one.draft.subjects)),
                f"{one.draft.begins}〜{one.last_day}",
                one.draft.reason.splitlines()[0][:60],
            )
            for one in found
        ],
    )
    text = _("⚠ 期限切れ・使用中: {what} {id}({department}、{day} まで、{n} 日超過){title}")
    for one in late:
        what = _("例外") if one.source is Source.WAIVER else _("許可通信")
        said = text.format(
            what=what, id=one.id, department=name(one.department), day=one.ends, n=one.days, title=one.title
        )
        click.secho(said, fg="yellow", err=True)


@exception.command()
@click.argument("number")
@site_option
@json_option
def show(number: str, site: Path, as_json: bool) -> None:
    """一件の内容と、行われたことの記録。"""
    from secops.isms.policy.exceptions import ACTION_LABELS, PHASE_LABELS, Number
    from secops.schema.dates import JST, dated
    from secops.wiring import open_site

    with open_site(site) as opened:
        found = opened.desk.waivers.waiver(Number.parse(number), None)
        steps = opened.desk.waivers.history(found.number, None)
        today = opened.now().astimezone(JST).date()
        department = opened.directory.department_name(found.draft.department)
    if as_json:
        emit_json({**_plain(found, today), "history": steps})
        return
    draft, decision = found.draft, found.decision
    rows = [
        (_("番号"), found.number.printed),
        (_("状態"), _(PHASE_LABELS[found.phase(today)])),
        (_("課"), department),
        (_("申請した人"), found.requested_by),
        (_("条項"), " ".join(draft.clauses)),
        (_("対象"), " ".join(map(str, draft.subjects))),
        (_("理由"), draft.reason),
        (_("代わりの対策"), draft.measure),
        (_("期間"), f"{draft.begins}〜{found.last_day}"),
    ]
    if decision:
        verdict = _("承認") if decision.approved else _("不承認")
        rows.append((_("決裁"), f"{verdict} {decision.decided_on} {decision.decider} {decision.conditions}".strip()))
    emit_table([_("項目"), _("内容")], rows)
    for step in steps:
        click.echo(f"{dated(step.at)}  {step.actor}  {_(ACTION_LABELS[step.action])}")


@exception.command()
@click.option("--department", required=True, help="課(コードか名前)")
@click.option("--clause", "clauses", multiple=True, required=True, help="条項の番号(規程かガイドライン、繰り返し可)")
@click.option(
    "--about", "subjects", multiple=True, help="対象: device:機器名、flow:通信番号、system:コード(繰り返し可)"
)
@click.option("--reason", required=True, help="例外が必要な理由")
@click.option("--measure", required=True, help="代わりにとる対策")
@click.option("--from", "begins", required=True, help="開始日(例: 2026-12-01)")
@click.option("--until", "ends", required=True, help="終了日(この日まで)")
@click.option("--renews", default="", help="更新のとき、元の例外の番号(例: 2026-3)")
@_actor_option
@site_option
@json_option
def request(
    department: str,
    clauses: tuple[str, ...],
    subjects: tuple[str, ...],
    reason: str,
    measure: str,
    begins: str,
    ends: str,
    renews: str,
    actor: str,
    site: Path,
    as_json: bool,
) -> None:
    """例外措置を申請する。"""
    from secops.isms.policy.exceptions import Draft, Number, check_draft, parse_subjects
    from secops.schema.dates import JST
    from secops.wiring import open_site
    from secops.wiring.policy_watch import documents_of, known_clauses

    with open_site(site) as opened:
        units = {one.name: one.code for one in opened.directory.departments}
        code = units.get(department, department)
        if units and code not in units.values():
            raise UsageError(_("「{code}」という部署はありません。").format(code=department))
        draft = Draft(
            code, clauses, reason, measure, day(begins), day(ends), parse_subjects(subjects),
            Number.parse(renews) if renews else None,
        )  # fmt: skip
        check_draft(draft, opened.now().astimezone(JST).date(), known_clauses(opened, documents_of(opened)))
        made = opened.desk.waivers.request(draft, actor=_who(actor), codes=None, now=opened.now())
        _said(opened, made, as_json, _("{number} として申請しました。"))


@exception.command()
@click.argument("number")
@click.option("--approve/--refuse", "approved", required=True, help="承認する・承認しない")
@click.option("--decider", required=True, help="決裁した人の職名(例: 最高情報セキュリティ責任者)")
@click.option("--on", "decided_on", required=True, help="決裁日")
@click.option("--conditions", default="", help="条件(不承認のときは理由)")
@_actor_option
@site_option
@json_option
def decide(
    number: str, approved: bool, decider: str, decided_on: str, conditions: str, actor: str, site: Path, as_json: bool
) -> None:
    """CISO の決裁の結果を記録する(申請した本人にはできない)。"""
    from secops.isms.policy.exceptions import Decision, Number
    from secops.wiring import open_site

    decision = Decision(approved, decider, day(decided_on), conditions)
    with open_site(site) as opened:
        made = opened.desk.waivers.decide(
            Number.parse(number), decision, actor=_who(actor), codes=None, now=opened.now()
        )
        _said(
            opened,
            made,
            as_json,
            _("{number} の承認を記録しました。") if approved else _("{number} の不承認を記録しました。"),
        )


@exception.command()
@click.argument("number")
@click.option("--on", "ended_on", required=True, help="使用をやめた日")
@click.option("--note", required=True, help="どう確かめたか")
@_actor_option
@site_option
@json_option
def end(number: str, ended_on: str, note: str, actor: str, site: Path, as_json: bool) -> None:
    """使用をやめたことを確認して記録する。"""
    from secops.isms.policy.exceptions import Number
    from secops.wiring import open_site

    with open_site(site) as opened:
        made = opened.desk.waivers.end(
            Number.parse(number), day(ended_on), note, actor=_who(actor), codes=None, now=opened.now()
        )
        _said(opened, made, as_json, _("{number} の使用の終了を記録しました。"))


@exception.command()
@click.argument("number")
@click.option("--on", "revoked_on", required=True, help="使ってよい最後の日")
@click.option("--note", required=True, help="取り消す理由")
@_actor_option
@site_option
@json_option
def revoke(number: str, revoked_on: str, note: str, actor: str, site: Path, as_json: bool) -> None:
    """承認を取り消す(使用をやめたことは end で記録する)。"""
    from secops.isms.policy.exceptions import Number
    from secops.wiring import open_site

    with open_site(site) as opened:
        made = opened.desk.waivers.revoke(
            Number.parse(number), day(revoked_on), note, actor=_who(actor), codes=None, now=opened.now()
        )
        _said(opened, made, as_json, _("{number} の承認を取り消しました。"))


@exception.command()
@click.argument("number")
@click.option("--note", default="", help="理由")
@_actor_option
@site_option
@json_option
def withdraw(number: str, note: str, actor: str, site: Path, as_json: bool) -> None:
    """決裁の前の申請を取り下げる。"""
    from secops.isms.policy.exceptions import Number
    from secops.wiring import open_site

    with open_site(site) as opened:
        made = opened.desk.waivers.withdraw(Number.parse(number), note, actor=_who(actor), codes=None, now=opened.now())
        _said(opened, made, as_json, _("{number} の申請を取り下げました。"))


def _said(opened: Site, made: Waiver, as_json: bool, text: str) -> None:
    from secops.schema.dates import JST

    if as_json:
        emit_json(_plain(made, opened.now().astimezone(JST).date()))
    else:
        click.echo(text.format(number=made.number.printed))
