"""Books of rounds that are at hand, and who is assigned to what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from secops.errors import NotFoundError
from secops.isms.audit.book import Ledger
from secops.isms.audit.paper_style import PaperKind
from tests.isms.audit.books import ledger


@dataclass
class Shelf:
    """A `BookShelf`; without books it has the one of the small ward. ``auditors`` are login → department codes."""

    books: Mapping[int, Ledger] | None = None
    auditors: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @cached_property
    def _known(self) -> Mapping[int, Ledger]:
        return {2026: ledger()} if self.books is None else self.books

    def years(self) -> list[int]:
        return sorted(self._known, reverse=True)

    def open(self, year: int | None = None) -> Ledger:
        wanted = max(self._known, default=0) if year is None else year
        if wanted not in self._known:
            raise NotFoundError(f"no book of {wanted}")
        return self._known[wanted]

    def assigned(self, year: int, login: str) -> frozenset[str] | None:
        return self.auditors.get(login) if self.auditors else None

    def filled(self, ledger: Ledger, kind: PaperKind) -> Ledger:
        return ledger
