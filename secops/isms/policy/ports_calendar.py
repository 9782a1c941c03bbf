"""What is asked of the outside for the review calendar; `secops.store.records.policy_calendar` answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from secops.isms.policy.calendar import Review


class Reviews(Protocol):
    """What was reviewed, when and with what result; it only grows."""

    def reviews(self) -> Sequence[Review]:
        """All of them, the oldest first."""
        ...

    def add(self, review: Review) -> None:
        """Keep one, and note it in the trail."""
        ...
