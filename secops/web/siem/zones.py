"""The three tiers as bands, and what crosses them: what the model allows, what was seen, what nobody registered."""

from __future__ import annotations

import ipaddress
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from markupsafe import Markup
from starlette.responses import Response

from secops.access.ports import Right, Session
from secops.locale import _
from secops.org.flows import VERDICT_WORDS, FlowJudge, FlowVerdict
from secops.org.model import FLOW_KINDS, Flow
from secops.org.zones import UNMAPPED, WORLD
from secops.query.tree import Exists
from secops.schema.dates import JST, parse_moment
from secops.siem.ports import Scope, Span
from secops.web.pages import page
from secops.web.services import Services
from secops.web.session import reads, scope_of, services

router = APIRouter()
PERIODS = {"1h": "1時間", "24h": "24時間", "7d": "7日間", "30d": "30日間"}
ORDER = ("mynumber", "lgwan", "internet")  # from the inside out; other zones stand between these and the world
BELOW = ("security_cloud", "lgwan_asp", "gov_cloud", WORLD, UNMAPPED)
BAD = (FlowVerdict.FORBIDDEN, FlowVerdict.UNREGISTERED, FlowVerdict.EXPIRED)
FIELDS = ("labels.source_zone", "labels.destination_zone", "labels.flow_verdict")
_BAND, _GAP = 56, 44


@dataclass(slots=True)
class Crossing:
    """Two zones: what the model says of connections from one to the other, and what was seen, by verdict."""

    source: str
    destination: str
    allowed: bool = False
    why: str = ""
    seen: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def total(self) -> int:
        """All connections that were seen."""
        return sum(self.seen.values())

    @property
    def bad(self) -> int:
        """Those that nobody allowed."""
        return sum(self.seen.get(verdict.value, 0) for verdict in BAD)

    def query(self, *, bad: bool = False) -> str:
        """The search that finds its events."""
        text = f'labels.flow:"{self.source or "unmapped"}>{self.destination or "unmapped"}"'
        return text + (" labels.flow_verdict:(" + " OR ".join(BAD) + ")" if bad else "")


def crossings(judge: FlowJudge | None, counts: Sequence[tuple[tuple[str | None, ...], int]]) -> list[Crossing]:
    """Every pair of zones that was seen or is allowed; the worst first, then the busiest."""
    found: dict[tuple[str, str], Crossing] = {}

    def of(source: str, destination: str) -> Crossing:
        return found.setdefault((source, destination), Crossing(source, destination))

    for (source, destination, verdict), count in counts:
        of(source or UNMAPPED, destination or UNMAPPED).seen[verdict or ""] += count
    if judge is not None:
        zones = [*judge.zones.labels, WORLD]
        for source in zones:
            for destination in zones:
                rule = judge.rule(source, destination) if source != destination else None
                if rule and rule.direct is FlowVerdict.ALLOWED:
                    of(source, destination).allowed = True
        for flow in judge.flows:
            of(_zone(judge, flow.source), _zone(judge, flow.destination)).allowed = True
        for one in found.values():
            told = judge.rule(one.source, one.destination) if one.source != one.destination else None
            one.why = told.why if told else ""
    return sorted(found.values(), key=lambda one: (-one.bad, -one.total, one.source, one.destination))


def _zone(judge: FlowJudge, place: str) -> str:
    """The zone of a registered end, which is a zone, an address or a network."""
    try:
        return judge.zones.zone(str(ipaddress.ip_network(place, strict=False).network_address)) or UNMAPPED
    except ValueError:
        return place


@router.get("/zones")
def show_zones(request: Request, session: Annotated[Session, Depends(reads(Right.SEE_STATUS))]) -> Response:
    """The page. A reader of some zones sees counts of the records of those alone, and no register."""
    here, now, scope = services(request), services(request).now(), scope_of(session.user)
    period = request.query_params.get("since", "")
    period = period if period in PERIODS else "24h"
    span = Span(parse_moment(period, now))
    judge = here.flows()
    counts = here.store.tally(Exists("labels.flow"), span, scope, FIELDS)
    pairs = crossings(judge, counts)
    across = [pair for pair in pairs if pair.source != pair.destination]
    within = {pair.source: pair.total for pair in pairs if pair.source == pair.destination}
    names = Names(here, judge)
    may_search = session.user.may(Right.SEARCH_EVENTS)

    def link(pair: Crossing, bad: bool = False) -> str:
        return "/events?" + urlencode({"q": pair.query(bad=bad), "span": period})

    today = now.astimezone(JST).date()
    return page(
        request,
        "zones.html",
        period=period,
        periods=PERIODS,
        finding=finding(across, names),
        bad=sum(pair.bad for pair in across),
        picture=drawing(names.bands(across), across, within, names, link if may_search else None),
        pairs=across,
        names=names,
        link=link if may_search else None,
        verdict_words={verdict.value: word for verdict, word in VERDICT_WORDS.items()},
        bad_verdicts={verdict.value for verdict in BAD},
        register=_register(judge, scope),
        kinds=FLOW_KINDS,
        today=today,
        judge=judge,
    )


def _register(judge: FlowJudge | None, scope: Scope) -> Sequence[Flow]:
    return judge.flows if judge is not None and scope.zones is None else ()


