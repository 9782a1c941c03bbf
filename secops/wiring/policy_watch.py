"""What the policy wing watches in a site: the review calendar, exceptions and flows that lapsed, the registers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from secops.access.ports import Access
from secops.errors import NotFoundError, PolicyError, Problem, SecopsError
from secops.isms.clauses.model import Document
from secops.isms.policy.calendar import Entry, Recurring, Review, What, check_review, entries, overdue, read_calendar
from secops.isms.policy.exceptions import Lapsed, Source, lapsed
from secops.isms.policy.ports_calendar import Reviews
from secops.locale import _
from secops.org.files import open_directory
from secops.org.model import Directory
from secops.org.registers import Registers, registers_of
from secops.report.ics import AllDay, calendar_file
from secops.schema.dates import JST
from secops.settings import SiteSettings
from secops.wiring.guidelines import BUILTIN, open_editions
from secops.wiring.policies import open_library
from secops.wiring.site import Site

CALENDAR = "calendar.yml"
EVERYTHING = Access()
MOST = 5  # named in a line of the status

Documents = Callable[[], Sequence[Document]]


def no_documents() -> Sequence[Document]:
    """A ward without documents."""
    return ()


def documents_of(site: Site, *, sample: bool = True) -> Documents:
    """The documents of a site as they are in force today; with or without those of the sample of the program."""
    library = open_library(site)

    def read() -> Sequence[Document]:
        found = library.entries(site.now().astimezone(JST).date())
        return [one.current for one in found if sample or not one.sample]

    return read


def ics_of(found: Iterable[Entry], site: SiteSettings, now: datetime) -> str:
    """The calendar as an iCalendar file."""
    days = [
        AllDay(f"review-{one.id}", one.due, one.title, "\n".join(filter(None, [one.owner, one.note])))
        for one in found
        if one.due
    ]
    return calendar_file(_("見直しの予定({name})").format(name=site.name), f"{site.id}.secops", days, now)


@dataclass(frozen=True, slots=True)
class Calendar:
    """The review calendar of a site. ``own``: its recurring entries are the ward's, not those of the program."""

    entries: Sequence[Entry]
    own: bool
    path: str

    def entry(self, name: str) -> Entry | None:
        """The entry with an id, or None."""
        return next((one for one in self.entries if one.id == name), None)


def recurring_of(site: Path | None) -> tuple[Sequence[Recurring], Path]:
    """The recurring entries: the ward's own ``policies/calendar.yml``, else those of the program.

    Raises:
        PolicyError: the file has mistakes.
    """
    own = site / "policies" / CALENDAR if site else None
    path = own if own is not None and own.exists() else BUILTIN / CALENDAR
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        what = _("UTF-8 ではありません({byte} バイト目)。UTF-8 で保存し直してください。")
        raise PolicyError([Problem(f"{path}:1", what.format(byte=error.start + 1))]) from None
    return read_calendar(str(path), text), path


class Watch:
    """The calendar of a site with what is recorded of it; ``documents`` are read at each call."""

    def __init__(self, site: Site, documents: Documents = no_documents, reviews: Reviews | None = None) -> None:
        self._site, self._documents = site, documents
        self._reviews: Reviews = reviews or site.desk.reviews

    def calendar(self) -> Calendar:
        """The whole calendar, the most urgent first."""
        recurring, path = recurring_of(self._site.folder)
        today = self._site.now().astimezone(JST).date()
        found = entries(recurring, self._documents(), self._reviews.reviews(), today)
        return Calendar(found, path.parent.parent == self._site.folder, str(path))

    def record(self, review: Review) -> Entry:
        """Keep what was reviewed; the entry as it stands then.

        Raises:
            UsageError: there is no such entry, or the days make no sense.
        """
        here = self.calendar().entry(review.entry)
        check_review(here, review.entry, review, review.at.astimezone(JST).date())
        self._reviews.add(replace(review, note=review.note.strip()))
        found = self.calendar().entry(review.entry)
        if found is None:
            raise NotFoundError(_("「{id}」は見直しの予定にありません。").format(id=review.entry))
        return found


