"""What is asked of the outside for exceptions from the policy; `secops.store.records.policy_exceptions` answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol

from secops.isms.policy.exceptions import Decision, Draft, Number, Step, Waiver

Codes = frozenset[str] | None  # departments that a person may see, by code; None is all


class Waivers(Protocol):
    """Waivers of departments. What lies outside of ``codes`` does not exist: NotFoundError."""

    def waivers(self, codes: Codes) -> Sequence[Waiver]:
        """All of them, the newest first."""
        ...

    def waiver(self, number: Number, codes: Codes) -> Waiver:
        """One of them."""
        ...

    def history(self, number: Number, codes: Codes) -> Sequence[Step]:
        """What was done to it, the first thing first."""
        ...

    def request(self, draft: Draft, *, actor: str, codes: Codes, now: datetime) -> Waiver:
        """Ask for one; it gets the next number of the 年度.

        Raises:
            DeniedError: for a department outside of ``codes``.
            UsageError: see `exceptions.check_draft`, `exceptions.check_renewal`.
        """
        ...

    def decide(self, number: Number, decision: Decision, *, actor: str, codes: Codes, now: datetime) -> Waiver:
        """Approve or refuse; what an approved one renews is renewed with it.

        Raises: see `exceptions.check_decision`.
        """
        ...

    def withdraw(self, number: Number, note: str, *, actor: str, codes: Codes, now: datetime) -> Waiver:
        """Take a request back that nobody has decided on."""
        ...

    def revoke(self, number: Number, on: date, note: str, *, actor: str, codes: Codes, now: datetime) -> Waiver:
        """Take an approval back: that day is the last one; it stays in use until somebody ends it."""
        ...

    def end(self, number: Number, on: date, note: str, *, actor: str, codes: Codes, now: datetime) -> Waiver:
        """Say that it is out of use since that day, and how that was seen."""
        ...
