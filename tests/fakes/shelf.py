"""Books of rounds that are at hand, and who is assigned to what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from secops.errors import NotFoundError
from secops.isms.audit.book import Ledger
from secops.isms.audit.paper_style import PaperKind
from secops.isms.audit.round import Unit
from tests.isms.audit.books import ledger


@dataclass
class Shelf:
    """A `BookShelf`; without books it has the one of the small ward.

    ``auditors`` are login → department codes, of which the auditor has all units; None: every auditor has every unit.
    """

    books: Mapping[int, Ledger] | None = None
    auditors: Mapping[str, frozenset[str]] | None = None

    @cached_property
    def _known(self) -> Mapping[int, Ledger]:
        return {2026: ledger()} if self.books is None else self.books

    def years(self) -> list[int]:
        return sorted(self._known, reverse=True)

    def open(self, year: int | None = None, by: str = "") -> Ledger:
        wanted = max(self._known, default=0) if year is None else year
        if wanted not in self._known:
            raise NotFoundError(f"no book of {wanted}")
        return self._known[wanted]

    def assigned(self, year: int, login: str) -> frozenset[Unit]:
        book = self.open(year).book
        units = {*book.plan.units, *(Unit(one.department, one.system) for one in book.papers)}
        mine = None if self.auditors is None else self.auditors.get(login, frozenset())
        return frozenset(one for one in units if mine is None or one.department in mine)

    def filled(self, ledger: Ledger, kind: PaperKind) -> Ledger:
        return ledger
