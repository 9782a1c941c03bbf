"""``secops zones``: the three tiers, the table of flows, and the verdict on one connection."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secops.cli.common import emit_json, emit_table, json_option, site_option
from secops.locale import _

if TYPE_CHECKING:
    from datetime import date

    from secops.org.flows import FlowJudge

_MODELS = {"alpha": "αモデル", "alpha_prime": "α´モデル", "beta": "βモデル", "beta_prime": "β´モデル"}


@click.group()
def zones() -> None:
    """系統(三層)、系統間の通信の定め、通信の判定。"""


def _judge(site: Path) -> tuple[FlowJudge, date]:
    from secops.org.files import open_directory, open_table
    from secops.org.flows import FlowJudge
    from secops.org.zones import ZoneMap
    from secops.schema.dates import JST
    from secops.wiring import open_site

    opened = open_site(site)
    today = opened.now().astimezone(JST).date()
    directory = open_directory(site, opened.settings, today)
    zone_map = ZoneMap.of(opened.settings)
    return FlowJudge(open_table(site), opened.settings.site.model, zone_map, directory.flows), today


@zones.command()
@site_option
@json_option
def show(site: Path, as_json: bool) -> None:
    """系統とネットワーク、三層のモデル、系統間の通信の定め、登録した通信。"""
    from secops.org.model import FLOW_KINDS

    judge, today = _judge(site)
    if as_json:
        emit_json(_everything(judge, today))
        return
    click.echo(_("三層のモデル: {model}").format(model=_(_MODELS[judge.model])))
    networks = judge.zones.networks
    emit_table(
        [_("系統"), _("名称"), _("ネットワーク")],
        [(zone, label, ", ".join(networks[zone])) for zone, label in judge.zones.labels.items()],
    )
    click.echo()
    emit_table([_("接続元"), _("接続先"), _("登録なし"), _("登録できる種別"), _("理由")], _rules(judge))
    click.echo()
    emit_table(
        [_("通信番号"), _("種別"), _("接続元"), _("接続先"), _("サービス"), _("有効期限")],
        [
            (
                flow.id,
                _(FLOW_KINDS[flow.kind]),
                flow.source,
                flow.destination,
                ";".join(map(str, flow.services)),
                f"{flow.expires or ''}{_('(期限切れ)') if flow.expired(today) else ''}",
            )
            for flow in judge.flows
        ],
    )


def _rules(judge: FlowJudge) -> list[tuple[str, ...]]:
    """The rules of the model in words."""
    from secops.org.flows import VERDICT_WORDS
    from secops.org.model import FLOW_KINDS

    return [
        (
            rule.source,
            rule.destination,
            _(VERDICT_WORDS[rule.direct]),
            "・".join(_(FLOW_KINDS[kind]) for kind in sorted(rule.kinds)),
            rule.why + (_("(要確認)") if rule.confirm else ""),
        )
        for rule in judge.table.rules
        if judge.model in rule.models
    ]


def _everything(judge: FlowJudge, today: date) -> dict[str, Any]:
    """Zones, rules of the model and register, as JSON shows them."""
    networks = judge.zones.networks
    return {
        "model": judge.model,
        "edition": judge.table.edition,
        "zones": [
            {"id": zone, "label": label, "networks": networks[zone]} for zone, label in judge.zones.labels.items()
        ],
        "rules": [
            {
                "from": rule.source,
                "to": rule.destination,
                "direct": rule.direct,
                "kinds": sorted(rule.kinds),
                "why": rule.why,
                "confirm": rule.confirm,
            }
            for rule in judge.table.rules
            if judge.model in rule.models
        ],
        "flows": [
            {
                "id": flow.id,
                "kind": flow.kind,
                "from": flow.source,
                "to": flow.destination,
                "services": [str(one) for one in flow.services],
                "expires": flow.expires,
                "expired": flow.expired(today),
            }
            for flow in judge.flows
        ],
    }


@zones.command()
@click.argument("source", metavar="SRC")
@click.argument("destination", metavar="DST")
@click.argument("service", metavar="[PORT/PROTO]", required=False)
@site_option
@json_option
def check(source: str, destination: str, service: str | None, site: Path, as_json: bool) -> None:
    """SRC から DST への通信の判定と理由(例: secops zones check 10.1.2.13 203.0.113.9 443/tcp)。"""
    from secops.errors import UsageError
    from secops.org.flows import VERDICT_WORDS, FlowVerdict
    from secops.org.model import canonical_ip

    try:
        ends = canonical_ip(source), canonical_ip(destination)
    except ValueError as error:
        raise UsageError(_("IP アドレスを書いてください: {error}").format(error=error)) from None
    port, protocol = _service(service)
    judge, today = _judge(site)
    found = judge.judge(*ends, port, protocol, today)
    if as_json:
        emit_json({"source": source, "destination": destination, "port": port, "protocol": protocol, "found": found})
    else:
        word = _(VERDICT_WORDS[found.verdict]) if found.verdict else _("判定なし")
        labels = [judge.zones.label(zone) for zone in (found.source_zone, found.destination_zone)]
        click.echo(f"{labels[0]} → {labels[1]}: {word}")
        click.echo(_("理由: {why}").format(why=found.why))
        if found.flow_id:
            click.echo(_("登録: {id}").format(id=found.flow_id))
    wrong = {FlowVerdict.UNREGISTERED, FlowVerdict.EXPIRED, FlowVerdict.FORBIDDEN}
    raise SystemExit(1 if found.verdict in wrong else 0)


def _service(text: str | None) -> tuple[int | None, str]:
    from secops.errors import UsageError

    if not text:
        return None, ""
    parts = text.lower().split("/")
    port = next((part for part in parts if part.isdigit()), None)
    protocol = next((part for part in parts if part.isalpha()), "")
    if len(parts) > 2 or (port is not None and not 0 < int(port) < 65536) or not (port or protocol):
        raise UsageError(_("「443/tcp」のように書いてください: {text}").format(text=text))
    return int(port) if port else None, protocol
