"""``secops audit findings``: from draft to closed, on the command line."""

from __future__ import annotations

import getpass
import json
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secops.cli.common import emit_json, emit_table, json_option, say_hidden, site_option
from secops.errors import NotFoundError, UsageError
from secops.locale import _

if TYPE_CHECKING:
    from collections.abc import Callable

    from secops.isms.audit.findings_ports import FindingRecord
    from secops.isms.audit.ports import Viewer

STATES = ("draft", "fact_check", "open", "closed")
actor_option = click.option("--as-user", "actor", default="", help="操作した人(省略時は OS の利用者名)")
number_argument = click.argument("number", metavar="番号")
yes_no = click.Choice(["yes", "no"])


def register(group: click.Group) -> None:
    """Add the commands."""
    group.add_command(findings)


def viewer(actor: str) -> Viewer:
    """Who works at the command line: somebody who may see all of the site."""
    from secops.isms.audit.ports import Viewer

    return Viewer(actor.strip() or getpass.getuser())


@click.group()
def findings() -> None:
    """指摘事項: 起案・事実確認・改善計画・フォローアップ。"""


@findings.command("list")
@site_option
@click.option("--year", type=int, help="年度")
@click.option("--department", default="", help="部署コード")
@click.option("--state", type=click.Choice(STATES), multiple=True, help="状態(繰り返し可)")
@click.option("--overdue", is_flag=True, help="期限を過ぎた対策のあるものだけ")
@json_option
def list_(site: Path, year: int | None, department: str, state: tuple[str, ...], overdue: bool, as_json: bool) -> None:
    """指摘の一覧。--overdue で 1 件でもあれば、終了コードは 1。"""
    from secops.isms.audit.findings_ports import Wanted
    from secops.isms.audit.round import FINDING_LABELS, FINDING_STATES, FindingState
    from secops.schema.dates import JST
    from secops.wiring import open_site

    with open_site(site) as opened:
        today = opened.now().astimezone(JST).date()
        wanted = Wanted(
            year=year,
            department=department,
            states=frozenset(map(FindingState, state)),
            overdue=today if overdue else None,
        )
        found = opened.desk.audit_work.findings(viewer(""), wanted)
    if as_json:
        emit_json(found)
    else:
        emit_table(
            [_("番号"), _("区分"), _("状態"), _("部署"), _("件名"), _("期限超過")],
            [
                (
                    one.finding.number,
                    _(FINDING_LABELS[one.finding.kind]),
                    _(FINDING_STATES[one.finding.state]),
                    one.department_name or one.finding.department,
                    one.finding.title,
                    "⚠" if one.finding.overdue(today) else "",
                )
                for one in found
            ],
        )
        click.echo(_("{n} 件").format(n=len(found)))
    if overdue and found:
        raise SystemExit(1)


@findings.command()
@site_option
@number_argument
@json_option
def show(site: Path, number: str, as_json: bool) -> None:
    """指摘を一つ、改善計画と、前に似た指摘がないかとともに表示する。"""
    from secops.isms.audit.findings import repeats
    from secops.wiring import open_site

    with open_site(site) as opened:
        record = opened.desk.audit_work.finding(number, viewer(""))
        everything = [one.finding for one in opened.desk.audit_work.findings(viewer(""))]
    alike = repeats(record.finding, everything)
    if as_json:
        emit_json({"record": record, "alike": alike})
        return
    _print(record)
    for one in alike[:5]:
        click.echo(_("前の指摘 {number} {title}({why})").format(number=one.number, title=one.title, why=one.why))


def _print(record: FindingRecord) -> None:
    from secops.isms.audit.findings import TEXTS
    from secops.isms.audit.round import ACTION_STATES, FINDING_LABELS, FINDING_STATES
    from secops.schema.dates import wareki

    one = record.finding
    click.secho(f"{one.number}  {_(FINDING_LABELS[one.kind])}  {one.title}", bold=True)
    click.echo(f"{record.department_name or one.department} {one.system}  {_(FINDING_STATES[one.state])}")
    for name, label in TEXTS.items():
        if name != "title" and getattr(one, name):
            click.echo(f"{_(label)}: {getattr(one, name)}")
    if one.clauses:
        click.echo(f"{_('条項')}: {' '.join(one.clauses)}")
    for evidence in one.evidence:
        click.echo(f"{_('証拠')}: {evidence.title} {evidence.place} {evidence.sha256}".rstrip())
    for place, action in enumerate(one.actions, 1):
        due = wareki(action.due) if action.due else "-"
        state = _(ACTION_STATES[action.state])
        click.echo(f"  {place} {action.measure}  {action.person}  {due}  {state}  {action.checked}".rstrip())


