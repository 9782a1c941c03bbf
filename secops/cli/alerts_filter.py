"""The options that choose alerts, for `secops alerts list` and `secops alerts bulk`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from secops.errors import UsageError

if TYPE_CHECKING:
    from secops.siem.ports import AlertFilter

F = TypeVar("F", bound=Callable[..., Any])
STATES = ("open", "in_progress", "closed")
SEVERITIES = ("informational", "low", "medium", "high", "critical")


def filter_options(*, closed: bool) -> Callable[[F], F]:
    """Add the options that narrow the queue; ``closed``: closed alerts can be asked for."""

    def add(function: F) -> F:
        states = click.Choice(STATES if closed else STATES[:2])
        for option in (
            click.option("--until", help="この時点より前に検知が始まったもの"),
            click.option("--since", help="この時点より後に検知があったもの(24h、7d、2026-11-23 など)"),
            click.option("--assignee", help="担当者"),
            click.option("--zone", "zones", multiple=True, help="系統(繰り返し可)"),
            click.option(
                "--severity", "severities", multiple=True, type=click.Choice(SEVERITIES), help="重大度(繰り返し可)"
            ),
            click.option("--state", "states", multiple=True, type=states, help="状態(繰り返し可)"),
        ):
            function = option(function)
        return function

    return add


def alert_filter(
    now: datetime,
    *,
    states: tuple[str, ...],
    severities: tuple[str, ...],
    zones: tuple[str, ...],
    assignee: str | None,
    since: str | None,
    until: str | None,
    text: str = "",
    query: str = "",
    rule_id: str | None = None,
) -> AlertFilter:
    """The options in the desk's words."""
    from secops.query.parse import parse
    from secops.schema.dates import parse_moment
    from secops.schema.severity import Severity
    from secops.siem.ports import AlertFilter, Span, State
    from secops.siem.triage.search import ALERTS

    try:
        span = Span(parse_moment(since, now) if since else None, parse_moment(until, now) if until else None)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"--since / --until: {error}") from None
    return AlertFilter(
        states=frozenset(map(State, states)) or None,
        severities=frozenset(map(Severity.parse, severities)) or None,
        zones=frozenset(zones) or None,
        assignee=assignee,
        rule_id=rule_id,
        text=text,
        query=parse(query, now, ALERTS),
        span=span,
    )


def words(wanted: dict[str, Any]) -> str:
    """The options as the history of an action and the audit log have them."""
    return " ".join(
        f"{name}={','.join(value) if isinstance(value, tuple) else value}" for name, value in wanted.items() if value
    )
