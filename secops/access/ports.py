"""Who may use the console, and what is remembered of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol


class Role(StrEnum):
    """What a person is to this program; `ROLE_LABELS` has the words on screens."""

    ADMIN = "admin"
    CSIRT = "csirt"
    AUDIT_LEAD = "audit_lead"
    AUDITOR = "auditor"
    SECURITY_MANAGER = "security_manager"
    POLICY_OWNER = "policy_owner"
    VIEWER = "viewer"


ROLE_LABELS: Mapping[Role, str] = {
    Role.ADMIN: "システム管理",
    Role.CSIRT: "CSIRT",
    Role.AUDIT_LEAD: "情報セキュリティ監査統括責任者",
    Role.AUDITOR: "監査人",
    Role.SECURITY_MANAGER: "情報セキュリティ管理者",
    Role.POLICY_OWNER: "ポリシー担当",
    Role.VIEWER: "閲覧",
}


class Right(StrEnum):
    """What the console asks before it shows or does something."""

    SEE_ALERTS = "see_alerts"
    WORK_ALERTS = "work_alerts"  # take, note, close, reopen
    REPORT_CASE = "report_case"  # open an alert by hand
    MAKE_EXCEPTIONS = "make_exceptions"  # write a filter that suppresses hits
    SEARCH_EVENTS = "search_events"
    SEE_RAW = "see_raw"  # the unmasked record; each look is in the audit log
    SEE_STATUS = "see_status"
    MANAGE_USERS = "manage_users"
    SEE_AUDIT_LOG = "see_audit_log"
    TEST_NOTIFY = "test_notify"  # send a message to try a channel out
    CONFIRM_NOTIFY = "confirm_notify"  # say that a page about the program was seen


_WORK = frozenset({Right.SEE_ALERTS, Right.WORK_ALERTS, Right.REPORT_CASE, Right.SEARCH_EVENTS, Right.SEE_STATUS})
_NOTIFY = frozenset({Right.TEST_NOTIFY, Right.CONFIRM_NOTIFY})

# An administrator keeps the program running and does not read what it holds; an auditor reads and changes nothing.
RIGHTS: Mapping[Role, frozenset[Right]] = {
    Role.ADMIN: frozenset(
        {Right.SEE_ALERTS, Right.SEE_STATUS, Right.MANAGE_USERS, Right.SEE_AUDIT_LOG, Right.MAKE_EXCEPTIONS}
    )
    | _NOTIFY,
    Role.CSIRT: _WORK | {Right.SEE_RAW, Right.CONFIRM_NOTIFY, Right.MAKE_EXCEPTIONS},
    Role.AUDIT_LEAD: frozenset({Right.SEE_ALERTS, Right.SEARCH_EVENTS, Right.SEE_STATUS, Right.SEE_AUDIT_LOG}),
    Role.AUDITOR: frozenset({Right.SEE_ALERTS, Right.SEARCH_EVENTS, Right.SEE_STATUS, Right.SEE_AUDIT_LOG}),
    Role.SECURITY_MANAGER: frozenset({Right.SEE_ALERTS, Right.REPORT_CASE}),
    Role.POLICY_OWNER: frozenset({Right.SEE_ALERTS, Right.SEE_STATUS}),
    Role.VIEWER: frozenset({Right.SEE_ALERTS, Right.SEE_STATUS}),
}


@dataclass(frozen=True, slots=True)
class Access:
    """Which zones and departments a person may see; None is all, an empty set is none."""

    zones: frozenset[str] | None = None
    departments: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class User:
    """A person with a login. ``demo`` logins have published passwords: they must not work beyond 127.0.0.1."""

    name: str
    display_name: str
    role: Role
    access: Access
    demo: bool
    disabled: bool
    created_at: datetime
    last_login: datetime | None

    def may(self, right: Right) -> bool:
        """Whether the role gives this right."""
        return right in RIGHTS[self.role]


@dataclass(frozen=True, slots=True)
class Session:
    """A person at the console. ``id`` is the SHA-256 of the token in hex: safe to log and to bind CSRF tokens to."""

    id: str
    user: User
    started: datetime
    last_used: datetime
    peer: str


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """A session ends when unused for ``idle``, and in any case ``absolute`` after login."""

    idle: timedelta = timedelta(minutes=480)
    absolute: timedelta = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what to what, when, and from where (``peer``: the address, ``cli`` or empty)."""

    at: datetime
    actor: str
    action: str
    target: str
    peer: str
    text: str = ""


class Accounts(Protocol):
    """Users, their sessions and the audit log. Every change is in the audit log with its actor."""

    def users(self) -> Sequence[User]:
        """All users, by name."""
        ...

    def user(self, name: str) -> User:
        """One user, or NotFoundError."""
        ...

    def add(
        self,
        name: str,
        password: str,
        *,
        role: Role,
        access: Access,
        actor: str,
        now: datetime,
        display_name: str = "",
        demo: bool = False,
    ) -> User:
        """A new user.

        Raises:
            UsageError: the name or the password is not acceptable; the message says why.
            ConflictError: the name is taken.
        """
        ...

    def disable(self, name: str, *, actor: str, now: datetime, disabled: bool = True) -> User:
        """Disable (sessions end at once) or enable again; the user stays for the history's sake."""
        ...

    def reset(self, name: str, password: str, *, actor: str, now: datetime) -> User:
        """A new password given by an administrator; all sessions of the user end."""
        ...

    def change_password(self, name: str, old: str, new: str, *, peer: str, now: datetime) -> None:
        """A new password chosen by the user; all sessions end. DeniedError where the old one is wrong."""
        ...

    def login(self, name: str, password: str, *, peer: str, now: datetime, demo_allowed: bool) -> tuple[str, Session]:
        """The token to put in the cookie, and the session.

        ``demo_allowed`` is whether the console listens on 127.0.0.1 only.

        Raises:
            DeniedError: wrong name or password (one message for both), disabled, too many attempts, or a demo login
                where it is not allowed.
        """
        ...

    def session(self, token: str, now: datetime, *, touch: bool = True) -> Session | None:
        """The session of a token, and its use noted; None where it ended, timed out or never was.

        Without ``touch`` the use is not noted: what a page asks for by itself must not keep its reader logged in.
        """
        ...

    def logout(self, token: str, now: datetime) -> None:
        """End a session; an unknown token changes nothing."""
        ...

    def record(self, entry: AuditEntry) -> None:
        """Add to the audit log."""
        ...

    def audit_log(
        self, *, limit: int = 100, offset: int = 0, actor: str = "", action: str = ""
    ) -> Sequence[AuditEntry]:
        """The audit log, newest first."""
        ...