class Names:
    """What zones are called, and the order of their bands."""

    def __init__(self, here: Services, judge: FlowJudge | None) -> None:
        self._here = here
        self._judge = judge

    def __call__(self, zone: str) -> str:
        """The ward's label; our own words for what is outside."""
        return self._judge.zones.label(zone) if self._judge else self._here.zone_label(zone)

    def bands(self, pairs: Sequence[Crossing]) -> list[str]:
        """From the innermost zone to the world; all zones of the ward, and others where something was seen."""
        own = list(self._here.settings.zones)
        ordered = [zone for zone in ORDER if zone in own] + [zone for zone in own if zone not in {*ORDER, *BELOW}]
        used = {zone for pair in pairs for zone in (pair.source, pair.destination)}
        outside = [zone for zone in BELOW if zone in used or zone in own or zone == WORLD]
        return [*ordered, *outside, *sorted(used - {*ordered, *outside})]


def finding(pairs: Sequence[Crossing], names: Names) -> str:
    """The title of the picture: what it shows."""
    bad = [pair for pair in pairs if pair.bad]
    if bad:
        text = _(
            "許可のない系統間の通信が {count:,} 件あります。最多は {source} から {destination} への {most:,} 件です。"
        )
        return text.format(
            count=sum(pair.bad for pair in bad),
            source=names(bad[0].source),
            destination=names(bad[0].destination),
            most=bad[0].bad,
        )
    total = sum(pair.total for pair in pairs)
    if not total:
        return _("系統間の通信の記録はありません。")
    return _("許可のない系統間の通信はありません(系統間の通信 {count:,} 件はすべて認められたもの)。").format(
        count=total
    )


def drawing(
    bands: Sequence[str], pairs: Sequence[Crossing], within: Mapping[str, int], names: Names, link: object
) -> Markup:
    """Bands from the inside out with one arrow a pair: thin grey allowed, blue seen, red and dashed not allowed.

    Hidden from screen readers and the keyboard: the table underneath says the same, with the same links.
    """
    place = {zone: 8 + at * (_BAND + _GAP) for at, zone in enumerate(bands)}
    height = 8 + len(bands) * (_BAND + _GAP) - _GAP + 8
    parts = [
        Markup('<svg class="zones" width="100%" height="{}" aria-hidden="true" focusable="false">').format(height),
        Markup(
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="9" markerHeight="9"'
            ' markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>'
        ),
    ]
    for zone in bands:
        kind = "band" if zone not in BELOW else "band outside"
        parts.append(
            Markup('<rect class="{k}" x="0" y="{y}" width="100%" height="{h}" rx="8"/>').format(
                k=kind, y=place[zone], h=_BAND
            )
        )
        parts.append(Markup('<text class="zone" x="12" y="{}">{}</text>').format(place[zone] + 24, names(zone)))
        if within.get(zone):
            said = _("系統内 {count:,} 件").format(count=within[zone])
            parts.append(Markup('<text class="inner" x="12" y="{}">{}</text>').format(place[zone] + 44, said))
    drawn = [pair for pair in pairs if pair.source in place and pair.destination in place]
    for at, pair in enumerate(drawn):
        parts.append(_arrow(pair, 40 + 58 * (at + 0.5) / max(len(drawn), 1), place, names, link))
    parts.append(Markup("</svg>"))
    return Markup("").join(parts)


def _arrow(pair: Crossing, x: float, place: Mapping[str, int], names: Names, link: object) -> Markup:
    down = place[pair.source] < place[pair.destination]
    begin = place[pair.source] + (_BAND if down else 0)
    end = place[pair.destination] + (0 if down else _BAND)
    kind = "bad" if pair.bad else "seen" if pair.total else "free"
    width = 1.5 if not pair.total else 2 + min(6.0, math.log10(pair.total + 1) * 1.5)
    title = f"{names(pair.source)} → {names(pair.destination)}: {pair.total:,}"
    made = Markup(
        '<g class="flow {k}"><title>{t}</title>'
        '<line class="reach" x1="{x:.1f}%" x2="{x:.1f}%" y1="{b}" y2="{e}"/>'
        '<line class="line w{s}" x1="{x:.1f}%" x2="{x:.1f}%" y1="{b}" y2="{e}" stroke-width="{w:.1f}"'
        ' marker-end="url(#tip)"/>'
    ).format(k=kind, t=title, x=x, b=begin, e=end, w=width, s=min(4, len(str(pair.total)) - 1))
    if pair.total:
        # Beside the arrow where there is room; along it on a phone, where lanes are narrower than numbers.
        made += Markup(
            '<text class="n wide" x="{x:.1f}%" y="{y}" dx="6">{n:,}</text>'
            '<text class="n slim" x="{x:.1f}%" y="{m}" dx="7.5">{n:,}</text>'
        ).format(
            x=x, y=begin + (26 if down else -18), m=begin + _GAP // 2 * (1 if down else -1), n=pair.bad or pair.total
        )
    made += Markup("</g>")
    if callable(link) and pair.total:
        return Markup('<a href="{}" tabindex="-1">{}</a>').format(link(pair, bool(pair.bad)), made)
    return made
