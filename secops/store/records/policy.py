"""Versions, drafts and statements of the documents of the policy; see `secops.isms.policy.ports.PolicyShelf`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from secops.errors import ConflictError, NotFoundError, StoreError, UsageError
from secops.isms.clauses.markdown import digest_of, write_document
from secops.isms.clauses.model import Document, DocumentKind
from secops.isms.policy.ports import Decision, Draft, DraftChangedError, Statement, Version
from secops.locale import _
from secops.schema.dates import wareki
from secops.store.records.engine import Database
from secops.store.records.policy_tables import policy_drafts, policy_saves, policy_statements, policy_versions
from secops.store.records.trail import note

KEPT = 50  # saves of a draft that a second saver can still be told the changes since
LONGEST = 2000
_HEAD = [column for column in policy_versions.c if column.name != "text"]


class SqlPolicyShelf:
    """See `PolicyShelf`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def versions(self, document: str = "") -> Sequence[Version]:
        """See `PolicyShelf`."""
        statement = select(*_HEAD).order_by(policy_versions.c.document, policy_versions.c.number)
        if document:
            statement = statement.where(policy_versions.c.document == document)
        with self._database.read() as connection:
            return [_version(dict(row)) for row in connection.execute(statement).mappings()]

    def version_text(self, document: str, number: int) -> str:
        """See `PolicyShelf`."""
        here = [policy_versions.c.document == document, policy_versions.c.number == number]
        with self._database.read() as connection:
            row = connection.execute(select(policy_versions.c.text, policy_versions.c.digest).where(*here)).first()
        if row is None:
            what = _("「{document}」の第 {number} 版はありません。")
            raise NotFoundError(what.format(document=document, number=number))
        if digest_of(row.text) != row.digest:
            what = _(
                "「{document}」の第 {number} 版の本文が、公布時のハッシュと違います。書き換えられたおそれがあります。"
            )
            raise StoreError(what.format(document=document, number=number))
        return str(row.text)

    def draft(self, document: str) -> Draft:
        """See `PolicyShelf`."""
        with self._database.read() as connection:
            return _draft(connection, document)

    def drafts(self) -> Mapping[str, Draft]:
        """See `PolicyShelf`."""
        with self._database.read() as connection:
            names = connection.execute(select(policy_drafts.c.document).where(policy_drafts.c.open)).scalars().all()
            return {name: _draft(connection, name) for name in sorted(names)}

    def draft_text(self, document: str, revision: int) -> str:
        """See `PolicyShelf`."""
        here = [policy_saves.c.document == document, policy_saves.c.revision == revision]
        with self._database.read() as connection:
            return str(connection.execute(select(policy_saves.c.text).where(*here)).scalar() or "")

    def save_draft(self, document: Document, *, seen: int, by: str, now: datetime) -> Draft:
        """See `PolicyShelf`."""
        text = write_document(document)
        with self._database.write() as connection:
            before = _seen(connection, document.id, seen)
            values = {
                "revision": seen + 1,
                "open": True,
                "base": before.base if before.open else _last(connection, document.id),
            }
            if not connection.execute(
                update(policy_drafts).where(policy_drafts.c.document == document.id).values(values)
            ).rowcount:
                connection.execute(insert(policy_drafts).values(document=document.id, **values))
            row = {"document": document.id, "revision": seen + 1, "text": text, "saved_by": by, "saved_at": now}
            connection.execute(insert(policy_saves).values(row))
            old = [policy_saves.c.document == document.id, policy_saves.c.revision <= seen + 1 - KEPT]
            connection.execute(delete(policy_saves).where(*old))
            detail = {"revision": seen + 1, "digest": digest_of(text)}
            note(connection, actor=by, action="policy.draft_saved", target=_target(document.id), now=now, detail=detail)
            return _draft(connection, document.id)

    def drop_draft(self, document: str, *, seen: int, by: str, now: datetime) -> Draft:
        """See `PolicyShelf`."""
        with self._database.write() as connection:
            _open(_seen(connection, document, seen))
            detail = {"revision": seen}
            note(connection, actor=by, action="policy.draft_dropped", target=_target(document), now=now, detail=detail)
            return _close(connection, document)

    def publish(self, document: Document, decision: Decision, *, seen: int, by: str, now: datetime) -> Version:
        """See `PolicyShelf`."""
        _check(decision)
        with self._database.write() as connection:
            draft = _open(_seen(connection, document.id, seen))
            text = write_document(document)
            if draft.text != text:
                raise DraftChangedError(_("公布しようとした文は、保存されている改正案と違います。"), draft)
            number = _last(connection, document.id) + 1
            digest = digest_of(text)
            if number > 1:
                _follows(connection, document.id, number - 1, digest, decision)
            row = {
                "document": document.id,
                "number": number,
                "title": document.title,
                "kind": document.kind.value,
                "text": text,
                "digest": digest,
                "effective_on": decision.effective_on,
                "promulgated_on": decision.promulgated_on,
                "committee": decision.committee.strip(),
                "approved_on": decision.approved_on,
                "reason": decision.reason.strip(),
                "published_by": by,
                "published_at": now,
            }
            connection.execute(insert(policy_versions).values(row))
            _close(connection, document.id)
            detail = {"number": number, "digest": digest, "effective_on": decision.effective_on.isoformat()}
            note(connection, actor=by, action="policy.published", target=_target(document.id), now=now, detail=detail)
            return _version(row)

    def statements(self) -> Mapping[tuple[str, str], Statement]:
        """See `PolicyShelf`."""
        with self._database.read() as connection:
            rows = connection.execute(select(policy_statements).order_by(policy_statements.c.id)).mappings()
            return {(row["document"], row["body"]): _statement(dict(row)) for row in rows}

    def state(
        self, document: str, body: str, published_at: str, published_on: date, *, by: str, now: datetime
    ) -> Statement:
        """See `PolicyShelf`."""
        body, published_at = _line(_("機関"), body), _line(_("公表した場所"), published_at)
        row = {
            "document": document,
            "body": body,
            "published_at": published_at,
            "published_on": published_on,
            "stated_by": by,
            "stated_at": now,
        }
        with self._database.write() as connection:
            connection.execute(insert(policy_statements).values(row))
            detail = {"body": body, "at": published_at, "on": published_on.isoformat()}
            note(connection, actor=by, action="policy.stated", target=_target(document), now=now, detail=detail)
        return _statement(row)


