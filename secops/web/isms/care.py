"""What the pages of exceptions, reviews and registers ask of the rest of the program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from secops.access.ports import Access
from secops.isms.policy.calendar import Entry, Review
from secops.isms.policy.exceptions import Lapsed
from secops.isms.policy.ports_exceptions import Waivers
from secops.org.model import Directory
from secops.org.registers import Registers
from secops.wiring.policy_watch import Calendar


@dataclass(frozen=True, slots=True)
class Care:
    """Ports; what is asked with an `Access` is answered within it.

    ``directory`` is for names and for the codes of a scope alone: pages show rows of ``registers``. ``clauses`` are the
    ids of all clauses there are; empty where they cannot be known.
    """

    waivers: Waivers
    lapsed: Callable[[Access], Sequence[Lapsed]]
    calendar: Callable[[], Calendar]
    record: Callable[[Review], Entry]
    registers: Callable[[Access], Registers]
    directory: Callable[[], Directory]
    clauses: Callable[[], frozenset[str]]
