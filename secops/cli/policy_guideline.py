"""``secops policy guideline`` and ``import-guideline``: editions of the national guideline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secops.cli.common import emit_json, emit_table, json_option, optional_site_option
from secops.locale import _

if TYPE_CHECKING:
    from collections.abc import Sequence

    from secops.isms.clauses.model import Edition, GuidelineClause
    from secops.isms.clauses.trace import Editions
    from secops.wiring.official import Imported


def register(group: click.Group) -> None:
    """Add the commands."""
    group.add_command(guideline)
    group.add_command(import_guideline)


@click.command()
@click.argument("edition", required=False)
@optional_site_option
@click.option("--changed", is_flag=True, help="前の版から変わった条項だけ")
@click.option("--clause", default="", help="この条項の番号(例: 8.2)だけを、ほかの版での番号とともに示す")
@json_option
def guideline(edition: str | None, site: Path | None, changed: bool, clause: str, as_json: bool) -> None:
    """総務省ガイドラインの版の一覧。EDITION(例: 2025-03)を付けると、その版の条項。要約は公式の文ではない。"""
    from secops.wiring.guidelines import open_editions

    editions = open_editions(site)
    for problem in editions.notices:
        click.echo(_("注意: {problem}").format(problem=problem), err=True)
    if edition is None and not clause:
        _list(editions, as_json=as_json)
        return
    chosen = editions.get(edition) if edition else editions.latest
    if clause:
        _one(editions, chosen, clause, as_json=as_json)
        return
    clauses = [one for one in chosen.clauses if not changed or one.change != "same"]
    if as_json:
        said = {"clauses": clauses, "withdrawn": chosen.withdrawn, "sources": chosen.sources}
        emit_json({**_head(chosen), **said})
    else:
        _clauses(chosen, clauses)


def _head(one: Edition) -> dict[str, Any]:
    return {
        "id": one.id,
        "title": one.title,
        "published": one.published,
        "previous": one.previous,
        "official": one.official,
        "digest": one.digest,
    }


def _list(editions: Editions, *, as_json: bool) -> None:
    from secops.isms.clauses.model import Change

    counts = {one.id: dict.fromkeys(Change, 0) for one in editions.all}
    for one in editions.all:
        for clause in one.clauses:
            counts[one.id][clause.change] += 1
        counts[one.id][Change.WITHDRAWN] = len(one.withdrawn)
    if as_json:
        emit_json([{**_head(one), "clauses": len(one.clauses), "changes": counts[one.id]} for one in editions.all])
        return
    emit_table(
        [_("版"), _("題名"), _("条項"), _("改定"), _("移動"), _("新設"), _("廃止"), _("要確認"), _("文")],
        [
            (
                one.published,
                one.title,
                len(one.clauses),
                *(counts[one.id][change] for change in list(Change)[1:]),
                sum(clause.confirm for clause in one.clauses),
                _("公式の文(取り込み)") if one.official else _("要約(公式の文ではない)"),
            )
            for one in editions.all
        ],
        right=range(2, 8),
    )


def _clauses(edition: Edition, clauses: Sequence[GuidelineClause]) -> None:
    from secops.isms.clauses.model import CHANGE_LABELS, Change

    emit_table(
        [_("番号"), _("題名"), _("前の版から"), _("変わったこと"), _("確認"), _("要約")],
        [
            (
                one.number,
                one.title,
                "" if one.change is Change.SAME else _(CHANGE_LABELS[one.change]),
                one.note,
                _("要確認") if one.confirm else "",
                one.summary,
            )
            for one in clauses
        ],
    )
    for old, reason in edition.withdrawn.items():
        click.echo(_("廃止: {id} {reason}").format(id=old, reason=reason))
    for one in edition.sources:
        text = _("出典: {title} {url}({read} 閲覧) {shows}")
        click.echo(text.format(title=one.title, url=one.url, read=one.read, shows=one.shows), err=True)
    if not edition.official:
        click.echo(_("要約は本プログラムの言葉で、公式の文ではありません。"), err=True)


def _one(editions: Editions, edition: Edition, number: str, *, as_json: bool) -> None:
    """A clause with what it is in every other edition."""
    from secops.errors import NotFoundError
    from secops.isms.clauses.official import tail_of
    from secops.isms.clauses.trace import trace

    found = edition.by_id.get(f"{edition.id}-{number}") or edition.by_id.get(f"{edition.id}-{tail_of(number)}")
    if found is None:
        text = _("{edition} 版に「{number}」という条項はありません。")
        raise NotFoundError(text.format(edition=edition.published, number=number))
    elsewhere = {one.published: trace(editions, found.id, one.id) for one in editions.all}
    if as_json:
        emit_json({"clause": found, "editions": elsewhere})
        return
    click.echo(f"{found.number} {found.title}\n{found.summary}\n")
    rows = []
    for one in editions.all:
        there = [one.by_id[name] for name in elsewhere[one.published]]
        rows += [(one.published, each.number, each.title, each.note) for each in there] or [
            (one.published, "-", "", "")
        ]
    emit_table([_("版"), _("番号"), _("題名"), _("変わったこと")], rows)


@click.command("import-guideline")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--edition", required=True, help="版(公表の年と月。例: 2025-03)")
@optional_site_option
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="書き出すファイル(省略するとサイトの policies/guidelines)"
)
@click.option("--title", default="", help="版の題名(省略すると付属の版と同じ)")
@click.option("--force", is_flag=True, help="すでにあるファイルを置き換える")
@click.option("--dry-run", is_flag=True, help="読み取った結果を示すだけで、書き出さない")
@json_option
def import_guideline(
    file: Path,
    edition: str,
    site: Path | None,
    output: Path | None,
    title: str,
    force: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """区が持つガイドラインの公式の文(Word の docx、テキスト、CSV)を、番号から条項に分けて版のファイルにする。

    読み取れなかった行は捨てずに上の条項の文に残し、すべて示す。付属の版と番号・題名が合う条項には、前の版との対応を引き継ぐ。
    """
    from secops.wiring.official import import_guideline as read
    from secops.wiring.official import write_import

    found = read(file, edition, site=site, output=output, title=title)
    if not dry_run:
        write_import(found, site, force=force)
    if as_json:
        emit_json(_imported(found, written=not dry_run))
    else:
        _tell(found, written=not dry_run)
    if _doubtful(found):
        raise SystemExit(1)


def _doubtful(found: Imported) -> bool:
    """Whether a person has to look: numbers out of turn, clauses that are not as in the shipped edition."""
    from secops.isms.clauses.official import Doubt

    return bool(found.adopted.deviations) or any(one.doubt is Doubt.NUMBER for one in found.recognised.unplaced)


def _imported(found: Imported, *, written: bool) -> dict[str, Any]:
    return {
        "edition": _head(found.adopted.edition),
        "path": str(found.path) if written else None,
        "clauses": len(found.adopted.edition.clauses),
        "compared": found.adopted.compared,
        "deviations": found.adopted.deviations,
        "unplaced": found.recognised.unplaced,
        "remarks": found.remarks,
    }


def _tell(found: Imported, *, written: bool) -> None:
    from secops.isms.clauses.adopt import UNLIKE_LABELS
    from secops.isms.clauses.official import DOUBT_LABELS

    edition = found.adopted.edition
    for remark in found.remarks:
        click.echo(remark)
    if found.recognised.unplaced:
        click.echo(_("条項にしなかった行(上の条項の文に残しました):"))
        emit_table(
            [_("行"), _("種類"), _("残した先"), _("文")],
            [(one.line, _(DOUBT_LABELS[one.doubt]), one.kept, one.text) for one in found.recognised.unplaced],
            right=(0,),
        )
    if found.adopted.deviations:
        click.echo(_("{edition} との違い:").format(edition=found.adopted.compared))
        emit_table(
            [_("種類"), _("番号"), _("付属の版"), _("取り込んだ文")],
            [(_(UNLIKE_LABELS[one.kind]), one.number, one.theirs, one.ours) for one in found.adopted.deviations],
        )
    text = _("条項 {count} 件を読み取りました({id})。")
    click.echo(text.format(count=len(edition.clauses), id=edition.id))
    if written:
        click.echo(_("{path} に書き出しました。").format(path=found.path))
