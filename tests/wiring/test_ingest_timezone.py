"""`secops ingest --timezone`: a file of another time zone's clock."""

from __future__ import annotations

from pathlib import Path

import pytest

from secops.errors import UsageError
from secops.wiring import create_site, open_site
from secops.wiring.ingest import Job, ingest_files


def test_the_zone_of_the_command_goes_into_the_origin_and_a_wrong_one_is_refused(tmp_path: Path):
    create_site(tmp_path / "ward", site_id="ward")
    log = tmp_path / "a.log"
    log.write_bytes(b"Apr  1 09:00:00 h sshd[1]: one\n")
    with open_site(tmp_path / "ward") as site:
        zone = next(iter(site.settings.zones))
        with pytest.raises(UsageError, match="Mars"):
            ingest_files(site, Job([log], zone, timezone="Mars"), lambda _size: None)
        assert site.journal.heads() == {}
        outcome = ingest_files(site, Job([log], zone, timezone="UTC"), lambda _size: None)
        [batch] = site.journal.read(outcome.source, 0)
    assert batch.origin.timezone == "UTC"
