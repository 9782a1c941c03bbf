"""``secops audit``: the items of the internal audit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secops.cli.common import emit_json, emit_table, json_option, optional_site_option
from secops.locale import _

if TYPE_CHECKING:
    from secops.isms.audit.model import Item


@click.group()
def audit() -> None:
    """情報セキュリティ監査: 監査項目の一覧と点検。"""


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


def _said(item: Item, chapters: Any) -> dict[str, Any]:
    from dataclasses import asdict

    return {**asdict(item), "chapter_title": chapters[item.chapter]}


@audit.command()
@click.argument("places", metavar="[PATH]...", nargs=-1, type=click.Path(path_type=Path))
@optional_site_option
@json_option
def check(places: tuple[Path, ...], site: Path | None, as_json: bool) -> None:
    """監査項目のファイルを点検する(番号の重複、知らない項目、条項の番号の形)。誤りはすべて、場所とともに示す。"""
    from secops.errors import AuditError
    from secops.wiring.audits import open_catalogue

    try:
        catalogue = open_catalogue(site, places)
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
