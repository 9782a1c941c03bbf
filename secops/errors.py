"""The errors a user can meet.

    SecopsError
    ├── UsageError            the call is wrong; exit code 2
    ├── InputError            a file a person wrote is wrong: carries every problem found in it
    │   ├── SettingsError     secops.toml
    │   ├── InventoryError    departments, staff, devices, flows as CSV
    │   ├── RuleError         Sigma rules
    │   ├── AuditError        audit items, how audits are scored
    │   └── PolicyError       guideline editions, documents of the policy, registers
    ├── QueryError            a search that cannot be read, or that the store cannot answer
    ├── StoreError            the event store or the records cannot be reached or written
    │   └── AwayError         the event store cannot be reached or takes nothing at present; later it may
    ├── JournalError          the journal cannot be opened, read or written
    ├── ConflictError         the state does not allow it (closing what is closed, a second `secops run`)
    ├── NotFoundError         no such alert, event, source or user
    └── DeniedError           the user's role or scope does not allow it

A message says where, what was found, what was expected and what to do, in the words of the reader. What is wrong with
*log data* is never an exception: it becomes an event with ``event.kind: pipeline_error``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


class SecopsError(Exception):
    """Anything that is reported to the user as one clear message, without a traceback."""

    exit_code = 1


class UsageError(SecopsError):
    """The command or request itself makes no sense."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a file.

    ``where`` is what an editor can jump to (``rules/x.yml:12``, ``secops.toml: web.port``, ``staff.csv:3 職員番号``);
    ``what`` says what was found, what was expected and what to do.
    """

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


class InputError(SecopsError):
    """A file that a person wrote has mistakes; all of them are listed, in the order of the file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class SettingsError(InputError):
    """``secops.toml`` has wrong settings."""


class InventoryError(InputError):
    """An inventory or flow register CSV has wrong rows."""


class RuleError(InputError):
    """Rule files have mistakes."""


class AuditError(InputError):
    """Files of the audit wing have mistakes: items, scoring."""


class PolicyError(InputError):
    """Guideline editions or documents of the policy have mistakes."""


class QueryError(SecopsError):
    """A search text cannot be read, or asks for what the store cannot answer.

    ``at`` is where in the text the mistake stands (characters from 0), None where it has no place. ``limit`` is true
    where nothing is wrong with the text, but the answer would take more time or memory than one search may.
    """

    exit_code = 2

    def __init__(self, message: str, *, at: int | None = None, limit: bool = False) -> None:
        super().__init__(message)
        self.at = at
        self.limit = limit


class StoreError(SecopsError):
    """The event store or the records database failed."""


class AwayError(StoreError):
    """The event store cannot be reached, or takes nothing at present: a full disk, a full queue. Later it may."""


class JournalError(SecopsError):
    """The journal cannot be opened, read or written."""


class ConflictError(SecopsError):
    """The present state does not allow the action."""


class SetChangedError(ConflictError):
    """What an action was meant for is another set by now; ``count`` is how many there are."""

    def __init__(self, message: str, count: int) -> None:
        self.count = count
        super().__init__(message)


class NotFoundError(SecopsError):
    """The named thing does not exist, or is outside the user's scope."""


class DeniedError(SecopsError):
    """The user's role does not allow the action."""
