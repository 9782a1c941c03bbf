"""What retention removed from the journal stays in alerts: after a replay, and when hits that are only counted go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from secops.query.tree import All
from secops.siem.keeper import Keeper
from secops.siem.ports import AlertFilter, NewBatch, Origin, Scope, Span
from secops.wiring import create_site, open_site
from secops.wiring.parts import drain_alone
from secops.wiring.replay import replay
from secops.wiring.site import Site

RULE = (
    "title: Refused\nid: 11111111-0000-4000-8000-000000000001\nlevel: high\n"
    "logsource: {product: secops, category: any}\ndetection: {s: {event.action: refused}, condition: s}\n"
)
ORIGIN = Origin("file", "json", path="/x.json", zone="lgwan")


def refuse(site: Site, count: int, received: datetime) -> None:
    line = f'{{"@timestamp":"{received.isoformat()}","event.action":"refused","host.name":"srv"}}'.encode()
    site.journal.append([NewBatch("app", received, ORIGIN, [line] * count)])
    drain_alone(site, lambda: False)


def counts(site: Site) -> list[tuple[int, int]]:
    return [(alert.count, alert.suppressed) for alert in site.desk.alerts(AlertFilter(), Scope()).alerts]


def test_alerts_and_their_counts_outlive_the_records(tmp_path: Path):
    create_site(tmp_path / "ward", site_id="ward")
    settings = tmp_path / "ward" / "secops.toml"
    text = settings.read_text(encoding="utf-8").replace("builtin = true", "builtin = false")
    settings.write_text(text.replace('journal = "400d"', 'journal = "10d"'), encoding="utf-8")
    (tmp_path / "ward" / "rules" / "own.yml").write_text(RULE, encoding="utf-8")
    now = datetime.now(UTC)
    with open_site(tmp_path / "ward") as site:
        refuse(site, 200, now - timedelta(days=20))
        site.sealing_journal.rotate(now)
        refuse(site, 80, now)
        assert counts(site) == [(280, 180)]
        said: list[str] = []
        Keeper(site.settings, site.sealing_journal, site.store, site.desk, said.append).turn(now)
        assert "retain: {'journal': 1, 'hits': 150}" in said
        assert counts(site) == [(280, 180)]
        replay(site, None, lambda _records: None)
        assert counts(site) == [(280, 180)]
        assert site.store.count(All(), Span(), Scope()) == 280
        refuse(site, 20, now)
        assert counts(site) == [(300, 200)]
