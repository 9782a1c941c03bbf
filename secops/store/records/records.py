"""The records of a site as one object, and how to open it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path

from secops.access.box import Box
from secops.access.ports import LoginPolicy, SessionLimits
from secops.schema.severity import Severity
from secops.siem.ports import Rule
from secops.siem.triage.identity import Assets
from secops.siem.triage.protection import Protection
from secops.store.records import protection, replay
from secops.store.records.accounts import SqlAccounts
from secops.store.records.actions import Actions
from secops.store.records.audit_rounds import SqlRounds
from secops.store.records.audit_work import SqlAuditWork
from secops.store.records.bonds import BondActions
from secops.store.records.bulk import BulkActions
from secops.store.records.engine import Database, connect
from secops.store.records.evidence import SqlEvidence
from secops.store.records.migrate import upgrade
from secops.store.records.paging import SqlPaging
from secops.store.records.policy import SqlPolicyShelf
from secops.store.records.policy_calendar import SqlReviews
from secops.store.records.policy_exceptions import SqlWaivers
from secops.store.records.queue import Queue
from secops.store.records.releases import SqlReleases
from secops.store.records.reminders import SqlReminders
from secops.store.records.replay import ReplaySink, Swapped
from secops.store.records.retire import retire
from secops.store.records.review import Review
from secops.store.records.rulings import SqlLinkRulings
from secops.store.records.scoring import SqlScoring
from secops.store.records.searches import Searches
from secops.store.records.sink import Book, LiveSink
from secops.store.records.trail import SqlTrail
from secops.store.records.worklist import SqlReviewWork

# Rules and assets may be given as functions: they are called when the first hit comes, so that who only reads the
# queue need not compile a rulebook.
Rules = Iterable[Rule] | Callable[[], Iterable[Rule]]
Marked = Assets | Callable[[], Assets]


class Records(LiveSink, Queue, Actions, BulkActions, BondActions, Review, Searches):
    """Hits, alerts and what people write: a `HitSink`, an `AlertDesk`, a `WorkDesk` (see `secops.siem.ports`).

    Safe to share between threads; a process opens its own. Titles, clauses and grouping of alerts come from the rules,
    which alone know them; give the new ones with `use_rules` when the rulebook is loaded again.
    """

    def __init__(
        self,
        database: Database,
        rules: Rules,
        assets: Marked,
        limits: SessionLimits,
        page_from: Severity | None = None,
        policy: LoginPolicy | None = None,
        box: Box | None = None,
    ) -> None:
        self.database = database
        self._rules, self._assets, self._limits, self._policy, self._box = rules, assets, limits, policy, box
        self._read: Book | None = None
        LiveSink.__init__(self, database, self.book)
        Queue.__init__(self, database)
        Actions.__init__(self, database, page_from)
        BulkActions.__init__(self, database)
        BondActions.__init__(self, database, self.book)
        Review.__init__(self, database)
        Searches.__init__(self, database)

    @cached_property
    def accounts(self) -> SqlAccounts:
        """Users, sessions and the audit log, in the same database."""
        return SqlAccounts(self.database, self._limits, policy=self._policy, page_from=self._page_from, box=self._box)

    @cached_property
    def paging(self) -> SqlPaging:
        """Notices, the outbox and the conditions of the program, in the same database."""
        return SqlPaging(self.database, enabled=self._page_from is not None)

    @cached_property
    def reminders(self) -> SqlReminders:
        """Reminders of the self-inspection in the outbox, in the same database."""
        return SqlReminders(self.database)

    @cached_property
    def trail(self) -> SqlTrail:
        """What was done in the policy and audit wing, in the same database."""
        return SqlTrail(self.database)

    @cached_property
    def scoring(self) -> SqlScoring:
        """Which parameters audits were scored with, in the same database."""
        return SqlScoring(self.database)

    @cached_property
    def releases(self) -> SqlReleases:
        """Released reports, in the same database."""
        return SqlReleases(self.database)

    @cached_property
    def policies(self) -> SqlPolicyShelf:
        """Versions and drafts of the documents of the policy, in the same database."""
        return SqlPolicyShelf(self.database)

    @cached_property
    def waivers(self) -> SqlWaivers:
        """Exceptions from the policy (例外措置), in the same database."""
        return SqlWaivers(self.database)

    @cached_property
    def reviews(self) -> SqlReviews:
        """What was reviewed of the calendar, in the same database."""
        return SqlReviews(self.database)

    @cached_property
    def evidence(self) -> SqlEvidence:
        """Evidence sheets made of logs and alerts, in the same database."""
        return SqlEvidence(self.database)

    @cached_property
    def rounds(self) -> SqlRounds:
        """Audit plans, rounds and sheets of the self-inspection, in the same database."""
        return SqlRounds(self.database)

    @cached_property
    def audit_work(self) -> SqlAuditWork:
        """Workpapers, findings and horizontal checks, in the same database."""
        return SqlAuditWork(self.database, self.rounds)

    @cached_property
    def rulings(self) -> SqlLinkRulings:
        """What people decided about links to the guideline, in the same database."""
        return SqlLinkRulings(self.database)

    @cached_property
    def review_work(self) -> SqlReviewWork:
        """The work lists of revisions of the guideline and of our documents, in the same database."""
        return SqlReviewWork(self.database)

    def book(self) -> Book:
        """The rules and important assets now in force."""
        if self._read is None:
            rules = self._rules() if callable(self._rules) else self._rules
            found = rules.values() if isinstance(rules, Mapping) else rules
            assets = self._assets() if callable(self._assets) else self._assets
            self._read = Book({rule.id: rule for rule in found}, assets, self._page_from)
        return self._read

    def use_rules(self, rules: Rules, assets: Marked | None = None) -> None:
        """Take another rulebook, and other important assets where given."""
        self._rules, self._assets, self._read = rules, assets or self._assets, None

    def replay_sink(self, after: Mapping[str, int] | None = None) -> ReplaySink:
        """Begin a replay (dropping one under way) and get the sink to fill; ``after``: see `replay.begin`."""
        return replay.begin(self.database, self.book, after or {})

    def swap_replay(self, now: datetime) -> Swapped:
        """Put what the replay found in the place of the live hits, in one transaction."""
        book = self.book()
        with self.database.write() as connection:
            return replay.swap(connection, book, now)

    def drop_replay(self) -> None:
        """Give up a replay; the live hits were never touched."""
        with self.database.write() as connection:
            replay.drop(connection)

    def tell_protection(self, in_force: Protection, now: datetime) -> Sequence[str]:
        """Open an alert where rules stopped or exceptions changed since this was last called; see `protection`."""
        return protection.tell(self.database, in_force, self.book(), now)

    def retire(self, gone: Mapping[str, int]) -> int:
        """Remove the rows of hits that are only counted and whose records are gone; see `retire`."""
        return retire(self.database, gone)

    def dispose(self) -> None:
        """Close all connections (`close` is what people do to alerts)."""
        self.database.close()


def open_records(
    url_or_path: str | Path,
    rules: Rules = (),
    assets: Marked | None = None,
    limits: SessionLimits | None = None,
    page_from: Severity | None = None,
    policy: LoginPolicy | None = None,
    box: Box | None = None,
) -> Records:
    """The records at a SQLAlchemy URL or in a SQLite file, brought up to today's tables.

    People are paged of alerts ``page_from`` this level up; None: of nothing. Without a ``box`` secrets of one-time
    codes are sealed under a key that is gone with the program.

    Raises:
        StoreError: the database cannot be reached, or was written by a newer program.
    """
    database = connect(url_or_path)
    try:
        upgrade(database)
    except BaseException:
        database.close()
        raise
    return Records(database, rules, assets or Assets(), limits or SessionLimits(), page_from, policy, box)
