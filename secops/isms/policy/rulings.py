"""What people decided about links to the guideline, as the records keep it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from secops.isms.policy.suggest import Pair, Ruling


class LinkRulings(Protocol):
    """Keeps one ruling for each pair, the last one; what was said before is in the trail."""

    def rulings(self) -> Sequence[Ruling]:
        """All rulings, by document, clause and guideline."""
        ...

    def ruling(self, pair: Pair) -> Ruling | None:
        """What was last said of a pair."""
        ...

    def rule(self, ruling: Ruling) -> Ruling:
        """Keep a ruling.

        Raises:
            UsageError: a refusal without a reason, or a reason that is too long.
        """
        ...

    def withdraw(self, pair: Pair, *, by: str, now: datetime) -> Ruling:
        """Take a ruling back, as if nobody had said anything; it stays in the trail.

        Raises:
            NotFoundError: there is none.
        """
        ...
