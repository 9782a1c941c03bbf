"""Between frames and Elasticsearch documents (see `secops.store.events.elastic_fields` for what is in one)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson
import polars as pl

from secops.query.fields import text_of
from secops.query.limits import MAX_NAME, MAX_VALUE
from secops.schema.ecs import COLUMNS
from secops.schema.frame import EXTRA, PIPELINE_ERROR
from secops.schema.text import fold
from secops.siem.ports import KIND_COLUMNS
from secops.store.events import elastic_fields as names
from secops.store.events.elastic_fields import NUL, place_of
from secops.store.events.rows import event as event_of_row
from secops.store.events.rows import extra_fields, kept
from secops.store.events.table import receive_day

CUT_MARK = "\x1f"  # ends what was cut, so that no term equals it; a bare word never has it
CHUNK_BYTES = 4 << 20  # of one bulk request
MOST_BYTES = 64 << 20  # of one document; Elasticsearch takes requests of 100 MB
_SHORT = MAX_VALUE // 18  # characters that folding cannot make longer than `MAX_VALUE` (NFKC: 18 for one at most)
_KEPT = 1_000_000  # characters of a value in a document that would be larger
_DAY = "secops.day"
_DATES = [name for name, kind in COLUMNS.items() if kind == "date"]
_TEXTS = frozenset(
    name for name, kind in COLUMNS.items() if kind.removesuffix("[]") not in {"long", "float", "boolean", "date"}
)
_ODD_PART = re.compile(r"[^a-z0-9._]+")
_PLACES = r"^(?:-?[0-9][0-9.]*|[0-9A-Fa-f]*:[0-9A-Fa-f:]*)$"  # what may be a number or an address


@dataclass(frozen=True, slots=True)
class Line:
    """One document on its way: its index, its id, and its JSON."""

    index: str
    id: str
    body: bytes

    def written(self) -> bytes:
        """The two lines of a bulk request: index (or replace) this document."""
        action = orjson.dumps({"index": {"_index": self.index, "_id": self.id}})
        return b"%b\n%b\n" % (action, self.body)


class Naming:
    """The names of indices: ``<prefix>-<dataset>-<zone>-<receive day>-<generation>``."""

    def __init__(self, prefix: str, generation: str) -> None:
        self.prefix, self.generation = prefix, generation
        self.every = f"{prefix}-*-{generation}"
        self.name = lru_cache(maxsize=4096)(self._name)

    def _name(self, dataset: str | None, zone: str | None, day: str) -> str:
        return f"{self.prefix}-{_part(dataset)}-{_part(zone)}-{day}-{self.generation}"

    def parked(self, index: str) -> str:
        """Where an event goes that its own index refuses in every form."""
        return f"{self.prefix}-parked-none-{day_of(index)}-{self.generation}"


def day_of(index: str) -> str:
    """The receive day in an index's name, ``2026-11-23``."""
    return index.rsplit("-", 1)[0][-10:]


def _part(text: str | None) -> str:
    return _ODD_PART.sub("_", (text or "none").lower())[:80] or "none"


