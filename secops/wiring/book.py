"""Where the book of a round comes from: a file that was named, the records, or a file that lies in the site.

Files ``audit/books/<year>.json`` of the site folder are books of years that the records do not have: results of before
this program was used here, or of another machine (`secops audit book import`).
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from secops.errors import AuditError, NotFoundError, Problem
from secops.isms.audit.book import Ledger
from secops.isms.audit.book_file import MAX_BYTES, read_book, write_book
from secops.isms.audit.paper_style import PaperKind
from secops.isms.audit.ports import Round
from secops.isms.audit.round import Unit
from secops.locale import _
from secops.wiring.audits import SCORING, audits_folder
from secops.wiring.rounds import EVERYTHING
from secops.wiring.site import Site

BOOKS = "audit/books"
YEARS = 5  # how many years before a round are shown beside it
Mark = tuple[object, ...]  # changes when what a book is made of does
_RECORDS = "records"
_NAME = re.compile(r"(20\d\d)\.json")


def read_ledger(path: Path) -> Ledger:
    """A book from a file.

    Raises:
        NotFoundError: no such file.
        AuditError: it is none, or has mistakes.
    """
    if not path.is_file():
        raise NotFoundError(_("ファイルがありません: {paths}").format(paths=path))
    if path.stat().st_size > MAX_BYTES:
        raise AuditError([Problem(str(path), _("ファイルが大きすぎます。"))])
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        what = _("UTF-8 ではありません({byte} バイト目)。UTF-8 で保存し直してください。")
        raise AuditError([Problem(str(path), what.format(byte=error.start + 1))]) from None
    return read_book(str(path), text)


class Books:
    """The books of a site, read when first asked for and again when they changed."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._lock = threading.Lock()
        self._read: dict[int, tuple[object, Ledger]] = {}

    def years(self) -> list[int]:
        """The years of which there is a book, the newest first."""
        return sorted(self._sources(), reverse=True)

    def open(self, year: int | None = None, by: str = "") -> Ledger:
        """The book of a year, or the newest; the trail is told where ``by`` has it scored by other parameters.

        A book from a file brings the parameters that it was scored by.

        Raises:
            NotFoundError: there is none.
            AuditError: the file of it has mistakes.
        """
        sources = self._sources()
        wanted = max(sources, default=0) if year is None else year
        if wanted not in sources:
            text = _(
                "監査の記録({year})がありません。--book で帳簿(Book)のファイルを指定するか、"
                "secops audit book import で取り込んでください。"
            )
            raise NotFoundError(text.format(year=year or "-"))
        mark, read = sources[wanted]
        with self._lock:
            found = self._known(wanted, mark, read)
        if by and mark[0] == _RECORDS:
            self._site.desk.scoring.tell(found.rules, actor=by, now=self._site.now())
        return found

    def assigned(self, year: int, login: str) -> frozenset[Unit]:
        """The units that an auditor is assigned to, over all plans of the year; of a year without any: over all years.

        A year from a file has no plans here: what an auditor audits now, they may also read of before.
        """
        every = self._site.desk.rounds.plans(EVERYTHING)
        of_year = [one for one in every if one.plan.years[0] <= year <= one.plan.years[1]]
        return frozenset(
            one.unit
            for plan in of_year or every
            for one in plan.assignments
            if one.login.casefold() == login.casefold()
        )

    def filled(self, ledger: Ledger, kind: PaperKind) -> Ledger:
        """The book with what only this kind of paper shows: what units wrote on a form, names on a workpaper."""
        from secops.wiring.book_records import with_answers, with_persons

        if kind is PaperKind.FORM:
            return with_answers(self._site, ledger)
        return with_persons(self._site, ledger) if kind is PaperKind.WORKPAPER else ledger

    def _sources(self) -> Mapping[int, tuple[Mark, Callable[[], Ledger]]]:
        """Year → (what changes when the book does, how to read it); the records go before files."""
        found: dict[int, tuple[Mark, Callable[[], Ledger]]] = {}
        folder = self._site.folder / BOOKS
        for path in folder.glob("*.json") if folder.is_dir() else ():
            if match := _NAME.fullmatch(path.name):
                stat = path.stat()
                found[int(match[1])] = ((stat.st_mtime_ns, stat.st_size), _reader(path))
        rounds = self._site.desk.rounds.rounds()
        if rounds:
            # Whoever changes anything of a round notes it in the trail.
            last = next(iter(self._site.desk.trail.entries(limit=1)), None)
            rules = audits_folder(self._site.folder, SCORING).stat()
            of_rules = (rules.st_mtime_ns, rules.st_size, rules.st_ino)
            number = last.number if last else 0
            mark = (_RECORDS, number, of_rules, id(self._site.directory), *(one[0] for one in found.values()))
            for one in reversed(rounds):  # the newest of a year stays
                found[one.year] = (mark, self._recorded(one))
        return found

    def _recorded(self, round_: Round) -> Callable[[], Ledger]:
        """A book of the records, with the years before it; called under the lock."""

        def read() -> Ledger:
            from secops.wiring.book_records import from_round

            sources = self._sources()
            before = sorted(year for year in sources if year < round_.year)[-YEARS:]
            last = self._read.get(round_.year)
            years = [self._known(year, *sources[year]) for year in before]
            return from_round(self._site, round_, years, last[1] if last else None)

        return read

    def _known(self, year: int, mark: Mark, read: Callable[[], Ledger]) -> Ledger:
        known = self._read.get(year)
        if known is None or known[0] != mark:
            known = self._read[year] = (mark, read())
        return known[1]


def _reader(path: Path) -> Callable[[], Ledger]:
    return lambda: read_ledger(path)


def keep_book(site: Site, ledger: Ledger) -> Path:
    """Put a book among those of the site, in the place of an older one of its year; in one step."""
    folder = site.folder / BOOKS
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{ledger.book.year}.json"
    fresh = folder / f".{path.name}.new"
    with fresh.open("w", encoding="utf-8") as file:
        file.write(write_book(ledger))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    return path
