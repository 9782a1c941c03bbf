"""Makes, checks and releases the papers of the audit: files are read and written here, the rest is values."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

from secops.access.ports import Access
from secops.errors import AuditError, ConflictError, DeniedError, NotFoundError, Problem, UsageError
from secops.isms.audit.book import Ledger
from secops.isms.audit.draft import Draft, read_markdown
from secops.isms.audit.figures import figures
from secops.isms.audit.lint import Facts, Fault, facts_of, lint, unready
from secops.isms.audit.paper_style import PaperKind, PaperStyle, read_style
from secops.isms.audit.releases import Edited, NewRelease, Reader, ReleaseDesk, ReleaseRequest
from secops.isms.audit.round import Book, Conduct, Release, ReleasedFile, Unit
from secops.isms.audit.sight import Sight
from secops.isms.clauses.word_package import MAX_FILE
from secops.locale import _
from secops.org.files import open_directory
from secops.report.papers import build, digest_of
from secops.report.papers.desk import Desk
from secops.report.papers.finish import sized
from secops.report.papers.model import Order, Paper
from secops.report.papers.pdf import write_pdf
from secops.report.papers.read_word import read_word
from secops.report.papers.score_sheet import write_scores
from secops.report.papers.template import filling
from secops.report.papers.web import write_html
from secops.report.papers.word import write_docx
from secops.schema.dates import JST
from secops.wiring.audits import audits_folder
from secops.wiring.book import Books
from secops.wiring.office import Convert, find_office
from secops.wiring.site import Site
from secops.wiring.word import fill_apart, paper_apart, settle_apart

REPORTS = "reports.toml"
TEMPLATES = "templates"
RELEASED = "audit/released"
MAX_PDF = 64 << 20  # bytes of a PDF that is kept beside an edited paper
SUFFIXES = ("docx", "pdf", "html", "xlsx")
EVERYTHING = Reader(Access(), audits=True)


def open_style(site: Path | None) -> PaperStyle:
    """How papers look: the ward's own ``audits/reports.toml``, else the one of the program.

    Raises:
        AuditError: the file has mistakes.
    """
    path = audits_folder(site, REPORTS)
    return read_style(str(path), path.read_text(encoding="utf-8-sig"))


def own_template(site: Path | None, kind: PaperKind) -> Path | None:
    """The ward's own Word template of a kind (``audits/templates/KIND.docx`` in the site), where there is one."""
    path = site / "audits" / TEMPLATES / f"{kind.value}.docx" if site else None
    return path if path is not None and path.is_file() else None


def staff_names(site: Site) -> tuple[str, ...]:
    """Names that must not stand in a paper."""
    directory = open_directory(site.folder, site.settings, site.now().astimezone(JST).date())
    return tuple(one.name for one in directory.staff if one.name)


@dataclass(frozen=True)
class Press:
    """What papers are made with: a book, how they look, the ward's folder, names that must not be in them.

    ``more`` adds what only a paper of this kind shows: what the units wrote on a form, names on a workpaper.
    """

    ledger: Ledger
    style: PaperStyle
    folder: Path | None = None
    names: tuple[str, ...] = ()
    more: Callable[[Ledger, PaperKind], Ledger] = lambda ledger, _kind: ledger

    def paper(self, order: Order) -> Paper:
        """The paper."""
        return build(self.more(self.ledger, order.kind).book, order)

    def docx(self, order: Order) -> bytes:
        """The paper as Word, by the ward's own template where it has one.

        Raises:
            AuditError: the template has mistakes.
        """
        paper, own = self.paper(order), own_template(self.folder, order.kind)
        if own is None:
            return write_docx(paper)
        return fill_apart(str(own), own.read_bytes(), filling(Desk(self.ledger.book, sized(order)), paper))

    def write(self, order: Order, suffix: str) -> bytes:
        """The paper in a format; as xlsx the score table."""
        if suffix == "docx":
            return self.docx(order)
        if suffix == "xlsx":
            return write_scores(self.ledger.book, order)
        paper = self.paper(order)
        return write_pdf(paper) if suffix == "pdf" else write_html(paper).encode()

    def facts(self, kind: PaperKind, order: Order) -> Facts:
        """What a paper of this book is compared with."""
        book = self.ledger.book
        return facts_of(book, order.style, kind, figures(book, order.department, order.made_on), self.names)

    def faults(self, order: Order, data: bytes, name: str, *, edited: bool = False) -> list[Fault]:
        """What the linter finds in a Word file that is to be this paper; what others had a hand in is read apart."""
        ours = not edited and own_template(self.folder, order.kind) is None
        draft = read_word(name, data) if ours else paper_apart(name, data)
        return lint(draft, self.facts(order.kind, order))

    def hindrances(self, order: Order, data: bytes, name: str, *, edited: bool) -> list[Fault]:
        """What must be put right before it is issued: in the records, and in the paper itself."""
        found = unready(self.ledger.book, order.kind, order.department)
        return [*found, *self.faults(order, data, name, edited=edited)]