def lines(frame: pl.DataFrame, naming: Naming) -> Iterator[Line]:
    """The documents of a frame's rows."""
    whole = kept(frame).with_columns(receive_day().alias(_DAY))
    present = [column.name for column in whole if column.null_count() < whole.height]
    whole = whole.select(present)
    dates = [name for name in _DATES if name in present]
    micros = whole.select(pl.col(name).dt.timestamp("us") for name in dates)
    whole = whole.with_columns(pl.col(name).dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ") for name in dates)
    odd, ordered = _look(whole)
    others = [name for name in dates if name not in names.MOMENTS]
    times = micros.select(others).iter_rows() if others else iter([()] * whole.height)
    at, received = micros["@timestamp"].to_list(), micros["event.ingested"].to_list()
    for number, (row, moments) in enumerate(zip(whole.iter_rows(), times, strict=True)):
        event = {name: value for name, value in zip(present, row, strict=True) if value is not None and value != []}
        day, extra = event.pop(_DAY), event.pop(EXTRA, None)
        document = _document(event, extra, number in odd, ordered)
        document[names.TIME], document[names.RECEIVED] = at[number], received[number]
        if others:
            places = [
                f"{name}{NUL}{names.moment_place(names.moment_of(one))}"
                for name, one in zip(others, moments, strict=True)
                if one is not None
            ]
            if places:
                document.setdefault(names.ORDER, []).extend(places)
        index = naming.name(event["event.dataset"], event.get("labels.zone"), day)
        yield _line(index, str(event["event.id"]), document)


def _line(index: str, event_id: str, document: dict[str, Any]) -> Line:
    body = orjson.dumps(document)
    return Line(index, event_id, body) if len(body) <= MOST_BYTES else shortened(Line(index, event_id, body), "")


def _look(whole: pl.DataFrame) -> tuple[set[int], list[str]]:
    """The rows with text that is not indexed as it is, and the columns with values that may have an order."""
    odd: set[int] = set()
    ordered = []
    for column in whole:
        if column.name not in _TEXTS:
            continue
        texts = column.explode() if isinstance(column.dtype, pl.List) else column
        if texts.str.contains(_PLACES).any():
            ordered.append(column.name)
        wide = texts.str.len_bytes() != texts.str.len_chars()
        suspects = (wide | (texts.str.len_bytes() > MAX_VALUE)).fill_null(value=False)
        if not suspects.any():
            continue
        if isinstance(column.dtype, pl.List):
            found = [row for row, items in enumerate(column) if items is not None and any(map(_is_odd, items))]
        else:
            rows = suspects.arg_true()
            found = [row for row, text in zip(rows, texts[rows], strict=True) if _is_odd(text)]
        odd.update(found)
        if found and column.name not in ordered:
            ordered.append(column.name)  # digits of full width read as numbers
    return odd, ordered


@lru_cache(maxsize=50_000)
def _differs(text: str) -> bool:
    folded = fold(text)
    return not (folded == text.lower() and folded.encode() == text.encode().lower())


def _is_odd(text: str | None) -> bool:
    """Whether the lower case that Elasticsearch makes of a text may not be its folded text, or it is too long."""
    return text is not None and (len(text) > MAX_VALUE or (not text.isascii() and _differs(text)))


def cut(folded: str) -> str:
    """A folded text as it is indexed."""
    return folded if len(folded) <= MAX_VALUE else folded[:MAX_VALUE] + CUT_MARK


def _document(event: dict[str, Any], extra: str | None, odd: bool, ordered: Sequence[str]) -> dict[str, Any]:
    document = event
    if odd:
        document = {**event, **_folded_columns(event)}
    order = []
    for name in ordered:
        value = document.get(name)
        items = value if value.__class__ is list else (value,)
        places = [place_of(one.lower()) for one in items if one is not None]
        order += [f"{name}{NUL}{place}" for place in places if place]
    if order:
        document[names.ORDER] = order
    if extra:
        _add_extra(document, extra)
    zone, department = event.get("labels.zone"), event.get("labels.department")
    if zone is not None:
        document[names.ZONE] = zone
    if department is not None:
        document[names.DEPARTMENT] = department
    document[names.KIND] = _kind(*map(event.get, KIND_COLUMNS))
    return document


@lru_cache(maxsize=4096)
def _kind(*values: str | None) -> str:
    return orjson.dumps([value if value is None else value[:MAX_NAME] for value in values]).decode()


def _folded_columns(event: Mapping[str, Any]) -> dict[str, Any]:
    """The columns whose text is indexed otherwise, with what they were, and the names of those that are cut."""
    changed: dict[str, Any] = {}
    was: dict[str, Any] = {}
    short = []
    for name, value in event.items():
        items = value if isinstance(value, list) else [value]
        if name not in _TEXTS or not any(map(_is_odd, items)):
            continue
        was[name] = value
        made = [None if one is None else cut(fold(one)) for one in items]
        changed[name] = made if isinstance(value, list) else made[0]
        if any(one and one.endswith(CUT_MARK) and len(one) > MAX_VALUE for one in made):
            short.append(name)
    changed[names.ORIGINAL] = was
    changed[names.ODD] = list(was)
    if short:
        changed[names.CUT] = short
    return changed


def _add_extra(document: dict[str, Any], text: str) -> None:
    """The fields without an ECS name: as they are for the reader, folded for the search."""
    given = extra_fields(text)
    if not given:
        return
    document[names.EXTRA_JSON] = text
    fields: dict[str, str | list[str]] = {}
    pairs, order, odd = [], [], {}
    for name, value in given.items():
        # The ordinary case, once for each of ten fields of each event: a short text or a whole number.
        if value.__class__ is str and len(value) <= _SHORT:
            folded = value.lower() if value.isascii() else fold(value)
        elif value.__class__ is int:
            folded = str(value)
        else:
            odd[name] = value
            continue
        if not _usable(name):
            odd[name] = value
            continue
        fields[name] = folded
        pairs.append(f"{name}{NUL}{folded}")
        if place := place_of(folded):
            order.append(f"{name}{NUL}{place}")
    found = {names.FIELDS: fields, names.PAIRS: pairs, names.ORDER: order}
    if odd:
        _add_odd(odd, document, fields, pairs, order)
    if order:
        found[names.ORDER] = [*document.get(names.ORDER, ()), *order]
    document.update((name, one) for name, one in found.items() if one)


@lru_cache(maxsize=20_000)
def _usable(name: str) -> bool:
    """Whether a name can be asked for, and is no column's."""
    return 0 < len(name) <= MAX_NAME and NUL not in name and name not in COLUMNS


def _add_odd(
    odd: Mapping[str, Any],
    document: dict[str, Any],
    fields: dict[str, str | list[str]],
    pairs: list[str],
    order: list[str],
) -> None:
    """Lists, objects, long texts, and names that cannot be asked for: their texts are found by a bare word only."""
    keys, short = [], []
    for name, value in odd.items():
        items = [one for one in (value if value.__class__ is list else (value,)) if one is not None]
        if not items or name in COLUMNS:
            continue
        whole = [fold(one) for one in map(text_of, items) if one is not None]
        folded = [cut(one) for one in whole]
        if folded != whole or not _usable(name):
            short.append(name[:MAX_NAME].replace(NUL, ""))
        if not _usable(name):
            there = fields.get("_", [])
            fields["_"] = [*([there] if isinstance(there, str) else there), *folded]
            continue
        if folded:
            fields[name] = folded
        else:
            keys.append(name)
        pairs += [f"{name}{NUL}{one}" for one in folded]
        order += [f"{name}{NUL}{place}" for one in folded if (place := place_of(one))]
    if keys:
        document[names.KEYS] = keys
    if short:
        document[names.CUT] = [*document.get(names.CUT, ()), *short]


def event_of(source: Mapping[str, Any]) -> dict[str, Any]:
    """The flat event that a document was made of."""
    row = {name: value for name, value in source.items() if name in COLUMNS}
    row.update(source.get(names.ORIGINAL, {}))
    for name in _DATES:
        if name in row:
            row[name] = datetime.fromisoformat(row[name])
    row[EXTRA] = source.get(names.EXTRA_JSON)
    return event_of_row({name: row[name] for name in (*COLUMNS, EXTRA) if name in row})


def row_of(source: Mapping[str, Any]) -> dict[str, Any]:
    """The row of a frame that a document was made of."""
    event = event_of({name: value for name, value in source.items() if name != names.EXTRA_JSON})
    return {**event, EXTRA: source.get(names.EXTRA_JSON)}


_CORE = (
    "@timestamp",
    "event.id",
    "event.sequence",
    "event.ingested",
    "event.module",
    "event.dataset",
    "labels.source",
    "labels.zone",
    "labels.department",
    "labels.site",
    names.TIME,
    names.RECEIVED,
    names.ZONE,
    names.DEPARTMENT,
    names.KIND,
)


def reduced(line: Line, reason: str) -> Line:
    """The document in a form that is taken: what every event has, why it was refused, and the whole of it as text."""
    source = orjson.loads(line.body)
    event = event_of(source)
    whole = orjson.dumps(event, default=str).decode()
    document = {name: source[name] for name in _CORE if name in source}
    message = reason[:MAX_NAME]
    document |= {
        "event.kind": PIPELINE_ERROR,
        "error.message": fold(message),
        "event.original": cut(fold(whole)),
        names.REJECTED: message,
        names.ORIGINAL: {"event.original": whole, "error.message": message},
        names.ODD: ["event.original", "error.message"],
    }
    return Line(line.index, line.id, orjson.dumps(document))


def shortened(line: Line, reason: str) -> Line:
    """A document that is too large for a request, with its texts cut; the record is whole in the journal."""
    made = reduced(line, reason or f"{len(line.body):,} bytes: more than Elasticsearch takes")
    if len(made.body) <= MOST_BYTES:
        return made
    document = orjson.loads(made.body)
    document[names.ORIGINAL]["event.original"] = document[names.ORIGINAL]["event.original"][:_KEPT]
    document[names.CUT] = ["event.original"]
    return Line(line.index, line.id, orjson.dumps(document))


def chunks(made: Iterator[Line]) -> Iterator[list[Line]]:
    """Lines in bulk requests."""
    chunk: list[Line] = []
    size = 0
    for line in made:
        if chunk and size + len(line.body) > CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
        chunk.append(line)
        size += len(line.body)
    if chunk:
        yield chunk
