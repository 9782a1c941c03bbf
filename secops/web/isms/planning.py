"""What the pages on which audits are planned ask of the ward: its units, and what is known of an auditor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from secops.isms.audit.independence import Engagement, Organisation
from secops.isms.audit.ports import Appointment
from secops.isms.audit.round import Plan, Unit

Appointed = tuple[Appointment, Engagement, Organisation]


@dataclass(frozen=True, slots=True)
class Planning:
    """``units`` are all of the inventory, ``offices`` its departments as (code, name).

    ``appoint`` is what independence is judged over: of a plan, a unit, a person by staff number or name, and a login;
    NotFoundError: no such person.
    """

    units: Callable[[], Sequence[Unit]]
    offices: Callable[[], Sequence[tuple[str, str]]]
    appoint: Callable[[Plan, Unit, str, str], Appointed]
