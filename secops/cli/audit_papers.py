"""``secops audit papers|confirm|review|step|horizontal``: the fieldwork on the command line."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from secops.cli.audit_findings import actor_option, viewer
from secops.cli.common import emit_json, emit_table, json_option, site_option
from secops.errors import UsageError
from secops.locale import _

VERDICTS = ("met", "partial", "not_met", "not_applicable", "not_verified")
STEPS = ("notice", "preparation", "interview", "inspection", "technical", "fact_check", "closing_meeting")
METHODS = ("examine", "interview", "observe", "test")


def register(group: click.Group) -> None:
    """Add the commands."""
    for command in (papers, confirm, review, step, horizontal):
        group.add_command(command)


@click.command()
@site_option
@click.argument("sheet", metavar="点検票", type=int)
@json_option
def papers(site: Path, sheet: int, as_json: bool) -> None:
    """点検票の監査調書: 自己点検の値、監査人が確認した値、その差。"""
    from secops.isms.audit.model import VERDICT_MARKS
    from secops.isms.audit.workpaper import GAP_LABELS
    from secops.wiring import open_site

    with open_site(site) as opened:
        found = opened.desk.audit_work.sheet_papers(sheet, viewer(""))
    if as_json:
        emit_json([{"gap": one.paper.gap, "record": one} for one in found])
        return
    emit_table(
        [_("番号"), _("自己点検"), _("監査人確認"), _("差"), _("作成者"), _("査閲者"), _("版")],
        [
            (
                one.paper.item,
                _(VERDICT_MARKS[one.paper.declared]),
                _(VERDICT_MARKS[one.paper.confirmed]),
                _(GAP_LABELS[one.paper.gap]),
                one.paper.preparer,
                one.paper.reviewer,
                one.revision,
            )
            for one in found
        ],
        right=(6,),
    )


@click.command()
@site_option
@click.argument("sheet", metavar="点検票", type=int)
@click.argument("item", metavar="項目")
@click.option("--verdict", type=click.Choice(VERDICTS), required=True, help="判定")
@click.option("--result", default="", help="判定の根拠(確認した結果)")
@click.option("--procedure", multiple=True, help="実施した手続(examine=台帳を読んだ。繰り返し可)")
@click.option("--evidence", multiple=True, help="証拠(何を見たか|保管場所。繰り返し可)")
@click.option("--sample-from", type=click.Path(path_type=Path), help="母集団(1 行に 1 件のファイル)から抽出して残す")
@click.option("--size", type=click.IntRange(min=1), default=5, show_default=True, help="抽出する件数")
@click.option("--seed", default="", help="乱数の種(省略時は作る)")
@click.option("--revision", type=int, default=0, show_default=True, help="読んだときの版(papers の表)")
@actor_option
def confirm(
    site: Path,
    sheet: int,
    item: str,
    verdict: str,
    result: str,
    procedure: tuple[str, ...],
    evidence: tuple[str, ...],
    sample_from: Path | None,
    size: int,
    seed: str,
    revision: int,
    actor: str,
) -> None:
    """監査人が確認した値を調書に書く。"""
    from secops.isms.audit.findings_ports import Confirmation
    from secops.isms.audit.model import Method, Verdict
    from secops.isms.audit.sampling import draw, new_seed
    from secops.isms.audit.workpaper import Evidence
    from secops.wiring import open_site
    from secops.wiring.audits import read_csv

    done = dict(_pair(one) for one in procedure)
    seen = tuple(Evidence(*(part.strip() for part in one.partition("|")[::2])) for one in evidence)
    sample = None
    if sample_from is not None:
        lines = (line.strip() for line in read_csv(sample_from)[1].splitlines())
        sample = draw([line for line in lines if line], size, seed or new_seed())
    methods = {Method(name): text for name, text in done.items()}
    made = Confirmation(item, Verdict(verdict), result, methods, sample, seen)
    with open_site(site) as opened:
        who = viewer(actor)
        record = opened.desk.audit_work.confirm_paper(sheet, made, revision=revision, viewer=who, now=opened.now())
    click.echo(_("調書を保存しました(版 {revision})。").format(revision=record.revision))


def _pair(text: str) -> tuple[str, str]:
    name, equals, said = text.partition("=")
    if name not in METHODS or not equals:
        what = _("--procedure は「手続=内容」で書いてください(手続: {known})。")
        raise UsageError(what.format(known=" ".join(METHODS)))
    return name, said


@click.command()
@site_option
@click.argument("sheet", metavar="点検票", type=int)
@click.argument("item", metavar="項目")
@click.option("--revision", type=int, required=True, help="読んだときの版(papers の表)")
@actor_option
def review(site: Path, sheet: int, item: str, revision: int, actor: str) -> None:
    """調書を査閲する(作成者とは別の人)。"""
    from secops.wiring import open_site

    with open_site(site) as opened:
        who = viewer(actor)
        record = opened.desk.audit_work.review_paper(sheet, item, revision=revision, viewer=who, now=opened.now())
    click.echo(_("査閲しました({by})。").format(by=record.paper.reviewer))


@click.command()
@site_option
@click.argument("sheet", metavar="点検票", type=int)
@click.argument("kind", metavar="段階", type=click.Choice(STEPS))
@click.option("--on", "day", required=True, help="日付(例: 2026-09-10)")
@click.option("--note", default="", help="出席者(職)・場所・内容")
@actor_option
def step(site: Path, sheet: int, kind: str, day: str, note: str, actor: str) -> None:
    """監査の段階(通知・ヒアリング・視察・講評など)を記録する。"""
    from secops.isms.audit.findings_ports import Step
    from secops.wiring import open_site

    try:
        on = date.fromisoformat(day)
    except ValueError:
        raise UsageError(_("日付を 2026-09-10 のように指定してください。")) from None
    with open_site(site) as opened:
        opened.desk.audit_work.take_step(sheet, Step(kind), on=on, note=note, viewer=viewer(actor), now=opened.now())
    click.echo(_("記録しました。"))


@click.command()
@site_option
@json_option
def horizontal(site: Path, as_json: bool) -> None:
    """横展開の確認と、部署ごとの回答。"""
    from secops.isms.audit.findings_ports import GAP_ANSWERS
    from secops.schema.dates import wareki
    from secops.wiring import open_site

    with open_site(site) as opened:
        found = opened.desk.audit_work.horizontals(viewer(""))
    if as_json:
        emit_json(found)
        return
    emit_table(
        [_("指摘"), _("部署"), _("回答"), _("内容"), _("期限")],
        [
            (
                one.finding,
                it.department_name,
                _(GAP_ANSWERS[it.answer]) if it.answer else _("未回答"),
                it.text,
                wareki(it.due or one.due),
            )
            for one in found
            for it in one.answers
        ],
    )
