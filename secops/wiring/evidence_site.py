"""The evidence room of a site: its stores, its inventory over time, its journal, the real clock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, cast

from secops.errors import AuditError, NotFoundError
from secops.isms.audit.model import Catalogue
from secops.isms.audit.telemetry import Query, Telemetry, items_of, unknown_names
from secops.locale import _
from secops.org.files import inventory_changes, inventory_known_at, read_inventory_at
from secops.org.inventory import load_directory
from secops.org.model import Directory
from secops.schema.dates import JST
from secops.wiring.chain import chain_problem
from secops.wiring.evidence import EvidenceRoom
from secops.wiring.evidence_asking import Chain, Inventories, Ports

if TYPE_CHECKING:
    from secops.siem.ports import EventStore
    from secops.wiring.site import Site


def room_of(site: Site, store: EventStore | None = None) -> EvidenceRoom:
    """The room over a site; ``store`` where the caller has one that follows replays."""
    memo: dict[tuple[tuple[datetime, ...], int], Directory] = {}

    def directory_at(moment: datetime) -> Directory:
        changes = tuple(inventory_changes(site.folder))
        later = tuple(one for one in changes if one > moment)
        if not later:
            return site.directory
        key = (later, len(changes))
        if key not in memo:
            day = moment.astimezone(JST).date()
            memo[key] = load_directory(read_inventory_at(site.folder, moment), site.settings, day)
        return memo[key]

    def chain(since: datetime, until: datetime) -> Chain | None:
        segments = site.journal.segments()
        sealed = [one for one in segments if one.state in {"sealed", "removed"}]
        inside = [one for one in sealed if one.last_received and since <= one.last_received < until]
        return Chain(len(segments), len(inside), chain_problem(site.folder))

    zones = site.settings.zones
    inventories = Inventories(
        directory_at,
        lambda: inventory_changes(site.folder, "staff"),
        lambda moment: inventory_known_at(site.folder, "staff", moment),
    )
    return EvidenceRoom(
        Ports(
            store=store if store is not None else cast("EventStore", site.store),
            desk=site.desk,
            inventories=inventories,
            chain=chain,
            waivers=site.desk.waivers.waivers,
            zone_label=lambda zone: zones[zone].label if zone in zones else zone,
            now=site.now,
        )
    )


def chosen(
    telemetry: Telemetry, catalogue: Catalogue, items: Sequence[str] = (), names: Sequence[str] = ()
) -> list[tuple[Query, tuple[str, ...]]]:
    """The queries of some items and those of some names, each with the items it helps with; none given: all.

    A query that was asked for by an item bears that item alone.

    Raises:
        AuditError: items of the catalogue name queries that there are not.
        NotFoundError: no such item or query, or an item without a query.
    """
    if wrong := unknown_names(catalogue, telemetry.queries):
        raise AuditError(wrong)
    if not items and not names:
        return [(one, items_of(catalogue, name)) for name, one in telemetry.queries.items()]
    found: dict[str, tuple[str, ...]] = {}
    for number in items:
        item = catalogue.by_id.get(number)
        if item is None:
            raise NotFoundError(_("監査項目「{id}」はありません。").format(id=number))
        if not item.telemetry:
            raise NotFoundError(_("監査項目「{id}」には、ログで確かめる照会がありません。").format(id=number))
        for name in item.telemetry:
            found[name] = (*found.get(name, ()), number)
    for name in names:
        if name not in telemetry.queries:
            known = ", ".join(telemetry.queries)
            text = _("「{name}」という照会はありません。あるもの: {known}")
            raise NotFoundError(text.format(name=name, known=known))
        found.setdefault(name, items_of(catalogue, name))
    return [(telemetry.queries[name], helped) for name, helped in found.items()]
