"""Names of the log formats, and of the columns that every frame has, for those who need no frame."""

from __future__ import annotations

FORMATS = ("windows_json", "syslog", "fortigate", "squid", "skysea_csv", "json", "csv", "text")  # log formats
EXTRA = "secops.extra"  # the column with all fields that have no ECS name, as one JSON object
EXTRA_TEXT = "secops.extra_text"  # the texts of its values, joined, where the normalizer had them at hand
SEPARATOR = "\x1f"  # between them; never part of what a search for text can find
PIPELINE_ERROR = "pipeline_error"  # the event.kind of a record that no parser understood
