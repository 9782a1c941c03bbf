"""Guideline clauses as the clauses of ours that do them: for pages of alerts and rules."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import date

from fastapi import Request

from secops.errors import SecopsError
from secops.isms.policy.links import Index, Ours, ours_for
from secops.schema.dates import JST
from secops.web.session import services

log = logging.getLogger("secops.web")


def today(request: Request) -> date:
    """The day in Japan."""
    return services(request).now().astimezone(JST).date()


def cited(request: Request) -> Callable[[str], tuple[Ours, ...]]:
    """What finds the clauses of ours for a guideline clause; nothing where the documents cannot be read.

    An alert has to be shown whatever is wrong with a policy.
    """
    index: Index = {}
    try:
        index = services(request).guideline.library.index(today(request))
    except SecopsError:
        log.exception("policy")
    return lambda clause: ours_for(index, clause)