def read_draft(path: Path) -> Draft:
    """A paper to be checked: ``.docx`` or ``.md``.

    Raises:
        NotFoundError: no such file.
        AuditError: it cannot be read.
    """
    if not path.is_file():
        raise NotFoundError(_("ファイルがありません: {paths}").format(paths=path))
    if path.suffix.lower() == ".docx":
        with path.open("rb") as file:
            return paper_apart(str(path), file.read(MAX_FILE + 1))
    if path.suffix.lower() in {".md", ".txt"}:
        try:
            return read_markdown(str(path), path.read_bytes().decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            what = _("UTF-8 ではありません({byte} バイト目)。UTF-8 で保存し直してください。")
            raise AuditError([Problem(f"{path}:1", what.format(byte=error.start + 1))]) from None
    raise UsageError(_("点検できるのは .docx と .md です: {path}").format(path=path))


def bare_facts(draft: Draft, style: PaperStyle, kind: PaperKind | None, names: Sequence[str]) -> Facts:
    """What a paper is compared with where its book is not at hand: what the file itself says."""
    known = set(Conduct)
    conduct = draft.meta.get("conduct", "")
    polite = draft.meta.get("speech") == "polite"
    return Facts(
        style=replace(style, polite=True) if polite else style,
        kind=kind or draft.kind,
        conduct=Conduct(conduct) if conduct in known else Conduct.INTERNAL,
        names=tuple(names),
    )


# ------------------------------------------------------------------------------------------------------------ released


@dataclass(frozen=True, slots=True)
class Checked:
    """A file of a released report as it lies there now; ``state`` is ok, missing, changed or unknown."""

    number: str
    name: str
    state: str


class BookShelf(Protocol):
    """Where books come from: `Books` of a site, or a fake."""

    def years(self) -> list[int]:
        """The years of which there is a book, the newest first."""
        ...

    def open(self, year: int | None = None, by: str = "") -> Ledger:
        """The book of a year, or the newest; ``by`` is who has it scored."""
        ...

    def assigned(self, year: int, login: str) -> frozenset[Unit]:
        """The units that an auditor is assigned to."""
        ...

    def filled(self, ledger: Ledger, kind: PaperKind) -> Ledger:
        """The book with what only this kind of paper shows."""
        ...


class Papers:
    """A `PaperRoom`: makes, checks, releases and gives out papers. What it writes is in ``folder``.

    ``office`` makes a PDF of a Word file that is not as we wrote it; None: there is nothing on this machine that can.
    """

    def __init__(
        self,
        folder: Path,
        books: BookShelf,
        desk: ReleaseDesk,
        now: Callable[[], datetime],
        names: Callable[[], tuple[str, ...]] = lambda: (),
        office: Convert | None = None,
    ) -> None:
        self._folder, self._books, self._desk, self._now, self._names = folder, books, desk, now, names
        self._office = office

    @property
    def converts(self) -> bool:
        """Whether a PDF can be made of an edited paper on this machine."""
        return self._office is not None

    def years(self) -> list[int]:
        """The years of which there is a round."""
        return self._books.years()

    def book(self, year: int | None, reader: Reader) -> Book | None:
        """The round of a year as far as this reader may see it."""
        found = self._ledger(year, reader.name)
        return found.only(self._sight(found.book.year, reader)).book if found else None

    def _ledger(self, year: int | None, by: str = "") -> Ledger | None:
        years = self._books.years()
        return self._books.open(year, by) if years and (year is None or year in years) else None

    def _sight(self, year: int, reader: Reader) -> Sight:
        """What a reader may see of a year."""
        units = self._books.assigned(year, reader.login) if reader.login else None
        return Sight(reader.access.departments, units, reader.access.zones)

    def press(self, year: int | None, by: str = "") -> Press:
        """What papers of a year are made with; ``by`` is who has it scored."""
        ledger, style = self._books.open(year, by), open_style(self._folder)
        return Press(ledger, style, self._folder, self._names(), self._books.filled)

    def _order(self, press: Press, request: ReleaseRequest, *, draft: bool) -> Order:
        return Order(
            request.kind,
            press.style,
            self._now().astimezone(JST).date(),
            request.department,
            draft,
            request.number,
            request.decided,
            request.retention,
        )

    def draft(self, request: ReleaseRequest, suffix: str, reader: Reader) -> tuple[str, bytes]:
        """A draft as a file."""
        press = self.press(request.year, reader.name)
        book = press.ledger.book
        sight = self._sight(book.year, reader)
        if not sight.everywhere:
            if not request.department:
                raise DeniedError(_("担当する部署の文書だけを作れます。部署を選んでください。"))
            if not sight.department(request.department, book.names):
                raise NotFoundError(_("部署「{code}」は担当の監査にありません。").format(code=request.department))
        more = press.more
        press = replace(press, ledger=press.ledger.only(sight), more=lambda seen, kind: more(seen, kind).only(sight))
        order = self._order(press, request, draft=True)
        parts = [str(book.year), request.kind.value, *([request.department] if request.department else []), "draft"]
        return f"{'-'.join(parts)}.{suffix}", press.write(order, suffix)

    def faults(self, request: ReleaseRequest, edited: Edited | None = None) -> list[Problem]:
        """What the linter finds in the paper as it would be released."""
        press = self.press(request.year)
        order = self._order(press, request, draft=False)
        word, name = self._word(press, order, edited)
        return [one.problem for one in press.hindrances(order, word, name, edited=edited is not None)]

    def _word(self, press: Press, order: Order, edited: Edited | None) -> tuple[bytes, str]:
        """The paper as Word, and its name."""
        if edited is None:
            return press.docx(order), f"{order.kind.value}.docx"
        return settle_apart(edited.name, edited.word, order, press.ledger.book.year), edited.name

    def _layout(self, press: Press, order: Order, word: bytes, edited: Edited | None) -> bytes:
        """The paper as PDF: ours, the one that was given, or one that the office program makes; empty: none."""
        if edited is None and own_template(press.folder, order.kind) is None:
            return press.write(order, "pdf")
        if edited is not None and edited.pdf:
            if not edited.pdf.startswith(b"%PDF-") or len(edited.pdf) > MAX_PDF:
                what = _("PDF として読めないか、大きすぎます({limit} MB まで)。").format(limit=MAX_PDF >> 20)
                raise AuditError([Problem("PDF", what)])
            return edited.pdf
        return self._office(word) if self._office else b""

    def release(
        self, request: ReleaseRequest, *, actor: str, edited: Edited | None = None, press: Press | None = None
    ) -> Release:
        """Release a paper: as it is made, or as somebody edited it in Word.

        Raises:
            AuditError: the linter found something, or the edited file is another paper.
        """
        press = press or self.press(request.year, actor)
        order, book = self._order(press, request, draft=False), press.ledger.book
        word, name = self._word(press, order, edited)
        if found := press.hindrances(order, word, name, edited=edited is not None):
            raise AuditError([one.problem for one in found])
        layout = self._layout(press, order, word, edited)
        new = NewRelease(
            request.kind,
            book.year,
            press.paper(order).title,
            request.department,
            book.names.get(request.department, request.department),
            request.replaces,
            request.number,
            digest_of(figures(book, request.department, order.made_on)),
            book.confirmed.rules,
        )
        return self._keep(new, {"docx": word, **({"pdf": layout} if layout else {})}, actor)

    def _keep(self, new: NewRelease, files: dict[str, bytes], actor: str) -> Release:
        folder = self._folder / RELEASED
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        written: list[Path] = []

        def keep(number: str) -> list[ReleasedFile]:
            stem = "-".join([number, new.kind.value, *([new.department] if new.department else [])])
            kept = []
            for suffix, data in files.items():
                path = folder / f"{stem}.{suffix}"
                _write_once(path, data)
                written.append(path)
                kept.append(ReleasedFile(path.name, hashlib.sha256(data).hexdigest(), len(data)))
            return kept

        try:
            return self._desk.add(new, keep, actor=actor, now=self._now())
        except BaseException:
            for path in written:  # the row was not written: nothing was released
                with suppress(OSError):
                    path.unlink()
            raise

    def releases(self, reader: Reader = EVERYTHING, *, year: int | None = None) -> Sequence[Release]:
        """Released reports, the newest first."""
        return [one for one in self._desk.releases(reader, year=year) if self._handed(one, reader)]

    def _handed(self, release: Release, reader: Reader) -> bool:
        """Whether a paper is handed to an auditor: workpapers are for those who audit all that is in them."""
        if not reader.login or release.kind != PaperKind.WORKPAPER:
            return True
        if not release.department:
            return False
        found = self._ledger(release.year)
        mine = self._books.assigned(release.year, reader.login)
        there = {Unit(release.department), *(_units(found.book, release.department) if found else ())}
        return there <= mine

    def file(self, number: str, name: str, reader: Reader = EVERYTHING) -> bytes:
        """A file of a released report, checked."""
        release, path = self._desk.release(number, reader), self._folder / RELEASED / name
        found = next((one for one in release.files if one.name == name), None)
        if found is None or not path.is_file() or not self._handed(release, reader):
            text = _("発行済みの文書 {number} のファイル {name} がありません。")
            raise NotFoundError(text.format(number=number, name=name[:100]))
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != found.sha256:
            text = _("ファイル {name} が発行した時と違います(SHA-256 が合いません)。書き換えられたおそれがあります。")
            raise ConflictError(text.format(name=name))
        return data

    def verify(self) -> list[Checked]:
        """Every released file against its SHA-256, and files that nobody released."""
        folder, found = self._folder / RELEASED, []
        known: set[str] = set()
        for release in self.releases():
            for one in release.files:
                known.add(one.name)
                path = folder / one.name
                if not path.is_file():
                    state = "missing"
                else:
                    same = hashlib.sha256(path.read_bytes()).hexdigest() == one.sha256
                    state = "ok" if same else "changed"
                found.append(Checked(release.number, one.name, state))
        strangers = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
        return [*found, *(Checked("", name, "unknown") for name in strangers if name not in known)]


def _units(book: Book, department: str) -> set[Unit]:
    """The units of a department that have papers in a round."""
    return {Unit(one.department, one.system) for one in book.papers if one.department == department}


def papers_of(site: Site) -> Papers:
    """The papers of a site."""
    return Papers(site.folder, Books(site), site.desk.releases, site.now, lambda: staff_names(site), find_office())


def read_bytes(path: Path) -> bytes:
    """A file's bytes.

    Raises:
        NotFoundError: no such file.
    """
    if not path.is_file():
        raise NotFoundError(_("ファイルがありません: {paths}").format(paths=path))
    return path.read_bytes()


def _write_once(path: Path, data: bytes) -> None:
    """A new file that is on the disk before its row is, and that nobody writes to any more."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    holder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(holder)
    finally:
        os.close(holder)