@findings.command("import")
@site_option
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--source", required=True, help="報告書の名称(例: 令和6年度外部監査報告書)")
@actor_option
@json_option
def import_(site: Path, file: Path, source: str, actor: str, as_json: bool) -> None:
    """外部監査などの報告書の指摘を、CSV か Excel の表から取り込む(見出しで列を見つける。同じものは二度入れない)。"""
    from secops.isms.audit.findings_import import findings_of
    from secops.schema.dates import JST
    from secops.wiring import open_site
    from secops.wiring.tables import read_rows

    listed = read_rows(file)
    say_hidden(listed.hidden)
    with open_site(site) as opened:
        now = opened.now()
        names = {one.code: one.name for one in opened.directory.departments}
        found = findings_of(listed.rows, source, names, now.astimezone(JST).date())
        made = opened.desk.audit_work.import_findings(found, actor=viewer(actor).name, now=now)
    if as_json:
        emit_json({"read": len(found), "new": made, "hidden": listed.hidden})
        return
    text = _("{read} 件を読み、{new} 件を新しく入れました。")
    click.echo(text.format(read=len(found), new=len(made)) + (f" {made[0]}–{made[-1]}" if made else ""))


@findings.command()
@site_option
@click.argument("file", metavar="FILE.json", type=click.Path(path_type=Path))
@click.option("--revision", type=int, help="直すとき: 読んだときの版(show --json の revision)")
@actor_option
def draft(site: Path, file: Path, revision: int | None, actor: str) -> None:
    """JSON のファイルから起案する。number と --revision があれば直す(項目名は show --json の finding と同じ)。"""
    from secops.schema.dates import JST, fiscal_year
    from secops.wiring import open_site

    finding = _finding(file)
    with open_site(site) as opened:
        work, now = opened.desk.audit_work, opened.now()
        name = opened.directory.department_by_code.get(finding.department)
        if name is None:
            raise UsageError(_("「{found}」という部署は台帳にありません。").format(found=finding.department))
        if finding.number:
            if revision is None:
                raise UsageError(_("直すときは --revision に、読んだときの版を指定してください。"))
            record = work.change_finding(finding, revision=revision, viewer=viewer(actor), now=now)
        else:
            year = fiscal_year(now.astimezone(JST).date())
            record = work.draft_finding(
                finding, year=year, plan=str(year), department_name=name.name, viewer=viewer(actor), now=now
            )
    _said(record)


def _finding(file: Path) -> Any:
    from secops.errors import AuditError, Problem
    from secops.isms.audit.round import Finding, FindingKind
    from secops.isms.audit.workpaper import Evidence

    said = _json(file)
    texts = {"number", "title", "department", "system", "item", "repeats"}
    texts |= {"fact", "criterion", "cause", "risk", "recommendation"}
    known = texts | {"kind", "clauses", "evidence"}
    wrong = [Problem(f"{file}: {name}", _("この項目はありません。")) for name in sorted(set(said) - known)]
    wrong += [
        Problem(f"{file}: {name}", _("文字列で書いてください。"))
        for name in sorted(texts & set(said))
        if not isinstance(said[name], str)
    ]
    if said.get("kind") not in set(FindingKind):
        what = _("「{found}」は使えません。使えるもの: {known}")
        wrong.append(Problem(f"{file}: kind", what.format(found=said.get("kind"), known=" ".join(FindingKind))))
    evidence = said.get("evidence", [])
    if not isinstance(evidence, list) or not all(isinstance(one, dict) and one.get("title") for one in evidence):
        wrong.append(Problem(f"{file}: evidence", _("title と place の組の一覧で書いてください。")))
    if wrong:
        raise AuditError(wrong)
    seen = tuple(Evidence(str(one["title"]), str(one.get("place", ""))) for one in evidence)
    made = {name: said[name] for name in texts & set(said)}
    clauses = tuple(map(str, said.get("clauses", [])))
    return Finding(
        **{"number": "", "title": "", "department": "", **made},
        kind=FindingKind(said["kind"]),
        clauses=clauses,
        evidence=seen,
    )


