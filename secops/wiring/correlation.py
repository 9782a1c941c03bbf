"""Correlations of a site: the road with the site's rules, settings and journal, and how it stands."""

from __future__ import annotations

from secops.schema.dates import parse_duration
from secops.siem.correlating import Correlating
from secops.siem.health import CorrelationHealth
from secops.siem.ports import ALWAYS, CorrelationLimits
from secops.wiring.site import Site


def correlation_limits(site: Site) -> CorrelationLimits:
    """How much is kept in mind."""
    chosen = site.settings.correlation
    return CorrelationLimits(chosen.max_inputs, chosen.max_group)


def make_correlating(site: Site) -> Correlating:
    """The road over this site; it asks for the rules at each step, so that new ones are taken up."""

    def waiting() -> set[str]:
        reached = site.desk.positions()
        return {source for source, head in site.journal.heads().items() if head > reached.get(source, 0)}

    lateness = parse_duration(site.settings.correlation.lateness)
    return Correlating(site.desk, lambda: site.detector.correlations, waiting, lateness, correlation_limits(site))


def correlation_health(site: Site) -> CorrelationHealth:
    """How correlations stand, for the status page."""
    state, counts = site.desk.correlation_state(), site.desk.correlation_state().counts
    known = state.watermark if state.watermark > ALWAYS else None
    return CorrelationHealth(
        rules=len(site.detector.correlations),
        groups=state.groups,
        inputs=state.inputs,
        waiting=site.desk.correlation_waiting(),
        watermark=known,
        late=dict(counts.late),
        evicted=dict(counts.evicted),
        ungrouped=dict(counts.ungrouped),
    )
