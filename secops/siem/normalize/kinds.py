"""Which kinds of events each format can bring, as far as the format alone tells.

A kind is what is known of some columns (None: without a value); what it does not name may be anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from secops.siem.normalize import fortigate, skysea, squid, syslog
from secops.siem.normalize.windows_tables import DATASETS, OTHER_DATASET

Kind = Mapping[str, str | None]


def _plain(module: str, *datasets: str) -> list[Kind]:
    """Kinds of a format that has no channels."""
    return [{"event.module": module, "event.dataset": dataset, "winlog.channel": None} for dataset in datasets]


def _windows() -> list[Kind]:
    named: list[Kind] = [
        {"event.module": "windows", "event.dataset": dataset, "winlog.channel": channel}
        for channel, dataset in DATASETS.items()
    ]
    return [*named, {"event.module": "windows", "event.dataset": OTHER_DATASET}]


KINDS: Mapping[str, Sequence[Kind]] = {
    "windows_json": _windows(),
    "syslog": _plain(syslog.MODULE, "system.auth", "system.syslog"),
    "fortigate": _plain(fortigate.MODULE, "fortinet.traffic", "fortinet.utm", "fortinet.event"),
    "squid": _plain(squid.MODULE, "squid.access"),
    "skysea_csv": _plain(skysea.MODULE, "skysea.operation"),
    "json": _plain("json", "json.record"),
    "csv": _plain("csv", "csv.record"),
    "text": _plain("text", "text.line"),
}
