"""The batch that flows through the main road: a polars DataFrame with flat ECS column names.

What every frame holds, whoever made it:

* One row is one record of the journal, in order of ``event.sequence``; nothing is merged, split or left out.
* ``CORE`` columns are always there. ``@timestamp`` falls back to the receive time where the record has no usable one
  (then ``labels.time_source`` is ``received``).
* A column whose name is in ``secops.schema.ecs.ECS`` has the dtype ``secops.schema.ecs.dtype(name)``. Null is absence.
* A column named ``EXTRA`` (String) holds one JSON object: the fields without an ECS name, flat dotted keys, values as
  in the source (string, number, boolean, list). This is what the store keeps of them.
* A column named ``EXTRA_TEXT`` (String) may hold the texts of the values in ``EXTRA``, `SEPARATOR` between, for the
  store, which would have to take the object apart again. It does so only for objects as orjson writes them, whose names
  have no four digits in a row and whose values are texts, booleans, nulls and integers of at most 64 bits. Whoever
  changes ``EXTRA`` of a row makes it null there.
* Further columns without an ECS name (``winlog.event_data.Image``) are there only because a rule reads them (the
  ``wanted`` argument of a normalizer), and only where some row has a value. They hold the original text: 5 is ``5``,
  true is ``true``, an object is its JSON. Such a column is String, or List(String) in a frame where any of its rows has
  several values (``Data`` of old Windows events); single values are then lists of one. The store does not keep them.
* ``message`` of a Windows event that also has data fields repeats those; it is there only if it is ``wanted``.
* A record that no parser understood has ``event.kind`` = ``pipeline_error``, ``event.original`` (the text as decoded)
  and ``error.message``, and otherwise only ``CORE``.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from secops.schema.names import EXTRA, EXTRA_TEXT, PIPELINE_ERROR

__all__ = ["CORE", "EXTRA", "EXTRA_TEXT", "PIPELINE_ERROR", "concat"]

CORE: dict[str, pl.DataType] = {
    "@timestamp": pl.Datetime("us", "UTC"),
    "event.id": pl.String(),
    "event.sequence": pl.Int64(),
    "event.ingested": pl.Datetime("us", "UTC"),
    "event.kind": pl.String(),
    "event.module": pl.String(),
    "event.dataset": pl.String(),
    "labels.source": pl.String(),
}


def concat(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Frames under each other, in order; a column that one of them lacks is null there."""
    kept = [frame for frame in frames if frame.height]
    if not kept:
        return pl.DataFrame(schema=CORE)
    return kept[0] if len(kept) == 1 else pl.concat(kept, how="diagonal", rechunk=False)
