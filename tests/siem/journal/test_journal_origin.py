"""How an origin is stored and hashed must not change: sealed segments of earlier versions are verified against it."""

from __future__ import annotations

from secops.siem.journal.codec import ContentHash, origin_text, parse_origin
from secops.siem.ports import Origin

EARLIER = (
    '{"encoding":"cp932","format":"skysea_csv","header":"a,b","kind":"file","offset":12,"path":"/a","zone":"lgwan"}'
)
ORIGIN = Origin("file", "skysea_csv", "cp932", "/a", 12, header="a,b", zone="lgwan")


def test_an_origin_of_an_earlier_version_is_written_and_read_as_before():
    assert origin_text(ORIGIN) == EARLIER
    assert parse_origin(EARLIER) == ORIGIN


def test_its_records_hash_as_before():
    content = ContentHash()
    content.add("src", 1, 0, origin_text(ORIGIN), [b"x"])
    assert content.hexdigest() == "7ffa76bc369af97521d340fbc876404c82c5dd261940238537afeb7389e5e252"


def test_a_time_zone_is_stored_only_where_one_is_named():
    london = Origin("file", "syslog", timezone="Europe/London")
    assert origin_text(london) == '{"encoding":"utf-8","format":"syslog","kind":"file","timezone":"Europe/London"}'
    assert parse_origin(origin_text(london)) == london
