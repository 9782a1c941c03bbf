"""What was reviewed of the calendar, in the records: a list that only grows."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import insert, select

from secops.isms.policy.calendar import Outcome, Review
from secops.store.records.engine import Database
from secops.store.records.policy_calendar_tables import reviews
from secops.store.records.trail import note


class SqlReviews:
    """See `secops.isms.policy.ports_calendar.Reviews`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def reviews(self) -> Sequence[Review]:
        """See `Reviews`."""
        with self._database.read() as connection:
            rows = connection.execute(select(reviews).order_by(reviews.c.id)).mappings().all()
        return [
            Review(
                row["entry"],
                row["done_on"],
                Outcome(row["result"]),
                row["note"],
                row["next_on"],
                row["actor"],
                row["at"],
            )
            for row in rows
        ]

    def add(self, review: Review) -> None:
        """See `Reviews`."""
        detail = {"on": review.done_on, "result": review.outcome, "note": review.note, "next": review.next_on}
        with self._database.write() as connection:
            connection.execute(
                insert(reviews).values(
                    entry=review.entry, done_on=review.done_on, result=review.outcome.value, note=review.note,
                    next_on=review.next_on, actor=review.actor, at=review.at,
                )
            )  # fmt: skip
            target = f"review {review.entry}"
            note(connection, actor=review.actor, action="review.done", target=target, now=review.at, detail=detail)
