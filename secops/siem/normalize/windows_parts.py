"""Windows events in JSON, in any of the three spellings (see `windows_shapes`), as parts: no frame is made."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

import orjson

from secops.locale import _
from secops.schema.names import EXTRA, SEPARATOR
from secops.siem.normalize import moments, repair
from secops.siem.normalize.given import EMPTY_RECORD, UTF8, Input, Want, json_row, json_row_of_large, no_collection
from secops.siem.normalize.windows_plan import Plan, WantedFor, maker, plan_for
from secops.siem.normalize.windows_shapes import FLAT, Key, Row, plain_nested, shape
from secops.siem.ports import Origin, Part

_LARGE = 1 << 20  # bytes of a record
_LONG = 10**19  # integers from here on do not fit into 64 bits
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)  # the receive time of what was never received


class Group:
    """Events of one shape: what is picked out of them, at once, so that the rest of each event is freed at once."""

    __slots__ = ("extra", "extra_text", "indexes", "integers", "make", "names", "pick", "pick_extra", "plan", "rows")

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.pick = plan.pick
        self.pick_extra = plan.pick_extra
        self.names = plan.extra_names
        self.make: Callable[..., Any] | None = None
        self.integers: list[int] | None = None
        self.indexes: list[int] = []
        self.rows: list[tuple[Any, ...]] = []
        self.extra: list[bytes] = []
        self.extra_text: list[str | None] = []

    def add_extra(self, fields: tuple[Any, ...]) -> None:
        """`EXTRA` of an event and the texts of its values; None where the store has to look at a value itself.

        Which fields are integers is known from the first event: the others are joined without a look at each.
        """
        if self.integers is None:
            self.make = maker(self.names)
            self.integers = [place for place, one in enumerate(fields) if one.__class__ is int]
        texts: str | None = None
        if self.make is not None:
            try:
                texts = SEPARATOR.join(_with_texts_at(self.integers, fields))
            except TypeError:
                texts = _texts(fields)
        try:
            made = (
                json_row(self.names, fields) if self.make is None or texts is None else _encoder()(self.make(*fields))
            )
        except UnicodeEncodeError:
            made = json_row(self.names, fields)
        self.extra.append(made)
        self.extra_text.append(texts)

    def columns(self) -> dict[str, Sequence[Any]]:
        """The columns of the events."""
        return self.plan.columns(list(zip(*self.rows, strict=True)), self.extra, self.extra_text)


def parts_of(records: Sequence[bytes], wanted_for: WantedFor, origin: Origin) -> tuple[list[Part], dict[int, str]]:
    """Parts with only the columns that rules read, and the rows that are no events, with the reason."""
    with no_collection():
        rest: Sequence[int] = range(len(records))
        parts: list[Part] = []
        if origin.encoding in UTF8:
            from secops.siem.normalize.windows_flat import read_flat, without
            from secops.siem.normalize.windows_nested import BEGIN, read_nested

            nested = [row for row, record in enumerate(records) if record.startswith(BEGIN)]
            others = without(rest, set(nested)) if 0 < len(nested) < len(records) else () if nested else rest
            read, odd = read_nested(records, nested, wanted_for, origin.timezone)
            read_too, rest = read_flat(records, others, wanted_for, origin.timezone)
            rest = sorted(rest + odd)
            parts += [_part(rows, plan.columns(cells), plan) for plan, rows, cells in (*read, *read_too)]
        if not rest:
            return parts, {}
        given = Input(origin, _NEVER)
        want = partial(_only, wanted_for)
        found = grouped([records[row] for row in rest], given, want)
        for group in found.groups:
            parts.append(_part([rest[index] for index in group.indexes], group.columns(), group.plan))
        return parts, {rest[index]: reason for index, reason in found.wrong.items()}


def whole_parts_of(
    records: Sequence[bytes], wanted_for: WantedFor, origin: Origin
) -> tuple[list[Part], dict[int, str]]:
    """Parts with all that is known of the events, and the rows that are no events, with the reason."""
    with no_collection():
        found = grouped(records, Input(origin, _NEVER), lambda key: Want(wanted_for(key[1], str(key[2]))))
        parts = [_part(group.indexes, group.columns(), group.plan, True) for group in found.groups]
        return parts, found.wrong


def _only(wanted_for: WantedFor, key: Key) -> Want:
    return Want(wanted_for(key[1], str(key[2])), store=False)


def _part(rows: Sequence[int], columns: dict[str, Sequence[Any]], plan: Plan, complete: bool = False) -> Part:
    if "@timestamp" in columns:  # as a frame would show it to a rule
        columns["@timestamp"] = moments.texts(columns["@timestamp"])
    return Part(rows, columns, plan.constants, complete)


def events_of(parts: Sequence[Part]) -> dict[int, dict[str, Any]]:
    """The events of complete parts by row: flat, without nulls, fields that have no ECS name beside the columns."""
    events: dict[int, dict[str, Any]] = {}
    for part in parts:
        shared = {name: value for name, value in part.constants.items() if value is not None}
        columns = [(name, column) for name, column in part.columns.items() if name not in shared and name != EXTRA]
        extra = part.columns.get(EXTRA)
        for index, row in enumerate(part.rows):
            event = {name: column[index] for name, column in columns if column[index] is not None}
            others = orjson.loads(extra[index]) if extra and extra[index] else {}
            kept = {name: value for name, value in others.items() if value is not None}
            events[row] = {**kept, **event, **shared}
    return events


@dataclass(slots=True)
class Grouped:
    """Records by shape, those that are no events with the reason, and those that were mended."""

    groups: Collection[Group]
    wrong: dict[int, str]
    repaired: list[int]


def grouped(
    records: Sequence[bytes], given: Input, want: Callable[[Key], Want], *, with_texts: bool = False
) -> Grouped:
    """Records by shape, so that no Python code runs per field of a single event; ``with_texts`` for `EXTRA_TEXT`."""
    loads = orjson.loads
    groups: dict[Key, Group] = {}
    wrong: dict[int, str] = {}
    repaired: list[int] = []
    plain = given.origin.encoding in UTF8
    source: Any
    row: Row
    for index, record in enumerate(records):
        source = None
        try:
            source = loads(record) if plain else None
            # The flat spelling, by far the most voluminous, without a function call.
            key: Key = (FLAT, source["Channel"], source["EventID"], tuple(source))
            group = groups.get(key)
            row = tuple(source.values())
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError, IndexError):
            found = plain_nested(source) or _odd(record, given.origin.encoding, index, wrong, repaired)
            if found is None:
                continue
            key, row = found
            group = groups.get(key)
        if group is None:
            group = groups[key] = Group(plan_for(key, want(key), given.origin.timezone))
        group.indexes.append(index)
        group.rows.append(group.pick(row))
        if names := group.names:
            fields = group.pick_extra(row)
            if with_texts:
                group.add_extra(fields)
            else:
                make = json_row if len(record) < _LARGE else json_row_of_large
                group.extra.append(make(names, fields))
    return Grouped(groups.values(), wrong, repaired)


@cache
def _encoder() -> Callable[[Any], bytes]:
    import msgspec

    return msgspec.json.Encoder().encode


def _with_texts_at(places: Sequence[int], fields: Sequence[Any]) -> list[Any]:
    changed = list(fields)
    for place in places:
        one = changed[place]
        if one.__class__ is int and -_LONG < one < _LONG:
            changed[place] = str(one)
    return changed


def _texts(fields: Sequence[Any]) -> str | None:
    texts: list[Any] = [
        one if one.__class__ is str else str(one) if one.__class__ is int and -_LONG < one < _LONG else _text(one)
        for one in fields
    ]
    try:
        return SEPARATOR.join(texts)
    except TypeError:
        return None


def _text(value: Any) -> str | None:
    """The text of what is neither a text nor a usual integer; None where it has another one in a search."""
    return "" if value is None else ("true" if value else "false") if value.__class__ is bool else None


def _odd(
    record: bytes, encoding: str, index: int, wrong: dict[int, str], repaired: list[int]
) -> tuple[Key, Row] | None:
    """Everything but a clean flat event; what is no event at all goes into ``wrong``."""
    if not record.strip(b"\0 \t\r\n"):
        wrong[index] = _(EMPTY_RECORD)
        return None
    try:
        event, mended = repair.load(record, encoding)
        found = shape(event)
        if found is not None:
            hash(found[0])
    except (ValueError, TypeError, RecursionError) as error:
        wrong[index] = _("JSON として読めませんでした: {error}").format(error=_short(error))
        return None
    if found is None:
        wrong[index] = _("Windows イベントの形の JSON ではありません(EventID・Event・winlog のどれもありません)。")
        return None
    if mended:
        repaired.append(index)
    return found


def _short(error: Exception) -> str:
    return str(error)[:200]
