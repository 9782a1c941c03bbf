"""The catalogue of a round as it was when the round began: as JSON and back; what became of it since."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass
from functools import lru_cache

from secops.isms.audit.model import Answerer, Catalogue, Item, Method


def freeze(catalogue: Catalogue) -> str:
    """The catalogue as text."""
    items = [asdict(item) for item in catalogue.items]
    return json.dumps(
        {"chapters": dict(catalogue.chapters), "digest": catalogue.digest, "items": items}, ensure_ascii=False
    )


@lru_cache(maxsize=8)  # a page asks for it several times, and it never changes
def thaw(text: str) -> Catalogue:
    """What `freeze` wrote."""
    data = json.loads(text)
    items = [
        Item(
            **{
                **one,
                "clauses": tuple(one["clauses"]),
                "evidence": tuple(one["evidence"]),
                "telemetry": tuple(one["telemetry"]),
                "answers": Answerer(one["answers"]),
                "check": {Method(name): what for name, what in one["check"].items()},
            }
        )
        for one in data["items"]
    ]
    return Catalogue(tuple(items), data["chapters"], data["digest"])


@dataclass(frozen=True, slots=True)
class Stale:
    """What became of a running round since it began, each with the place where it stands.

    Items that the catalogue of today has not any more, or asks otherwise; clause ids that no edition has.
    """

    vanished: tuple[tuple[str, str], ...]
    changed: tuple[tuple[str, str], ...]
    clauses: tuple[tuple[str, str, str], ...]

    def __bool__(self) -> bool:
        return bool(self.vanished or self.changed or self.clauses)


def stale(frozen: Catalogue, today: Catalogue, clauses: Collection[str] | None) -> Stale:
    """Compare a round's catalogue with today's; ``clauses`` are all ids that exist, None: not known, not looked at."""
    now = today.by_id
    asked = [one for one in frozen.items if one.id in now]
    known = None if clauses is None else frozenset(clauses)
    gone = [] if known is None else [(i.id, c, i.where) for i in frozen.items for c in i.clauses if c not in known]
    return Stale(
        vanished=tuple((one.id, one.where) for one in frozen.items if one.id not in now),
        changed=tuple((one.id, now[one.id].where) for one in asked if _asks(one) != _asks(now[one.id])),
        clauses=tuple(gone),
    )


def _asks(item: Item) -> tuple[object, ...]:
    return (item.title, item.mandatory, item.clauses, item.weight, item.answers, item.stage)
