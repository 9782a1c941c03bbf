"""Our snapshot of ECS names and types is what ECS publishes."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import polars as pl
import pytest

from secops.schema import ecs
from secops.schema.aliases import ALIASES, column_of

SHARED = Path(os.environ.get("SECOPS_SHARED", Path(__file__).parents[3] / "shared")) / "data" / "ecs" / "fields.csv"


@pytest.mark.skipif(not SHARED.exists(), reason="the published ECS field list (shared/data/ecs) is not here")
def test_every_name_has_the_published_type():
    with SHARED.open(encoding="utf-8", newline="") as file:
        published = {
            row["Field"]: row["Type"] + ("[]" if row["Normalization"] == "array" else "")
            for row in csv.DictReader(file)
        }
    assert {name: published.get(name) for name in ecs.ECS} == ecs.ECS


def test_own_columns_are_not_ecs():
    assert not ecs.OWN.keys() & ecs.ECS.keys()


def test_dtypes():
    assert ecs.dtype("source.port") == pl.Int64()
    assert ecs.dtype("source.ip") == pl.String()
    assert ecs.dtype("event.category") == pl.List(pl.String())
    assert ecs.dtype("@timestamp") == pl.Datetime("us", "UTC")
    assert ecs.dtype("winlog.event_data.Image") == pl.String()


def test_aliases_lead_to_columns():
    assert set(ALIASES.values()) <= ecs.COLUMNS.keys()
    assert not ALIASES.keys() & ecs.COLUMNS.keys()
    assert column_of("winlog.event_data.Image") == "process.executable"
    assert column_of("fortinet.firewall.vd") == "fortinet.firewall.vd"
