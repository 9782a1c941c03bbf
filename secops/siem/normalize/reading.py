"""Records of any format → frames.

`normalize` is what the main road calls; `frames_of` is for records that are in no journal. Both go through the same
readers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial

import polars as pl

from secops.locale import _
from secops.schema import ecs
from secops.schema.frame import CORE
from secops.siem.normalize import fortigate, generic, skysea, squid, syslog, windows_json
from secops.siem.normalize.frames import Wide, failed, settle_time
from secops.siem.normalize.given import Input, Want, decode, no_collection
from secops.siem.ports import Normalizer, Origin, Part, RecordBatch

Reader = Callable[[Sequence[bytes], Input, Want], pl.DataFrame]

READERS: dict[str, Reader] = {
    "windows_json": windows_json.read,
    "syslog": syslog.read,
    "fortigate": fortigate.read,
    "squid": squid.read,
    "skysea_csv": skysea.read,
    "json": generic.read_json,
    "csv": generic.read_csv,
    "text": generic.read_text,
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def normalize(batch: RecordBatch, site: str, wanted: frozenset[str]) -> list[pl.DataFrame]:
    """The frame of a batch by the normalizer that its origin names; an unknown name gives ``pipeline_error`` rows."""
    return _normalize(READERS.get(batch.origin.format, _unknown), batch, site, wanted)


def normalize_apart(batch: RecordBatch, site: str, wanted: frozenset[str]) -> tuple[list[pl.DataFrame], list[Part]]:
    """The same where rules can read parts: the frame is then without the columns that only rules read."""
    if batch.origin.format != "windows_json":
        return normalize(batch, site, wanted), []
    parts: list[Part] = []

    def read(records: Sequence[bytes], given: Input, want: Want) -> pl.DataFrame:
        frame, found = windows_json.read_both(records, given, want)
        parts.extend(found)
        return frame

    return _normalize(read, batch, site, wanted), parts


def frames_of(
    records: Sequence[bytes],
    format: str,
    wanted: frozenset[str],
    *,
    ecs: bool = False,
    origin: Origin | None = None,
    received: datetime = _EPOCH,
) -> list[pl.DataFrame]:
    """Frames of records that are in no journal: row ``i`` is ``records[i]``.

    There are ``@timestamp``, ``event.sequence`` (i), what is the same for all events of a kind (``event.code``,
    ``event.dataset``, ``winlog.channel`` …) and the ``wanted`` columns, ECS or not; with ``ecs`` all of them, EXTRA
    included. ``origin`` gives encoding and CSV header; ``received`` stands in for a missing time (1970 by default).
    """
    given = Input(origin or Origin("file", format), received)
    with no_collection():
        body = READERS.get(format, _unknown)(records, given, Want(wanted | {"@timestamp"}, ecs))
    if not body.height:
        return []
    return [settle_time(body, given).with_columns(_sequence(0, body.height))]


def _normalize(reader: Reader, batch: RecordBatch, site: str, wanted: frozenset[str]) -> list[pl.DataFrame]:
    given = Input(batch.origin, batch.received)
    with no_collection():
        body = reader(batch.records, given, Want(wanted))
    if not body.height:
        return []
    body = settle_time(body, given)
    sequence = _sequence(batch.first_seq, body.height)
    prefix = pl.Series([f"{site}.{batch.source}."]).new_from_index(0, body.height)
    shared = {
        "event.ingested": pl.lit(batch.received).cast(ecs.dtype("event.ingested")),
        "labels.source": pl.lit(batch.source),
        "labels.site": pl.lit(site),
    }
    if batch.origin.zone:
        shared["labels.zone"] = pl.lit(batch.origin.zone)
    if batch.origin.path:
        shared["log.file.path"] = pl.lit(batch.origin.path)
    frame = body.with_columns((prefix + sequence.cast(pl.String)).alias("event.id"), sequence, **shared)
    missing = [pl.lit(None, dtype=kind).alias(name) for name, kind in CORE.items() if name not in frame.columns]
    return [frame.with_columns(missing) if missing else frame]


def _sequence(first: int, count: int) -> pl.Series:
    return pl.int_range(first, first + count, dtype=pl.Int64, eager=True).alias("event.sequence")


def _unknown(records: Sequence[bytes], given: Input, _want: Want) -> pl.DataFrame:
    """Every record of a format nobody knows, as it is."""
    known = ", ".join(READERS)
    text = _("ログ形式「{name}」には対応していません(使えるもの: {known})。設定を直してください。")
    message = text.format(name=given.origin.format, known=known)
    wide = Wide()
    lines = [decode(record, given.origin.encoding) for record in records]
    wide.group(*failed(range(len(lines)), lines, [message] * len(lines), "unknown"))
    return wide.frame()


NORMALIZERS: Mapping[str, Normalizer] = {name: partial(_normalize, reader) for name, reader in READERS.items()}

__all__ = ["NORMALIZERS", "READERS", "Reader", "frames_of", "normalize", "normalize_apart"]
