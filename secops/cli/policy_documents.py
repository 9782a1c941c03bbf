"""``secops policy list|show|check|draft|publish|versions|statutory``: the ward's own documents and their versions."""

from __future__ import annotations

import getpass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secops.cli.common import emit_json, emit_table, json_option, optional_site_option, site_option
from secops.locale import _

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from secops.isms.clauses.model import Clause, Document
    from secops.isms.policy.library import Entry, Library
    from secops.isms.policy.ports import Draft, Version


def register(group: click.Group) -> None:
    """Add the commands."""
    for command in (list_, show, check, draft, publish, versions, statutory):
        group.add_command(command)


_DAY = click.DateTime(["%Y-%m-%d"])


def _actor_option(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--as-user", "actor", default="", help="操作した人(省略時は OS の利用者名)")(function)


def _who(actor: str) -> str:
    return actor.strip() or getpass.getuser()


def _today(now: datetime) -> date:
    from secops.schema.dates import JST

    return now.astimezone(JST).date()


@click.command("list")
@optional_site_option
@json_option
def list_(site: Path | None, as_json: bool) -> None:
    """区の文書の一覧: 施行中の版、改正案の有無、所管、次回見直し。サイトなしでは、付属の見本。"""
    from secops.schema.dates import wareki

    if site is None:
        _list_files(as_json=as_json)
        return
    from secops.wiring import open_site
    from secops.wiring.policies import open_library

    with open_site(site) as opened:
        library, day = open_library(opened), _today(opened.now())
        entries = library.entries(day)
        problems = library.problems
    for problem in problems:
        click.echo(problem, err=True)
    if as_json:
        emit_json([_entry_said(one) for one in entries])
    else:
        emit_table(
            [
                _("文書"),
                _("題名"),
                _("施行中の版"),
                _("施行日"),
                _("施行前の版"),
                _("改正案"),
                _("所管"),
                _("次回見直し"),
            ],
            [
                (
                    one.working.id,
                    one.working.title,
                    one.in_force.number if one.in_force else _("なし"),
                    wareki(one.in_force.decision.effective_on) if one.in_force else "",
                    "、".join(f"{version.number} {wareki(version.decision.effective_on)}" for version in one.coming),
                    _draft_said(one.draft) if one.draft.open else "",
                    one.working.owner,
                    wareki(one.working.review) if one.working.review else "",
                )
                for one in entries
            ],
        )
    if problems:
        raise SystemExit(1)


def _list_files(*, as_json: bool) -> None:
    from secops.errors import PolicyError
    from secops.wiring.policies import open_files

    files = open_files(None)
    if files.problems:
        raise PolicyError(files.problems)
    documents = list(files.documents.values())
    if as_json:
        emit_json([_document_said(one) for one in documents])
        return
    emit_table(
        [_("文書"), _("題名"), _("条文"), _("所管")],
        [(one.id, one.title, len(one.clauses), one.owner) for one in documents],
        right=(2,),
    )


def _draft_said(draft: Draft) -> str:
    return _("あり({who}、保存 {revision} 回目)").format(who=draft.saved_by, revision=draft.revision)


def _document_said(document: Document) -> dict[str, Any]:
    names = ("id", "title", "kind", "numbering", "owner", "review", "public", "history", "statutory", "digest")
    return {**{name: getattr(document, name) for name in names}, "clauses": len(document.clauses)}


def _entry_said(entry: Entry) -> dict[str, Any]:
    return {
        **_document_said(entry.working),
        "origin": entry.origin,
        "sample": entry.sample,
        "in_force": entry.in_force,
        "coming": entry.coming,
        "draft": {"revision": entry.draft.revision, "saved_by": entry.draft.saved_by, "base": entry.draft.base}
        if entry.draft.open
        else None,
    }


@click.command()
@click.argument("document", metavar="DOC")
@click.argument("clause", metavar="[CLAUSE]", required=False)
@optional_site_option
@click.option(
    "--version", "number", type=click.IntRange(min=1), help="この版(省略時は施行中の版。なければ改正案か文書)"
)
@click.option("--draft", "drafted", is_flag=True, help="改正案(なければ最新の版か文書)")
@json_option
def show(
    document: str, clause: str | None, site: Path | None, number: int | None, drafted: bool, as_json: bool
) -> None:
    """文書、または CLAUSE(番号の id)から下の条文を表示する。"""
    from dataclasses import replace

    from secops.errors import NotFoundError, UsageError
    from secops.isms.clauses.markdown import write_document

    if number is not None and drafted:
        raise UsageError(_("--version と --draft は、どちらか一つにしてください。"))
    found = chosen_document(document, site, number, drafted=drafted)
    clauses: Sequence[Clause] = found.clauses
    if clause:
        if clause not in found.by_id:
            raise NotFoundError(
                _("「{document}」に「{clause}」という条文はありません。").format(document=document, clause=clause)
            )
        clauses = [one for one in clauses if found.by_id[clause] in found.line(one.id)]
    if as_json:
        said = [{**_plain(one), "number": found.number(one.id)} for one in clauses]
        emit_json({**_document_said(found), "preamble": found.preamble, "clauses": said})
    elif clause:
        text = write_document(replace(found, preamble="", clauses=tuple(clauses)))
        click.echo(text.split("\n---\n", 1)[1].lstrip("\n"), nl=False)
    else:
        click.echo(write_document(found), nl=False)


def _plain(clause: Clause) -> dict[str, Any]:
    from dataclasses import asdict

    return {key: value for key, value in asdict(clause).items() if key != "where"}


def chosen_document(name: str, site: Path | None, number: int | None, *, drafted: bool) -> Document:
    """A document by its id: the version, the draft, or what is in force; without a site that of the sample."""
    from secops.errors import NotFoundError, UsageError

    if site is None:
        from secops.wiring.policies import open_files

        if number is not None or drafted:
            raise UsageError(_("版や改正案を見るには、サイトを --site で指定してください。"))
        files = open_files(None)
        if name not in files.documents:
            known = ", ".join(files.documents)
            raise NotFoundError(
                _("「{name}」という文書はありません(あるもの: {known})。").format(name=name, known=known)
            )
        return files.documents[name]
    from secops.wiring import open_site
    from secops.wiring.policies import open_library

    with open_site(site) as opened:
        library = open_library(opened)
        if number is not None:
            return library.version(name, number)
        entry = library.entry(name, _today(opened.now()))
        return entry.working if drafted else entry.current


@click.command()
@click.argument("places", metavar="[PATH]...", nargs=-1, type=click.Path(path_type=Path))
@optional_site_option
@json_option
def check(places: tuple[Path, ...], site: Path | None, as_json: bool) -> None:
    """文書のファイル(.md)を点検する: 形、番号の重複、ガイドラインにない条項。誤りはすべて、場所とともに示す。"""
    from secops.errors import PolicyError
    from secops.wiring.policies import check_files

    documents, wrong = check_files(site, places)
    if as_json:
        emit_json({"problems": wrong, "documents": [_document_said(one) for one in documents]})
        if wrong:
            raise SystemExit(1)
        return
    if wrong:
        raise PolicyError(wrong)
    links = sum(len(clause.links) for one in documents for clause in one.clauses)
    text = _("文書 {documents} 件、条文 {clauses} 件、ガイドラインへの対応付け {links} 件: 問題ありません。")
    count = sum(len(one.clauses) for one in documents)
    click.echo(text.format(documents=len(documents), clauses=count, links=links))


@click.command()
@click.argument("document", metavar="DOC")
@click.argument("file", metavar="[FILE.md]", required=False, type=click.Path(path_type=Path))
@site_option
@click.option("--seen", type=click.IntRange(min=0), help="すでにある改正案を書き換えるとき: 見て確かめた保存の番号")
@click.option("--drop", is_flag=True, help="改正案を取りやめる(--seen が必要)")
@_actor_option
def draft(document: str, file: Path | None, site: Path, seen: int | None, drop: bool, actor: str) -> None:
    """FILE.md を改正案として保存する。ほかの人の改正案を、知らないうちに上書きすることはない。"""
    from secops.errors import UsageError
    from secops.wiring import open_site
    from secops.wiring.policies import open_library

    if drop == (file is not None):
        raise UsageError(_("改正案のファイルか、--drop を指定してください。"))
    with open_site(site) as opened:
        library, now = open_library(opened), opened.now()
        if drop:
            library.shelf.drop_draft(document, seen=_seen(library, document, seen, now), by=_who(actor), now=now)
            click.echo(_("「{document}」の改正案を取りやめました。").format(document=document))
            return
        assert file is not None
        read = library.read(document, _text(file), str(file))
        revision = _seen(library, document, seen, now)
        saved = library.save(read, seen=revision, by=_who(actor), now=now)
        wrong = library.check(read)
    text = _("「{document}」の改正案を保存しました(保存 {revision} 回目)。")
    click.echo(text.format(document=document, revision=saved.revision))
    for problem in wrong:
        click.echo(problem, err=True)
    if wrong:
        click.echo(_("公布する前に、上の {count} 件を直してください。").format(count=len(wrong)), err=True)
        raise SystemExit(1)


def _text(file: Path) -> str:
    from secops.errors import NotFoundError, PolicyError, Problem

    if not file.is_file():
        raise NotFoundError(_("ファイルがありません: {paths}").format(paths=file))
    try:
        return file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        what = _("UTF-8 ではありません({byte} バイト目)。UTF-8 で保存し直してください。")
        raise PolicyError([Problem(f"{file}:1", what.format(byte=error.start + 1))]) from None


def _seen(library: Library, document: str, seen: int | None, now: datetime) -> int:
    """The revision to write over: one that was named, or none is open."""
    from secops.errors import ConflictError

    present = library.shelf.draft(document)
    if not present.open:
        return present.revision
    if seen == present.revision:
        return seen
    lines = [
        _("「{document}」には、{who} が保存した改正案があります(保存 {revision} 回目)。").format(
            document=document, who=present.saved_by, revision=present.revision
        )
    ]
    changed = library.changed_since(document, seen or 0, _today(now)) or ()
    lines += [f"  {one.number or one.id} {one.title} ({_(_HOW[one.how])})" for one in changed[:50]]
    if len(changed) > 50:
        lines.append(_("  ほか {count} 件").format(count=len(changed) - 50))
    lines.append(
        _(
            "policy show {document} --draft で内容を確かめ、置き換えてよければ --seen {revision} を付けてください。"
        ).format(document=document, revision=present.revision)
    )
    raise ConflictError("\n".join(lines))


_HOW = {"added": "追加", "removed": "削除", "changed": "変更"}


@click.command()
@click.argument("document", metavar="DOC")
@site_option
@click.option("--effective", required=True, type=_DAY, help="施行日(例: 2027-04-01)")
@click.option("--committee", required=True, help="承認した委員会(例: 情報セキュリティ委員会)")
@click.option("--approved", required=True, type=_DAY, help="承認の日")
@click.option("--promulgated", type=_DAY, help="公布(告示・通知)の日")
@click.option("--reason", required=True, help="改正理由")
@_actor_option
@json_option
def publish(
    document: str,
    site: Path,
    effective: datetime,
    committee: str,
    approved: datetime,
    promulgated: datetime | None,
    reason: str,
    actor: str,
    as_json: bool,
) -> None:
    """改正案を版として公布する。公布した版は、誰にも変更できない。"""
    from secops.isms.policy.ports import Decision
    from secops.schema.dates import wareki
    from secops.wiring import open_site
    from secops.wiring.policies import open_library

    day = promulgated.date() if promulgated else None
    decision = Decision(effective.date(), committee, approved.date(), reason, day)
    with open_site(site) as opened:
        library = open_library(opened)
        seen = library.shelf.draft(document).revision
        version = library.publish(document, decision, seen=seen, by=_who(actor), now=opened.now())
    if as_json:
        emit_json(version)
        return
    text = _("「{document}」の第 {number} 版を公布しました(施行日 {day}、SHA-256 {digest})。")
    day_said = wareki(version.decision.effective_on)
    click.echo(text.format(document=document, number=version.number, day=day_said, digest=version.digest))


@click.command()
@click.argument("document", metavar="DOC")
@site_option
@json_option
def versions(document: str, site: Path, as_json: bool) -> None:
    """文書の版: 施行日、承認、改正理由、ハッシュ。本文がハッシュのとおりかも確かめる。"""
    from secops.isms.policy.library import version_on
    from secops.schema.dates import wareki
    from secops.wiring import open_site
    from secops.wiring.policies import open_library

    with open_site(site) as opened:
        library, day = open_library(opened), _today(opened.now())
        found = library.entry(document, day).versions
        for one in found:
            library.shelf.version_text(document, one.number)
    now = version_on(found, day)
    if as_json:
        emit_json([{**_version_said(one), "in_force": one == now} for one in found])
        return
    emit_table(
        [_("版"), _("施行日"), _("状態"), _("承認"), _("改正理由"), _("公布した人"), "SHA-256"],
        [
            (
                one.number,
                wareki(one.decision.effective_on),
                _state(one, now),
                f"{one.decision.committee} {wareki(one.decision.approved_on)}",
                one.decision.reason,
                one.published_by,
                one.digest,
            )
            for one in found
        ],
    )


def _version_said(version: Version) -> dict[str, Any]:
    from dataclasses import asdict

    said = asdict(version)
    return {**said, **said.pop("decision")}


def _state(version: Version, now: Version | None) -> str:
    if version == now:
        return _("施行中")
    return _("施行前") if now is None or version.number > now.number else _("旧版")


@click.command()
@site_option
@click.option("--set", "document", metavar="DOC", help="公表の記入: この文書を方針とする")
@click.option("--body", help="機関(例: 区長)")
@click.option("--at", "place", help="公表した場所(例: 区公式ホームページの題名や URL)")
@click.option("--on", "day", type=_DAY, help="公表した日")
@_actor_option
@json_option
def statutory(
    site: Path,
    document: str | None,
    body: str | None,
    place: str | None,
    day: datetime | None,
    actor: str,
    as_json: bool,
) -> None:
    """地方自治法第244条の6の方針: 機関ごとに、どの文書で、どこにいつ公表したか。足りないものがあれば終了コード 1。"""
    from secops.errors import UsageError
    from secops.isms.policy.statutory import LACK_LABELS, statutory_state
    from secops.schema.dates import wareki
    from secops.wiring import open_site
    from secops.wiring.policies import open_library, open_statutory

    with open_site(site) as opened:
        library, now = open_library(opened), opened.now()
        if document or body or place or day:
            if not (document and body and place and day):
                raise UsageError(_("記入には --set 文書、--body 機関、--at 場所、--on 日 がすべて必要です。"))
            library.entry(document, _today(now))
            library.shelf.state(document, body, place, day.date(), by=_who(actor), now=now)
        rules = open_statutory(site)
        found = statutory_state(library.entries(_today(now)), library.shelf.statements(), rules.bodies)
    if as_json:
        emit_json({"law": rules.law, "since": rules.since, "bodies": found})
    else:
        emit_table(
            [_("機関"), _("文書"), _("公表した場所"), _("公表した日"), _("足りないもの")],
            [
                (
                    one.body,
                    one.title,
                    one.published_at,
                    wareki(one.published_on) if one.published_on else "",
                    "、".join(_(LACK_LABELS[lack]) for lack in one.lacks),
                )
                for one in found
            ],
        )
    if any(one.lacks for one in found):
        raise SystemExit(1)