def read_directory(site: Site) -> Directory:
    """The inventory as the files are now.

    Raises:
        InventoryError: the files have mistakes.
    """
    return open_directory(site.folder, site.settings, site.now().astimezone(JST).date())


def registers_for(directory: Directory, access: Access) -> Registers:
    """The registers as far as a person's scope reaches."""
    return registers_of(directory, access.zones, directory.codes_of(access.departments))


def lapsed_for(site: Site, access: Access = EVERYTHING, directory: Directory | None = None) -> list[Lapsed]:
    """Exceptions and registered flows that are out of date and still in use, as far as a scope reaches."""
    directory = directory or site.directory
    codes = directory.codes_of(access.departments)
    flows = [one for one in directory.flows if codes is None or one.owner in codes]
    return lapsed(site.desk.waivers.waivers(codes), flows, site.now().astimezone(JST).date())


def known_clauses(site: Site, documents: Documents = no_documents) -> frozenset[str]:
    """The ids of all clauses that something may refer to: of every edition of the guideline and of our documents."""
    found = {clause.id for edition in open_editions(site.folder).all for clause in edition.clauses}
    return frozenset(found | {clause.id for document in documents() for clause in document.clauses})


def policy_problems(site: Site, documents: Documents = no_documents) -> list[str]:
    """One sentence for each thing of the policy wing that needs a person; for `secops status`.

    What recurs is told of once the ward keeps a calendar: its own file, or a review of such an entry on record. The
    calendar that comes with the program tells nobody of a new site that all is late.
    """
    try:
        return [*_lapsed_problems(site), *_review_problems(site, documents), *_work_problems(site)]
    except SecopsError as error:  # a file with mistakes must not take the rest of the status away
        return [str(error).splitlines()[0]]


def _lapsed_problems(site: Site) -> list[str]:
    found = lapsed_for(site)
    waivers = [one.id for one in found if one.source is Source.WAIVER]
    flows = [one.id for one in found if one.source is Source.FLOW]
    said = []
    if waivers:
        text = _(
            "期限が切れたまま使用中の例外措置が {n} 件あります({ids})。更新を申請するか、使用をやめたことを"
            "「secops policy exception end」で記録してください。"
        )
        said.append(text.format(n=len(waivers), ids=_named(waivers)))
    if flows:
        text = _(
            "期限が切れた許可通信が台帳に {n} 件残っています({ids})。更新するか、台帳から外してください"
            "(secops inventory import)。"
        )
        said.append(text.format(n=len(flows), ids=_named(flows)))
    return said


def _review_problems(site: Site, documents: Documents) -> list[str]:
    watch = Watch(site, documents)
    calendar = watch.calendar()
    kept = calendar.own or any(one.outcome for one in calendar.entries if one.what is What.RECURRING)
    today = site.now().astimezone(JST).date()
    late = [one for one in overdue(calendar.entries, today) if kept or one.what is not What.RECURRING]
    if not late:
        return []
    text = _(
        "見直しの期日を過ぎたものが {n} 件あります({titles})。secops policy calendar --overdue で確かめてください。"
    )
    return [text.format(n=len(late), titles=_named([one.title for one in late]))]


def _work_problems(site: Site) -> list[str]:
    """What a revision of the guideline or of a document asked for and nobody did in time."""
    today = site.now().astimezone(JST).date()
    late = [one for one in site.desk.review_work.items() if one.overdue(today)]
    if not late:
        return []
    text = _(
        "改定に伴う見直しのうち、期限を過ぎたものが {n} 件あります({titles})。"
        "secops policy work list --overdue か「改定の影響」の画面で確かめてください。"
    )
    return [text.format(n=len(late), titles=_named([one.title for one in late]))]


def _named(names: Sequence[str]) -> str:
    return _("、").join(names[:MOST]) + ("…" if len(names) > MOST else "")
