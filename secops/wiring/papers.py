"""Makes, checks and releases the papers of the audit: files are read and written here, the rest is values."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from secops.access.ports import Access
from secops.errors import AuditError, ConflictError, NotFoundError, Problem, UsageError
from secops.isms.audit.book import Ledger
from secops.isms.audit.draft import Draft, read_markdown
from secops.isms.audit.figures import figures
from secops.isms.audit.lint import Facts, Fault, facts_of, lint
from secops.isms.audit.paper_style import PaperKind, PaperStyle, read_style
from secops.isms.audit.releases import NewRelease, Reader, ReleaseRequest
from secops.isms.audit.round import Book, Conduct, Release, ReleasedFile
from secops.locale import _
from secops.org.files import open_directory
from secops.report.papers import build, digest_of
from secops.report.papers.desk import Desk
from secops.report.papers.finish import sized
from secops.report.papers.model import Order, Paper
from secops.report.papers.pdf import write_pdf
from secops.report.papers.read_word import read_word
from secops.report.papers.released import settle
from secops.report.papers.score_sheet import write_scores
from secops.report.papers.template import fill
from secops.report.papers.web import write_html
from secops.report.papers.word import write_docx
from secops.schema.dates import JST
from secops.wiring.audits import audits_folder
from secops.wiring.book import Books
from secops.wiring.site import Site

REPORTS = "reports.toml"
TEMPLATES = "templates"
RELEASED = "audit/released"
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
    """What papers are made with: a book, how they look, the ward's folder, names that must not be in them."""

    ledger: Ledger
    style: PaperStyle
    folder: Path | None = None
    names: tuple[str, ...] = ()

    def paper(self, order: Order) -> Paper:
        """The paper."""
        return build(self.ledger.book, order)

    def docx(self, order: Order) -> bytes:
        """The paper as Word, by the ward's own template where it has one.

        Raises:
            AuditError: the template has mistakes.
        """
        paper, own = self.paper(order), own_template(self.folder, order.kind)
        if own is None:
            return write_docx(paper)
        return fill(str(own), own.read_bytes(), Desk(self.ledger.book, sized(order)), paper)

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

    def faults(self, order: Order, data: bytes, name: str) -> list[Fault]:
        """What the linter finds in a Word file that is to be this paper."""
        return lint(read_word(name, data), self.facts(order.kind, order))


def read_draft(path: Path) -> Draft:
    """A paper to be checked: ``.docx`` or ``.md``.

    Raises:
        NotFoundError: no such file.
        AuditError: it cannot be read.
    """
    if not path.is_file():
        raise NotFoundError(_("ファイルがありません: {paths}").format(paths=path))
    if path.suffix.lower() == ".docx":
        return read_word(str(path), path.read_bytes())
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


class SitePapers:
    """The papers of a site: a `PaperRoom` for the pages, and what the commands need besides."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.books = Books(site)

    def years(self) -> list[int]:
        """The years of which there is a round."""
        return self.books.years()

    def book(self, year: int | None, access: Access) -> Book | None:
        """The round of a year as far as this reader may see it."""
        try:
            return self.books.open(year).only(access.departments).book
        except NotFoundError:
            return None

    def press(self, year: int | None) -> Press:
        """What papers of a year are made with."""
        folder = self._site.folder
        return Press(self.books.open(year), open_style(folder), folder, staff_names(self._site))

    def _order(self, press: Press, kind: PaperKind, department: str) -> Order:
        return Order(kind, press.style, self._site.now().astimezone(JST).date(), department)

    def draft(self, kind: PaperKind, year: int, department: str, suffix: str) -> tuple[str, bytes]:
        """A draft as a file."""
        press = self.press(year)
        order = self._order(press, kind, department)
        parts = [str(year), kind.value, *([department] if department else []), "draft"]
        return f"{'-'.join(parts)}.{suffix}", press.write(order, suffix)

    def faults(self, kind: PaperKind, year: int, department: str) -> list[Problem]:
        """What the linter finds in the paper as it would be released."""
        press = self.press(year)
        order = replace(self._order(press, kind, department), draft=False)
        return [one.problem for one in press.faults(order, press.docx(order), f"{kind.value}.docx")]

    def release(
        self,
        request: ReleaseRequest,
        *,
        actor: str,
        edited: Path | None = None,
        pdf: Path | None = None,
        press: Press | None = None,
    ) -> Release:
        """Release a paper: as it is made, or as somebody edited it in Word.

        Raises:
            AuditError: the linter found something, or the edited file is another paper.
        """
        press = press or self.press(request.year)
        order = replace(
            self._order(press, request.kind, request.department),
            draft=False,
            number=request.number,
            decided=request.decided,
            retention=request.retention,
        )
        if edited is None:
            word, name = press.docx(order), f"{request.kind.value}.docx"
            layout = None if own_template(press.folder, order.kind) else press.write(order, "pdf")
        else:
            word, name = settle(str(edited), read_bytes(edited), order, press.ledger.book.year), str(edited)
            layout = read_bytes(pdf) if pdf else None
        if found := press.faults(order, word, name):
            raise AuditError([one.problem for one in found])
        book = press.ledger.book
        new = NewRelease(
            request.kind,
            book.year,
            press.paper(order).title,
            request.department,
            request.replaces,
            request.number,
            digest_of(figures(book, request.department, order.made_on)),
        )
        files = {"docx": word, **({"pdf": layout} if layout else {})}
        return self._keep(new, files, actor)

    def _keep(self, new: NewRelease, files: dict[str, bytes], actor: str) -> Release:
        folder = self._site.folder / RELEASED
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
            return self._site.desk.releases.add(new, keep, actor=actor, now=self._site.now())
        except BaseException:
            for path in written:  # the row was not written: nothing was released
                with suppress(OSError):
                    path.unlink()
            raise

    def releases(self, reader: Reader = EVERYTHING, *, year: int | None = None) -> Sequence[Release]:
        """Released reports, the newest first."""
        return self._site.desk.releases.releases(reader, year=year)

    def file(self, release: Release, name: str) -> bytes:
        """A file of a released report, checked."""
        found = next((one for one in release.files if one.name == name), None)
        path = self._site.folder / RELEASED / name
        if found is None or not path.is_file():
            raise NotFoundError(
                _("公開済みの報告書 {number} のファイル {name} がありません。").format(number=release.number, name=name)
            )
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != found.sha256:
            text = _(
                "ファイル {name} が、公開した時のものと違います(SHA-256 が合いません)。書き換えられたおそれがあります。"
            )
            raise ConflictError(text.format(name=name))
        return data

    def verify(self) -> list[Checked]:
        """Every released file against its SHA-256, and files that nobody released."""
        folder, found = self._site.folder / RELEASED, []
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