def _target(document: str) -> str:
    return f"document {document}"


def _draft(connection: Connection, document: str) -> Draft:
    head = connection.execute(select(policy_drafts).where(policy_drafts.c.document == document)).mappings().first()
    if head is None:
        return Draft(document)
    if not head["open"]:
        return Draft(document, head["revision"])
    here = [policy_saves.c.document == document, policy_saves.c.revision == head["revision"]]
    save = connection.execute(select(policy_saves).where(*here)).mappings().one()
    return Draft(document, head["revision"], save["text"], head["base"], save["saved_by"], save["saved_at"])


def _seen(connection: Connection, document: str, seen: int) -> Draft:
    """The draft, where it is still the one that somebody began from."""
    draft = _draft(connection, document)
    if draft.revision != seen:
        who = draft.saved_by or _("ほかの人")
        what = _("改正案は、開いた後に変わっています({who})。変わったところを確かめて、もう一度保存してください。")
        raise DraftChangedError(what.format(who=who), draft)
    return draft


def _open(draft: Draft) -> Draft:
    if not draft.open:
        raise ConflictError(_("「{document}」に改正案はありません。").format(document=draft.document))
    return draft


def _close(connection: Connection, document: str) -> Draft:
    here = policy_drafts.c.document == document
    values = {"revision": policy_drafts.c.revision + 1, "open": False}
    connection.execute(update(policy_drafts).where(here).values(values))
    connection.execute(delete(policy_saves).where(policy_saves.c.document == document))
    return _draft(connection, document)


def _last(connection: Connection, document: str) -> int:
    statement = select(func.max(policy_versions.c.number)).where(policy_versions.c.document == document)
    return int(connection.execute(statement).scalar() or 0)


def _follows(connection: Connection, document: str, number: int, digest: str, decision: Decision) -> None:
    """Refuse a version that says the same as the last, or would be in force before it."""
    here = [policy_versions.c.document == document, policy_versions.c.number == number]
    last = connection.execute(select(*_HEAD).where(*here)).mappings().one()
    if last["digest"] == digest:
        raise ConflictError(_("第 {number} 版と同じ内容です。公布するものがありません。").format(number=number))
    if decision.effective_on < last["effective_on"]:
        what = _("施行日({day})が、第 {number} 版の施行日({last})より前です。")
        days = {"day": wareki(decision.effective_on), "last": wareki(last["effective_on"])}
        raise ConflictError(what.format(number=number, **days))


def _check(decision: Decision) -> None:
    _line(_("承認した委員会"), decision.committee)
    if not decision.reason.strip() or len(decision.reason) > LONGEST:
        raise UsageError(_("改正理由を {limit} 字以内で書いてください。").format(limit=LONGEST))


def _line(name: str, text: str) -> str:
    text = " ".join(text.split())
    if not text or len(text) > LONGEST:
        raise UsageError(_("{name}を書いてください({limit} 字まで)。").format(name=name, limit=LONGEST))
    return text


def _version(row: Mapping[str, Any]) -> Version:
    names = ("effective_on", "committee", "approved_on", "reason", "promulgated_on")
    return Version(
        row["document"],
        row["number"],
        row["title"],
        DocumentKind(row["kind"]),
        row["digest"],
        Decision(**{name: row[name] for name in names}),
        row["published_by"],
        row["published_at"],
    )


def _statement(row: Mapping[str, Any]) -> Statement:
    names = ("document", "body", "published_at", "published_on", "stated_by", "stated_at")
    return Statement(**{name: row[name] for name in names})
