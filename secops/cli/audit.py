"""``secops audit``: items, scores and samples of the internal audit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secops.cli import (
    audit_evidence,
    audit_findings,
    audit_form,
    audit_items,
    audit_log,
    audit_papers,
    audit_plan,
    audit_release,
    audit_report,
    audit_visit,
)
from secops.cli.common import emit_json, emit_table, json_option, optional_site_option
from secops.locale import _

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secops.isms.audit.model import Item
    from secops.isms.audit.scoring import Score, Scores
    from secops.isms.audit.workpaper import Gap


@click.group()
def audit() -> None:
    """情報セキュリティ監査: 監査項目、採点、抽出。"""


@audit.command()
@optional_site_option
@click.option("--chapter", help="対策基準の章の番号(例: 6)")
@click.option("--stage", type=click.IntRange(1, 3), help="この段階までに適用する項目だけ")
@json_option
def items(site: Path | None, chapter: str | None, stage: int | None, as_json: bool) -> None:
    """監査項目の一覧(区のものがサイトの audits/catalogue にあれば、それ)。"""
    from secops.errors import UsageError
    from secops.isms.audit.model import ANSWERER_LABELS
    from secops.wiring.audits import open_catalogue

    catalogue = open_catalogue(site)
    if chapter is not None and chapter not in catalogue.chapters:
        known = ", ".join(catalogue.chapters)
        raise UsageError(
            _("「{chapter}」という章はありません(あるもの: {known})。").format(chapter=chapter, known=known)
        )
    chosen = [
        item
        for item in (catalogue.items if chapter is None else catalogue.chapter(chapter))
        if stage is None or item.stage <= stage
    ]
    if as_json:
        emit_json({"digest": catalogue.digest, "items": [_said(item, catalogue.chapters) for item in chosen]})
        return
    emit_table(
        [_("番号"), _("必須"), _("重み"), _("段階"), _("回答者"), _("監査項目"), _("条項")],
        [
            (
                item.id,
                _("必須") if item.mandatory else "",
                item.weight,
                item.stage,
                _(ANSWERER_LABELS[item.answers]),
                item.title + (_("(要確認)") if item.confirm else ""),
                " ".join(item.clauses),
            )
            for item in chosen
        ],
        right=(2, 3),
    )


def _said(item: Item, chapters: Mapping[str, str]) -> dict[str, Any]:
    from dataclasses import asdict

    return {**asdict(item), "chapter_title": chapters[item.chapter]}


@audit.command()
@click.argument("places", metavar="[PATH]...", nargs=-1, type=click.Path(path_type=Path))
@optional_site_option
@json_option
def check(places: tuple[Path, ...], site: Path | None, as_json: bool) -> None:
    """監査項目と照会(telemetry.yml)のファイルを点検する(番号の重複、知らない項目、条項の番号の形、ない照会の名前)。"""
    from secops.errors import AuditError
    from secops.wiring.audits import checked_catalogue

    try:
        catalogue = checked_catalogue(site, places)
    except AuditError as error:
        if not as_json:
            raise
        emit_json({"problems": error.problems})
        raise SystemExit(1) from None
    counts = {number: len(catalogue.chapter(number)) for number in catalogue.chapters}
    if as_json:
        emit_json({"problems": [], "items": len(catalogue.items), "chapters": counts, "digest": catalogue.digest})
        return
    emit_table(
        [_("章"), _("題名"), _("項目"), _("うち必須"), _("ログで確かめる項目")],
        [
            (
                number,
                title,
                counts[number],
                sum(item.mandatory for item in catalogue.chapter(number)),
                sum(bool(item.telemetry) for item in catalogue.chapter(number)),
            )
            for number, title in catalogue.chapters.items()
        ],
        right=(2, 3, 4),
    )
    click.echo(_("監査項目 {count} 件: 問題ありません。").format(count=len(catalogue.items)))


@audit.command()
@click.argument("answers", metavar="CSV", type=click.Path(path_type=Path))
@optional_site_option
@click.option("--majors", type=click.Path(path_type=Path), help="未是正の重大な不適合の CSV(部署コード、番号)")
@click.option("--declared", is_flag=True, help="監査人の確認した値でなく、自己点検の値で採点する")
@click.option(
    "--stage", type=click.IntRange(1, 3), help="この段階で問う項目のうち CSV にないものを、未確認として数える"
)
@click.option(
    "--by",
    "level",
    type=click.Choice(["department", "division", "chapter", "item"]),
    default="department",
    help="表の単位: 課、部(台帳による)、章、項目",
)
@json_option
def score(
    answers: Path, site: Path | None, majors: Path | None, declared: bool, stage: int | None, level: str, as_json: bool
) -> None:
    """判定の CSV(部署コード、システムコード、番号、自己点検、監査人確認)から、達成率・網羅率・評価を計算する。"""
    from secops.cli.audit_plan import who
    from secops.isms.audit.answers import read_answers, read_majors
    from secops.isms.audit.scoring import score_round
    from secops.isms.audit.workpaper import confirmed_values, declared_values, gaps, with_unanswered
    from secops.wiring.audits import open_catalogue, open_divisions, read_csv, told_rules

    catalogue = open_catalogue(site)
    papers = read_answers(*read_csv(answers), catalogue)
    found = read_majors(*read_csv(majors), catalogue) if majors else []
    if stage is not None:
        papers = with_unanswered(papers, catalogue, stage)
    divisions, names = open_divisions(site)
    values = declared_values(papers) if declared else confirmed_values(papers)
    scores = score_round(values, found, catalogue, told_rules(site, who("")), divisions)
    if as_json:
        emit_json(_scores(scores, gaps(papers), declared))
        return
    table = {
        "department": scores.departments,
        "division": scores.divisions,
        "chapter": scores.chapters,
        "item": scores.items,
    }[level]
    titles = {**names, **(catalogue.chapters if level == "chapter" else {})}
    headers = [
        _("単位"),
        _("名称"),
        _("達成率"),
        _("網羅率"),
        _("評価"),
        "○",
        "△",
        "×",
        _("対象外"),
        _("未確認"),
        _("理由"),
    ]
    rows = [(key, titles.get(key, ""), *_score_cells(one)) for key, one in sorted(table.items())]
    emit_table(headers, [*rows, (_("全体"), "", *_score_cells(scores.ward))], right=(2, 3, 5, 6, 7, 8, 9))
    click.echo(_("監査項目に対する達成状況の目安であり、安全性を保証するものではありません。"))


def _score_cells(one: Score) -> tuple[object, ...]:
    """The cells of a score after its name."""
    from secops.isms.audit.model import Verdict
    from secops.isms.audit.scoring import CAP_LABELS

    order = (Verdict.MET, Verdict.PARTIAL, Verdict.NOT_MET, Verdict.NOT_APPLICABLE, Verdict.NOT_VERIFIED)
    percents = ["-" if percent is None else f"{percent:.1f}" for percent in (one.achievement, one.coverage)]
    why = "、".join(_(CAP_LABELS[cap]) for cap in one.capped)
    return (*percents, one.grade.value if one.grade else "-", *(one.counts[verdict] for verdict in order), why)


def _scores(scores: Scores, gaps: Mapping[str, Mapping[Gap, int]], declared: bool) -> dict[str, Any]:
    """Scores as JSON: percentages are numbers, a cell names its department and chapter."""

    def said(one: Score) -> dict[str, Any]:
        return {
            "achievement": None if one.achievement is None else float(one.achievement),
            "coverage": None if one.coverage is None else float(one.coverage),
            "grade": one.grade,
            "capped": one.capped,
            "counts": one.counts,
            "mandatory_not_met": one.mandatory_not_met,
            "open_majors": one.open_majors,
        }

    levels = {
        "departments": scores.departments,
        "divisions": scores.divisions,
        "chapters": scores.chapters,
        "items": scores.items,
    }
    return {
        "value": "declared" if declared else "confirmed",
        "rules": scores.rules,
        "catalogue": scores.catalogue,
        "ward": said(scores.ward),
        **{name: {key: said(one) for key, one in level.items()} for name, level in levels.items()},
        "cells": [
            {"department": department, "chapter": chapter, **said(one)}
            for (department, chapter), one in scores.cells.items()
        ],
        "gaps": gaps,
    }


@audit.command()
@click.argument("population", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--size", type=click.IntRange(min=1), required=True, help="抽出する件数")
@click.option(
    "--seed", help="乱数の種(シード)。省略すると作って示す。同じ母集団・件数・シードなら、いつでも同じ抽出になる"
)
@json_option
def sample(population: Path, size: int, seed: str | None, as_json: bool) -> None:
    """母集団(1 行に 1 件のファイル)から、監査調書に残せる形で抽出する。"""
    from secops.isms.audit.sampling import draw, new_seed
    from secops.wiring.audits import read_csv

    lines = read_csv(population)[1].splitlines()
    drawn = draw([line.strip() for line in lines if line.strip()], size, seed or new_seed())
    if as_json:
        emit_json(drawn)
        return
    for member in drawn.members:
        click.echo(member)
    text = _("母集団 {count} 件(SHA-256 {digest})から {size} 件、シード {seed}、方法 {method}")
    said = text.format(
        count=drawn.population_size, digest=drawn.population, size=drawn.size, seed=drawn.seed, method=drawn.method
    )
    click.echo(said, err=True)


# Each further part adds its commands to the group.
for _part in (
    audit_plan,
    audit_visit,
    audit_form,
    audit_papers,
    audit_evidence,
    audit_findings,
    audit_report,
    audit_log,
    audit_items,
    audit_release,
):
    _part.register(audit)
