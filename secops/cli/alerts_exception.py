"""`secops alerts exception`: from an alert that was no incident to the exception that would have kept it away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secops.cli.alerts_bulk import confirm
from secops.cli.common import emit_json, json_option, site_option
from secops.cli.trace import note
from secops.errors import SecopsError, UsageError
from secops.locale import _

if TYPE_CHECKING:
    from secops.siem.ports import AlertDetail, Rule
    from secops.siem.triage.preview import Preview
    from secops.wiring import Site

DAYS = 30


def register(group: click.Group, actor_option: Callable[..., Any], who: Callable[[str], str]) -> None:
    """Add the command to `secops alerts`."""

    @group.command()
    @site_option
    @click.argument("alert_id", type=int)
    @click.option("--field", "fields", multiple=True, help="この項目の値がそろう検知を抑止する(繰り返し可)")
    @click.option("--owner", default="", help="責任者(部署・係)")
    @click.option("--reason", default="", help="理由(許可の記録が分かるように)")
    @click.option("--expires", default="", help="最後の日(例: 2027-03-31)")
    @click.option("--write", is_flag=True, help="例外を保存する。隠れる検知の件数の入力か --yes が要る")
    @click.option("--yes", type=int, metavar="N", help="確かめた、隠れる検知の件数。同じときだけ保存する")
    @click.option("--hides-incidents", "told", type=int, metavar="N", help="承知した、隠れるインシデントの件数")
    @click.option("--incident-reason", "why", default="", help="インシデントを隠してよい理由(例外と監査ログに残る)")
    @actor_option
    @json_option
    def exception(
        site: Path,
        alert_id: int,
        fields: tuple[str, ...],
        owner: str,
        reason: str,
        expires: str,
        write: bool,
        yes: int | None,
        told: int | None,
        why: str,
        actor: str,
        as_json: bool,
    ) -> None:
        """このアラートを例外にする。

        --field がなければ、ひな形(Sigma のフィルタ文書)を出す。空欄を埋めるまでは抑止しない。--field を付けると、過去
        30 日の検知のうち隠れるものを示し、--write も付けると保存する(責任者・理由・最後の日が要る)。インシデントが
        隠れるときは、--hides-incidents と --incident-reason も要る。
        """
        from secops.wiring import open_site

        if not fields and (write or as_json):
            raise UsageError(_("--field で、除外する項目を選んでください。項目はひな形の expected にあります。"))
        with open_site(site) as opened:
            note(opened, actor, "alert_viewed", [alert_id], "exception")
            if not fields:
                _draft(opened, alert_id)
                return
            maker = _Maker(opened, alert_id, fields)
            found, written = maker.preview(), ""
            if not as_json:
                _print(found)
            if write:
                filled = _Filled(owner, reason, expires, told, why, who(actor))
                written = maker.write(found, filled, yes)
        if as_json:
            emit_json({"preview": _plain(found), "written": written})
        elif written:
            click.echo(
                _("例外を保存しました({path})。数秒で効き、ほかの人にもアラートで知らせます。").format(path=written)
            )


@dataclass(frozen=True, slots=True)
class _Filled:
    """What a person wrote: ``told`` and ``why`` about incidents that it hides, ``by`` is in whose name."""

    owner: str
    reason: str
    expires: str
    told: int | None
    why: str
    by: str


class _Maker:
    """An exception about some fields of an alert: what it would have hidden, and writing it."""

    def __init__(self, site: Site, alert_id: int, fields: tuple[str, ...]) -> None:
        from secops.siem.triage.exemption import WHO, check_verdict
        from secops.siem.triage.preview import choices

        self._site = site
        self._detail, self._rule = _found(site, alert_id)
        check_verdict(self._detail.alert.verdict)
        offered = choices(self._detail.hits, WHO)
        if unknown := [name for name in fields if name not in offered]:
            text = _("項目「{name}」は、この検知にありません。次から選んでください: {known}")
            raise UsageError(text.format(name=", ".join(unknown), known=", ".join(offered)))
        self._chosen = {name: offered[name] for name in fields}

    def preview(self) -> Preview:
        """Hold it against the hits of its rule."""
        from secops.siem.ports import Scope
        from secops.siem.triage.preview import preview

        since = self._site.now() - timedelta(days=DAYS)
        return preview(self._site.desk.kept_hits(self._rule.id, since, Scope()), self._chosen)

    def write(self, found: Preview, filled: _Filled, yes: int | None) -> str:
        """Write it once the number of what it hides was confirmed; returns where it is."""
        from secops.siem.triage.exemption import accepted, document, last_day
        from secops.wiring.exceptions import write_exception

        day = last_day(filled.expires, self._site.now().date())
        incidents = accepted(found.incidents, filled.told, filled.why, filled.by)
        number, text = document(
            self._detail.alert,
            self._rule,
            self._chosen,
            owner=filled.owner,
            reason=filled.reason,
            expires=day,
            incidents=incidents,
        )
        confirm(found.hidden, yes)
        written = str(write_exception(self._site, text, number))
        said = f"{self._rule.id} {', '.join(self._chosen)} {filled.owner} {filled.expires}: {filled.reason}"
        said += f" [incidents: {incidents}]" if incidents else ""
        note(self._site, filled.by, "exception.written", [self._detail.alert.id], said)
        return written


def _found(site: Site, alert_id: int) -> tuple[AlertDetail, Rule]:
    """The alert and its rule."""
    from secops.siem.ports import Scope

    detail = site.desk.detail(alert_id, Scope())
    try:
        rule = next((rule for rule in site.rules if rule.id == detail.alert.rule_id), None)
    except SecopsError as error:
        raise UsageError(_("ルールを読めないため、例外を作れません: {error}").format(error=error)) from error
    if rule is None or not detail.alert.rule_id:
        raise UsageError(_("アラート {id} のルールがないため、例外を作れません。").format(id=alert_id))
    return detail, rule


def _draft(site: Site, alert_id: int) -> None:
    from secops.siem.triage.exemption import draft

    detail, rule = _found(site, alert_id)
    click.echo(draft(detail.alert, rule, detail.hits), nl=False)


def _print(found: Preview) -> None:
    from secops.report.text import flat
    from secops.schema.dates import dated

    click.echo(_("過去 {n} 日の検知で試した結果").format(n=DAYS))
    if found.incidents:
        text = _("インシデント該当のアラート(登録した事案に関連付けたものを含む){n} 件も隠れます。")
        numbers = ", ".join(map(str, sorted(found.incidents)[:5]))
        click.secho(f"⚠ {text.format(n=len(found.incidents))} ({numbers})", fg="yellow", err=True)
    text = _(
        "検知 {looked} 件のうち {hidden} 件、アラート {alerts} 件(うち全部が隠れるもの {whole} 件、"
        "対応中・未対応 {waiting} 件)。"
    )
    counts = {name: len(getattr(found, name)) for name in ("alerts", "whole", "waiting")}
    click.echo(text.format(looked=found.looked, hidden=found.hidden, **counts))
    if found.unknown:
        click.echo(_("保存した内容では試せない検知が {n} 件あります。").format(n=found.unknown))
    for number, hit in found.examples:
        about = "  ".join(str(hit.event.get(name) or "") for name in ("host.name", "user.name"))
        click.echo(flat(f"  {number}  {dated(hit.timestamp)}  {about}").rstrip())


def _plain(found: Preview) -> dict[str, Any]:
    sets = {name: sorted(getattr(found, name)) for name in ("alerts", "whole", "waiting", "incidents")}
    return {"days": DAYS, "looked": found.looked, "hidden": found.hidden, "unknown": found.unknown, **sets}
