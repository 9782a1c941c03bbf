"""The simulated ward's registers, exceptions and reviews are what the pages can show."""

from __future__ import annotations

from datetime import UTC, date, datetime

from secops.demo.care import add_care
from secops.demo.world import inventory, make_world
from secops.isms.policy.exceptions import Phase
from secops.org.inventory import parse
from secops.org.registers import Gap, gap_counts
from secops.store.records import open_records
from tests.databases import new_records

NOW = datetime(2026, 11, 23, 2, 4, tzinfo=UTC)
TODAY = date(2026, 11, 23)


def test_the_registers_are_read_and_leave_something_to_do():
    files = inventory(make_world(1), TODAY)
    systems, assets = (parse(files[kind], kind, kind).rows for kind in ("systems", "assets"))
    assert (len(systems), len(assets)) == (15, 12)
    assert all(gap_counts(systems, TODAY)[gap] for gap in (Gap.CONTRACTOR, Gap.CLOUD, Gap.CLASSIFICATION, Gap.REVIEW))
    assert gap_counts(assets, TODAY)[Gap.REVIEW]


def test_exceptions_stand_in_every_state_and_are_not_made_twice(tmp_path):
    records = open_records(new_records(tmp_path / "records.db"))
    for _time in range(2):
        add_care(records.waivers, records.reviews, NOW)
    phases = {one.phase(TODAY) for one in records.waivers.waivers(None)}
    assert phases == {Phase.OVERDUE, Phase.IN_FORCE, Phase.REQUESTED, Phase.REFUSED}
    assert len(records.waivers.waivers(None)) == 4
    assert len(records.reviews.reviews()) == 10
    assert records.trail.verify().number is None
    records.dispose()


def test_a_ward_made_in_april_has_no_reviews_of_the_days_to_come(tmp_path):
    records = open_records(new_records(tmp_path / "records.db"))
    add_care(records.waivers, records.reviews, datetime(2026, 4, 16, tzinfo=UTC))
    assert [one.entry for one in records.reviews.reviews()] == ["audit-plan"]
    records.dispose()
