"""`secops alerts`: the queue and what people do with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from secops.cli import alerts_bulk, alerts_exception, alerts_filter, alerts_many
from secops.cli.alerts_filter import SEVERITIES, alert_filter, filter_options
from secops.cli.common import emit_json, emit_table, json_option, plain, site_option
from secops.cli.trace import note as traced
from secops.cli.trace import note_list, os_user
from secops.errors import SecopsError, UsageError
from secops.locale import _

if TYPE_CHECKING:
    from secops.siem.ports import Alert, AlertDetail, Hit, Rule
    from secops.wiring import Site

F = TypeVar("F", bound=Callable[..., Any])
VERDICTS = ("true_positive", "false_positive", "benign_true_positive")
CATEGORIES = ("loss", "theft", "misdelivery", "missent_mail", "outage", "other")


@click.group()
def alerts() -> None:
    """アラートの一覧・担当・完了。"""


def _actor_option(function: F) -> F:
    return click.option("--as-user", "actor", default="", help="操作した人(省略時は OS の利用者名)")(function)


def _who(actor: str) -> str:
    return actor.strip() or os_user()


@alerts.command("list")
@site_option
@filter_options(closed=True)
@click.option("--text", default="", help="件名と対象に含まれる語")
@click.option("--query", default="", help="検索式(例: 'severity:>=high -assignee:* host:K-02*')")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(min=1), help="表示する件数")
@click.option("--offset", default=0, type=click.IntRange(min=0), help="先頭から飛ばす件数")
@json_option
def list_(site: Path, limit: int, offset: int, as_json: bool, **wanted: Any) -> None:
    """アラートの一覧。重大度の高い順、新しい順。--state がなければ対応完了も含む。"""
    from secops.siem.ports import Scope
    from secops.wiring import open_site

    with open_site(site) as opened:
        now = opened.now()
        page = opened.desk.alerts(alert_filter(now, **wanted), Scope(), limit=limit, offset=offset)
        note_list(opened, "", "alerts_listed", alerts_filter.words(wanted) or "*", f"→ {page.total}")
    if as_json:
        emit_json({"total": page.total, "alerts": page.alerts})
        return
    _print_queue(page.alerts, now)
    click.echo(_("全 {total} 件中 {shown} 件").format(total=page.total, shown=len(page.alerts)))


@alerts.command()
@site_option
@click.argument("alert_id", type=int)
@click.option("--hits", default=20, show_default=True, type=click.IntRange(min=0), help="表示する検知の件数")
@_actor_option
@json_option
def show(site: Path, alert_id: int, hits: int, actor: str, as_json: bool) -> None:
    """1 件のすべて: 検知理由、対象、対応手順、履歴、元ログの場所。"""
    from secops.siem.ports import Scope
    from secops.wiring import open_site

    with open_site(site) as opened:
        found = opened.desk.detail(alert_id, Scope(), hits=hits)
        opened.desk.viewed(alert_id, actor=_who(actor), now=opened.now())
        traced(opened, actor, "alert_viewed", [alert_id])
        rule = _rule_of(opened, found.alert.rule_id)
    if as_json:
        emit_json({**plain(found), "rule": plain(rule)})
    else:
        _print_detail(found, rule)


@alerts.command("open")
@site_option
@click.option("--title", required=True, help="何が起きたか(一行)")
@click.option("--category", required=True, type=click.Choice(CATEGORIES), help="種別")
@click.option("--zone", default="", help="系統")
@click.option("--severity", default="medium", show_default=True, type=click.Choice(SEVERITIES), help="重大度")
@click.option("--department", default="", help="課")
@click.option("--text", default="", help="詳しい状況")
@_actor_option
@json_option
def open_(site: Path, severity: str, actor: str, as_json: bool, **report: str) -> None:
    """ログにない事案(紛失・盗難・誤送付・誤送信・障害など)を登録する。"""
    from secops.schema.severity import Severity
    from secops.wiring import open_site

    with open_site(site) as opened:
        _check_zones(opened, [report["zone"]] if report["zone"] else [])
        alert = opened.desk.open_manual(
            **report, severity=Severity.parse(severity), actor=_who(actor), now=opened.now()
        )
        traced(opened, actor, "alerts_reported", [alert.id], alert.title)
    if as_json:
        emit_json(alert)
    else:
        click.echo(_("アラート {id} を登録しました。").format(id=alert.id))


@alerts.command()
@site_option
@click.argument("alert_ids", type=int, nargs=-1, required=True)
@click.option("--to", "assignee", default="", help="担当者(省略時は自分)")
@_actor_option
@json_option
def assign(site: Path, alert_ids: tuple[int, ...], assignee: str, actor: str, as_json: bool) -> None:
    """担当する、または担当を渡す。未対応は対応中になる。"""
    who = _who(actor)
    how = (actor, "alerts_assigned", alert_ids, assignee or who)
    _change(site, as_json, how, lambda desk, **when: desk.assign(alert_ids, assignee or who, actor=who, **when))


@alerts.command()
@site_option
@click.argument("alert_ids", type=int, nargs=-1, required=True)
@click.option("--as", "verdict", required=True, type=click.Choice(VERDICTS), help="判断")
@click.option("--reason", required=True, help="そう判断した理由")
@_actor_option
@json_option
def close(site: Path, alert_ids: tuple[int, ...], verdict: str, reason: str, actor: str, as_json: bool) -> None:
    """対応を完了する(インシデント該当・誤検知・業務上の正当な操作)。"""
    from secops.siem.ports import Verdict

    who, how = _who(actor), (actor, "alerts_closed", alert_ids, f"{verdict}: {reason}")
    _change(site, as_json, how, lambda desk, **when: desk.close(alert_ids, Verdict(verdict), reason, actor=who, **when))


@alerts.command()
@site_option
@click.argument("alert_ids", type=int, nargs=-1, required=True)
@_actor_option
@json_option
def reopen(site: Path, alert_ids: tuple[int, ...], actor: str, as_json: bool) -> None:
    """完了を取り消し、対応を再開する。"""
    who, how = _who(actor), (actor, "alerts_reopened", alert_ids, "")
    _change(site, as_json, how, lambda desk, **when: desk.reopen(alert_ids, actor=who, **when))


@alerts.command()
@site_option
@click.argument("alert_id", type=int)
@click.argument("text")
@_actor_option
@json_option
def note(site: Path, alert_id: int, text: str, actor: str, as_json: bool) -> None:
    """メモを残す。"""
    who = _who(actor)

    def add(desk: Any, **when: Any) -> int:
        desk.note(alert_id, text, actor=who, **when)
        return 1

    _change(site, as_json, (actor, "alerts_noted", [alert_id], text), add)


def _change(site: Path, as_json: bool, how: tuple[str, str, Sequence[int], str], change: Callable[..., int]) -> None:
    """Do it and tell the audit log (``how``: in whose name, action, alerts, text)."""
    from secops.siem.ports import Scope
    from secops.wiring import open_site

    with open_site(site) as opened:
        count = change(opened.desk, scope=Scope(), now=opened.now())
        traced(opened, *how)
    if as_json:
        emit_json({"changed": count})
    else:
        click.echo(_("{n} 件を変更しました。").format(n=count))


def _check_zones(opened: Site, zones: list[str]) -> None:
    known = opened.settings.zones
    if unknown := [zone for zone in zones if zone not in known]:
        raise UsageError(
            _("系統「{zone}」はありません。次から選んでください: {known}").format(
                zone=", ".join(unknown), known=", ".join(known)
            )
        )


def _rule_of(opened: Site, rule_id: str) -> Rule | None:
    """The rule as it is today; that the rulebook cannot be read must not hide the alert."""
    if not rule_id:
        return None
    try:
        return next((rule for rule in opened.rules if rule.id == rule_id), None)
    except SecopsError as error:
        click.echo(_("ルールを読めないため、対応手順は表示できません: {error}").format(error=error), err=True)
        return None


def _print_queue(queue: Sequence[Alert], now: datetime) -> None:
    from secops.schema.dates import relative
    from secops.siem.ports import STATE_LABELS

    emit_table(
        [_("番号"), _("重大度"), _("最終検知"), _("件名"), _("系統"), _("対象"), _("件数"), _("状態"), _("担当")],
        [
            (
                alert.id,
                f"{alert.severity.mark} {_(alert.severity.label)}",
                relative(alert.last_seen, now),
                alert.title,
                alert.zone,
                ", ".join(alert.entities.values()),
                alert.count,
                _(STATE_LABELS[alert.state]),
                alert.assignee,
            )
            for alert in queue
        ],
        right=(0, 6),
    )


def _print_detail(found: AlertDetail, rule: Rule | None) -> None:
    from secops.schema.dates import dated
    from secops.siem.ports import STATE_LABELS, VERDICT_LABELS
    from secops.siem.triage.states import ACTION_LABELS

    alert = found.alert
    _title(f"{alert.severity.mark} {_(alert.severity.label)}  {alert.title}")
    facts = [
        (_("番号"), alert.id),
        (_("状態"), _(STATE_LABELS[alert.state])),
        (_("担当"), alert.assignee),
        (_("系統"), alert.zone),
        (_("課"), alert.department),
        (_("件数"), alert.count),
        (_("詳細を省いた件数"), alert.suppressed or ""),
        (_("検知した期間"), f"{dated(alert.first_seen)} - {dated(alert.last_seen)}"),
        (_("規程"), ", ".join(alert.clauses)),
        (_("前のアラート"), alert.previous or ""),
        (_("判断"), f"{_(VERDICT_LABELS[alert.verdict])}: {alert.closed_reason}" if alert.verdict else ""),
        *alert.entities.items(),
    ]
    for name, value in facts:
        if value not in ("", None):
            click.echo(f"{name}: {value}")
    if rule is not None:
        _section(_("ルール"), [f"{rule.title_ja or rule.title} ({rule.path})", rule.description_ja or rule.description])
        _section(_("対応手順"), [f"{n} {step}" for n, step in enumerate(rule.next_steps, 1)])
    for hit in found.hits:
        _section(_("検知 {at}").format(at=dated(hit.timestamp)), _hit_lines(hit))
    told = [f"{dated(e.at)}  {_(ACTION_LABELS[e.action])}  {e.actor}  {e.text}".rstrip() for e in found.history]
    _section(_("対応履歴"), told)
    alike = [
        f"{other.id}  {dated(other.last_seen)}  {_(STATE_LABELS[other.state])}  {other.closed_reason}".rstrip()
        for other in found.similar
    ]
    _section(_("類似アラート"), alike)


def _hit_lines(hit: Hit) -> list[str]:
    why = [f"{m.selection}: {m.field} {m.operator} {m.pattern!r} ← {m.value!r}" for m in hit.matched]
    place = _("元ログ: secops journal show {id}").format(id=hit.record_id)
    file = hit.event.get("log.file.path")
    # repr: what a log says must not reach the terminal as control codes.
    return [*why, *_counted_lines(hit), place, *([repr(file)] if file else [])]


def _counted_lines(hit: Hit) -> list[str]:
    """The events that a correlation counted."""
    if not hit.contributed:
        return []
    from secops.schema.dates import dated

    text = _("条件に当てはまった記録 {count} 件(新しい {shown} 件)")
    shown = ("host.name", "user.name", "source.ip", "file.path")
    lines = [text.format(count=hit.contributed, shown=len(hit.contributing))]
    for one in hit.contributing:
        about = " ".join(repr(str(one.event[name])) for name in shown if one.event.get(name))
        lines.append(f"  {dated(one.time)}  {one.zone}  {one.event_id}  {about}".rstrip())
    return lines


def _title(text: str) -> None:
    click.secho(text, bold=True)


def _section(title: str, lines: list[str]) -> None:
    if lines:
        click.echo()
        _title(title)
        for line in filter(None, lines):
            click.echo(f"  {line}")


for _part in (alerts_many, alerts_bulk, alerts_exception):
    _part.register(alerts, _actor_option, _who)