def _json(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise NotFoundError(_("ファイルがありません: {paths}").format(paths=file))
    try:
        said = json.loads(file.read_text(encoding="utf-8-sig"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UsageError(_("{path}: JSON として読めません({error})。").format(path=file, error=error)) from None
    if not isinstance(said, dict):
        raise UsageError(_("{path}: 「名前: 値」の組で書いてください。").format(path=file))
    return said


def _said(record: FindingRecord) -> None:
    from secops.isms.audit.round import FINDING_STATES

    text = _("指摘 {number}: {state}(版 {revision})")
    state = _(FINDING_STATES[record.finding.state])
    click.echo(text.format(number=record.finding.number, state=state, revision=record.revision))


def _do(site: Path, actor: str, act: Callable[[Any, Viewer, datetime], FindingRecord]) -> None:
    from secops.wiring import open_site

    with open_site(site) as opened:
        _said(act(opened.desk.audit_work, viewer(actor), opened.now()))


@findings.command()
@site_option
@number_argument
@actor_option
def send(site: Path, number: str, actor: str) -> None:
    """起案を事実確認に出す。"""
    _do(site, actor, lambda work, who, now: work.send_finding(number, viewer=who, now=now))


@findings.command()
@site_option
@number_argument
@click.option("--reason", required=True, help="理由")
@actor_option
def back(site: Path, number: str, reason: str, actor: str) -> None:
    """事実確認中の指摘を起案に戻す。"""
    _do(site, actor, lambda work, who, now: work.take_back_finding(number, reason, viewer=who, now=now))


@findings.command()
@site_option
@number_argument
@click.option("--agreed", type=yes_no, required=True, help="事実に相違ないか")
@click.option("--opinion", default="", help="所管の見解")
@actor_option
def reply(site: Path, number: str, agreed: str, opinion: str, actor: str) -> None:
    """所管課の回答(事実確認)を入れる。"""

    def act(work: Any, who: Viewer, now: datetime) -> Any:
        return work.reply_finding(number, agreed=agreed == "yes", opinion=opinion, viewer=who, now=now)

    _do(site, actor, act)


@findings.command()
@site_option
@number_argument
@actor_option
def issue(site: Path, number: str, actor: str) -> None:
    """事実確認の済んだ指摘を確定する。"""
    _do(site, actor, lambda work, who, now: work.issue_finding(number, viewer=who, now=now))


@findings.command()
@site_option
@number_argument
@click.argument("file", metavar="FILE.json", type=click.Path(path_type=Path))
@click.option("--revision", type=int, required=True, help="読んだときの版(show --json の revision)")
@actor_option
def plan(site: Path, number: str, file: Path, revision: int, actor: str) -> None:
    """改善計画を JSON のファイル(cause と actions。項目名は show --json と同じ)から入れる、または進み具合を改める。"""
    said = _json(file)
    actions = [_action(file, place, one) for place, one in enumerate(said.get("actions", []), 1)]

    def act(work: Any, who: Viewer, now: datetime) -> Any:
        return work.plan_actions(number, str(said.get("cause", "")), actions, revision=revision, viewer=who, now=now)

    _do(site, actor, act)


def _action(file: Path, place: int, said: Any) -> Any:
    from secops.isms.audit.round import Action, ActionState
    from secops.isms.audit.workpaper import Evidence

    where = f"{file}: actions[{place}]"
    if not isinstance(said, dict):
        raise UsageError(_("{path}: 「名前: 値」の組で書いてください。").format(path=where))
    names = ("measure", "person", "interim", "reason", "exception")
    texts: dict[str, Any] = {name: str(said.get(name) or "") for name in names}
    days = {}
    for name in ("due", "done_on"):
        try:
            days[name] = date.fromisoformat(said[name]) if said.get(name) else None
        except (TypeError, ValueError):
            what = _("{path}: {name} を 2027-03-31 のように書いてください。")
            raise UsageError(what.format(path=where, name=name)) from None
    state = said.get("state", ActionState.PLANNED.value)
    if state not in set(ActionState):
        what = _("「{found}」は使えません。使えるもの: {known}")
        raise UsageError(f"{where}.state: " + what.format(found=state, known=" ".join(ActionState)))
    seen = tuple(
        Evidence(str(one["title"]), str(one.get("place", "")), str(one.get("sha256", "")))
        for one in said.get("evidence", [])
        if isinstance(one, dict) and one.get("title")
    )
    return Action(state=ActionState(state), evidence=seen, due=days["due"], done_on=days["done_on"], **texts)


@findings.command()
@site_option
@number_argument
@click.option("--measure", "place", type=click.IntRange(min=1), required=True, help="対策の番号(1 から)")
@click.option("--text", required=True, help="確認した結果")
@click.option("--effective", type=yes_no, required=True, help="有効か。no なら実施中に戻る")
@actor_option
def check(site: Path, number: str, place: int, text: str, effective: str, actor: str) -> None:
    """完了した対策を監査人が確認する(フォローアップ)。"""
    from secops.schema.dates import JST

    def act(work: Any, who: Viewer, now: datetime) -> Any:
        on = now.astimezone(JST).date()
        said = {"on": on, "text": text, "effective": effective == "yes"}
        return work.check_action(number, place, viewer=who, now=now, **said)

    _do(site, actor, act)


@findings.command()
@site_option
@number_argument
@actor_option
def close(site: Path, number: str, actor: str) -> None:
    """すべての対策が有効と確認された指摘を完了にする。"""
    _do(site, actor, lambda work, who, now: work.close_finding(number, viewer=who, now=now))


@findings.command()
@site_option
@number_argument
@click.option("--reason", required=True, help="理由")
@actor_option
def reopen(site: Path, number: str, reason: str, actor: str) -> None:
    """完了した指摘を再開する。"""
    _do(site, actor, lambda work, who, now: work.reopen_finding(number, reason, viewer=who, now=now))
