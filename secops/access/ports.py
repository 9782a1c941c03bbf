"""Who may use the console, and what is remembered of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

CLI = "cli"  # the peer of what was done at the command line


class Role(StrEnum):
    """What a person is to this program; `ROLE_LABELS` has the words on screens."""

    ADMIN = "admin"
    CSIRT = "csirt"
    AUDIT_LEAD = "audit_lead"
    AUDITOR = "auditor"
    SECURITY_MANAGER = "security_manager"
    POLICY_OWNER = "policy_owner"
    STAFF = "staff"
    VIEWER = "viewer"


ROLE_LABELS: Mapping[Role, str] = {
    Role.ADMIN: "システム管理",
    Role.CSIRT: "CSIRT",
    Role.AUDIT_LEAD: "情報セキュリティ監査統括責任者",
    Role.AUDITOR: "監査人",
    Role.SECURITY_MANAGER: "情報セキュリティ管理者",
    Role.POLICY_OWNER: "ポリシー担当",
    Role.STAFF: "自己点検の担当者",
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
    SEE_POLICY = "see_policy"  # documents in force, the guideline, what covers what
    EDIT_POLICY = "edit_policy"  # drafts, links to the guideline, review calendar, work lists
    PUBLISH_POLICY = "publish_policy"  # a version that nobody changes any more
    SEE_REGISTERS = "see_registers"  # exceptions, systems and assets of one's own departments
    REQUEST_EXCEPTION = "request_exception"  # 例外措置
    APPROVE_EXCEPTION = "approve_exception"  # enter what the CISO permitted
    ANSWER_INSPECTION = "answer_inspection"  # self-inspection of one's own departments
    CONFIRM_INSPECTION = "confirm_inspection"  # as their head; also own findings and improvement plans
    SEE_AUDIT = "see_audit"  # plans, papers and findings of audits that one is part of
    AUDIT = "audit"  # write workpapers and findings
    LEAD_AUDIT = "lead_audit"  # plan, decide who is next, release reports; sees all audits
    SEE_EVIDENCE = "see_evidence"  # what logs tell of a department
    SEE_RELEASED = "see_released"  # released reports


_WORK = frozenset({Right.SEE_ALERTS, Right.WORK_ALERTS, Right.REPORT_CASE, Right.SEARCH_EVENTS, Right.SEE_STATUS})
_NOTIFY = frozenset({Right.TEST_NOTIFY, Right.CONFIRM_NOTIFY})

_READ = frozenset({Right.SEE_POLICY, Right.SEE_RELEASED})
_AUDIT = frozenset(
    {Right.SEE_ALERTS, Right.SEARCH_EVENTS, Right.SEE_STATUS, Right.SEE_AUDIT_LOG, Right.SEE_AUDIT, Right.AUDIT}
) | frozenset({Right.SEE_EVIDENCE, Right.SEE_REGISTERS})

# An administrator keeps the program running and does not read what it holds; an auditor reads and changes nothing.
RIGHTS: Mapping[Role, frozenset[Right]] = {
    Role.ADMIN: frozenset(
        {Right.SEE_ALERTS, Right.SEE_STATUS, Right.MANAGE_USERS, Right.SEE_AUDIT_LOG, Right.MAKE_EXCEPTIONS}
    )
    | _NOTIFY
    | _READ,
    Role.CSIRT: _WORK
    | _READ
    | {Right.SEE_RAW, Right.CONFIRM_NOTIFY, Right.MAKE_EXCEPTIONS, Right.SEE_EVIDENCE}
    | {Right.SEE_REGISTERS},
    Role.AUDIT_LEAD: _AUDIT | _READ | {Right.LEAD_AUDIT},
    Role.AUDITOR: _AUDIT | _READ,
    Role.SECURITY_MANAGER: frozenset({Right.SEE_ALERTS, Right.REPORT_CASE, Right.REQUEST_EXCEPTION})
    | {Right.ANSWER_INSPECTION, Right.CONFIRM_INSPECTION, Right.SEE_REGISTERS}
    | _READ,
    Role.POLICY_OWNER: frozenset({Right.SEE_ALERTS, Right.SEE_STATUS, Right.EDIT_POLICY, Right.PUBLISH_POLICY})
    | {Right.REQUEST_EXCEPTION, Right.APPROVE_EXCEPTION, Right.SEE_REGISTERS}
    | _READ,
    Role.STAFF: frozenset({Right.ANSWER_INSPECTION, Right.SEE_REGISTERS}) | _READ,
    Role.VIEWER: frozenset({Right.SEE_ALERTS, Right.SEE_STATUS}) | _READ,
}


@dataclass(frozen=True, slots=True)
class Access:
    """Which zones and departments a person may see; None is all, an empty set is none."""

    zones: frozenset[str] | None = None
    departments: frozenset[str] | None = None


class Step(StrEnum):
    """What a session still has to do before anything else, in this order."""

    FACTOR = "factor"  # give the second factor
    PASSWORD = "new-password"  # noqa: S105 - a step, no secret: choose a password: the login was by a set-up code
    ENROLL = "enroll"  # set a second factor up, which the role requires
    DONE = "done"


@dataclass(frozen=True, slots=True)
class User:
    """A person with a login. ``demo`` logins have published passwords: they must not work beyond 127.0.0.1.

    ``locked_until`` is set while logins are refused after too many failures. ``has_password`` is false until the
    set-up code was used. ``external`` logs in at the identity provider and has no password here. ``passkeys`` and
    ``recovery`` are numbers of passkeys and of recovery codes left.
    """

    name: str
    display_name: str
    role: Role
    access: Access
    demo: bool
    disabled: bool
    created_at: datetime
    last_login: datetime | None
    locked_until: datetime | None = None
    has_password: bool = True
    external: bool = False
    totp: bool = False
    passkeys: int = 0
    recovery: int = 0

    def may(self, right: Right) -> bool:
        """Whether the role gives this right."""
        return right in RIGHTS[self.role]

    @property
    def has_factor(self) -> bool:
        """Whether a second factor is set up."""
        return self.totp or self.passkeys > 0


@dataclass(frozen=True, slots=True)
class Session:
    """A person at the console. ``id`` is the SHA-256 of the token in hex: safe to log and to bind CSRF tokens to.

    ``confirmed`` is when the person last showed who they are, ``agent`` what the browser calls itself (hostile text).
    """

    id: str
    user: User
    started: datetime
    last_used: datetime
    peer: str
    agent: str = ""
    step: Step = Step.DONE
    confirmed: datetime | None = None


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """A session ends when unused for ``idle``, and in any case ``absolute`` after login."""

    idle: timedelta = timedelta(minutes=480)
    absolute: timedelta = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class LoginPolicy:
    """What the ward asks of logins: the length of passwords in characters, and who needs a second factor."""

    password_length: int = 12
    second_factor: frozenset[Role] = frozenset()

    def requires_factor(self, user: User) -> bool:
        """Whether this user must have a second factor; demo logins are bound to this machine instead."""
        return user.role in self.second_factor and not user.demo


@dataclass(frozen=True, slots=True)
class Visit:
    """One request to log in or to go on logging in: where from (``peer``), with which browser, and when.

    ``device`` is what `Sessions.remember` gave that browser, as it says.
    """

    peer: str
    agent: str
    now: datetime
    device: str = ""


@dataclass(frozen=True, slots=True)
class Passkey:
    """A passkey of a user; ``id`` is the credential's id in base64url."""

    id: str
    name: str
    created_at: datetime
    last_used: datetime | None


@dataclass(frozen=True, slots=True)
class Party:
    """The console as passkeys know it (WebAuthn relying party): the host's name, and the origin that browsers see."""

    id: str
    name: str
    origin: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody is at the ward's identity provider.

    ``subject`` is the issuer with its own number of the person, for ever the same; ``role`` what its groups are mapped
    to, None where nothing is mapped; ``strong`` whether the provider vouches for a second factor.
    """

    subject: str
    name: str
    display_name: str
    role: Role | None = None
    strong: bool = False


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what to what, when, and from where (``peer``: the address, ``cli`` or empty).

    ``number`` is its place in the log, zero before it is there. ``zone`` and ``department`` are of what was seen or
    worked on: None where it is nothing of a zone (a login), `joint` where it is of several, empty where it is of all
    or of an unknown one. Who may see all of them sees the entry.
    """

    at: datetime
    actor: str
    action: str
    target: str
    peer: str
    text: str = ""
    number: int = field(default=0, compare=False)
    zone: str | None = None
    department: str | None = None


def joint(names: Iterable[str]) -> str:
    """Zones or departments as an entry of the audit log bears them; empty where one of them is unknown, or none is.

    Several stand in lines of their own, each between two line ends.
    """
    found = sorted({" ".join(name.splitlines()) for name in names})
    if not found or "" in found:
        return ""
    return found[0] if len(found) == 1 else "".join(f"\n{name}\n" for name in found)


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries of the audit log: exact actor and action, a piece of the target or text, and a span of time.

    ``access`` is what the reader may see: an entry of a zone or department outside of it does not exist for them.
    """

    actor: str = ""
    action: str = ""
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None
    access: Access = Access()


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Some entries, newest first, out of ``total``; ``newer`` of them lie before the first one."""

    entries: Sequence[AuditEntry]
    total: int
    newer: int


class Users(Protocol):
    """Who may log in. Every change is in the audit log with its actor; a new administrator raises an alert."""

    def users(self, now: datetime | None = None) -> Sequence[User]:
        """All users, by name; ``locked_until`` is told where the time is given."""
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
        """A new user whose password is known already (the demo ward).

        Raises:
            UsageError: the name or the password is not acceptable; the message says why.
            ConflictError: the name is taken.
        """
        ...

    def invite(
        self,
        name: str,
        *,
        role: Role,
        access: Access,
        actor: str,
        now: datetime,
        display_name: str = "",
        external: bool = False,
        peer: str = CLI,
    ) -> tuple[User, str]:
        """A new user and the one-time code with which the first login sets a password.

        ``external``: the user logs in at the identity provider under this name, and the code is empty. Raises as `add`.
        """
        ...

    def reset(
        self, name: str, *, actor: str, now: datetime, factors: bool = False, peer: str = CLI
    ) -> tuple[User, str]:
        """A new one-time code in the place of the password, without second factors if asked; all sessions end.

        A lock ends as well, and an alert tells the others. An external user gets no code (it is empty) and stays one.
        """
        ...

    def disable(self, name: str, *, actor: str, now: datetime, disabled: bool = True, peer: str = CLI) -> User:
        """Disable (sessions end at once) or enable again; the user stays for the history's sake."""
        ...

    def change(
        self,
        name: str,
        *,
        role: Role | None = None,
        access: Access | None = None,
        actor: str,
        now: datetime,
        peer: str = CLI,
    ) -> tuple[User, int]:
        """Another role or scope (None: as it is), and how many sessions ended: all, where the user can do or see less.

        A new administrator raises an alert. ConflictError where it would leave no administrator who can log in.
        """
        ...

    def unlock(self, name: str, *, actor: str, now: datetime, peer: str = CLI) -> User:
        """Forget failed logins of this user, so that the next one is heard at once."""
        ...


class Sessions(Protocol):
    """Logging in, in steps, and what is open. A token is given anew whenever a session becomes worth more."""

    def login(
        self,
        name: str,
        password: str,
        *,
        peer: str,
        now: datetime,
        demo_allowed: bool,
        agent: str = "",
        device: str = "",
    ) -> tuple[str, Session]:
        """The token to put in the cookie, and the session; its ``step`` says what must follow.

        The password may be the set-up code. ``demo_allowed`` is whether the console listens on 127.0.0.1 only.
        ``device`` is what `remember` gave this browser: what others do wrong with the name does not hold it up.

        Raises:
            DeniedError: wrong name or password (one message for both), disabled, too many attempts, or a demo login
                where it is not allowed.
        """
        ...

    def login_external(self, identity: Identity, visit: Visit, *, make: bool) -> tuple[str, Session]:
        """A login that the identity provider vouches for; ``make`` is whether an unknown person becomes a viewer.

        A user added as external is bound to the subject that first comes under the name.

        Raises:
            DeniedError: unknown, disabled, or the name belongs to somebody else here.
        """
        ...

    def choose_password(self, session: Session, new: str, visit: Visit) -> tuple[str, Session]:
        """The first password after a set-up code, which is worth nothing from here on; other sessions end.

        Raises:
            UsageError: the password is not acceptable; the message says why.
            DeniedError: the session is not in this step.
        """
        ...

    def confirm(self, session: Session, password: str, visit: Visit) -> tuple[str, Session]:
        """Show again who one is, before something that a borrowed browser must not do. DeniedError if wrong."""
        ...

    def change_password(self, session: Session, old: str, new: str, visit: Visit) -> tuple[str, Session]:
        """A new password chosen by the user; all other sessions end. DeniedError where the old one is wrong."""
        ...

    def session(self, token: str, now: datetime, *, touch: bool = True) -> Session | None:
        """The session of a token, and its use noted; None where it ended, timed out or never was.

        Without ``touch`` the use is not noted: what a page asks for by itself must not keep its reader logged in.
        """
        ...

    def sessions(self, name: str, now: datetime) -> Sequence[Session]:
        """The open sessions of a user, the last used first."""
        ...

    def end_session(self, name: str, session_id: str, visit: Visit) -> None:
        """End one session of this user; NotFoundError where the user has no such session."""
        ...

    def end_others(self, session: Session, visit: Visit) -> int:
        """End all sessions of the user but this one, and say how many they were."""
        ...

    def remember(self, session: Session, visit: Visit) -> str:
        """A token for the browser of someone who is wholly logged in, empty where it has one already.

        It opens nothing; it tells a device of the person from one of somebody who guesses. A new password, a reset and
        `end_others` void those of all other devices.
        """
        ...

    def logout(self, token: str, now: datetime) -> None:
        """End a session; an unknown token changes nothing."""
        ...


class Factors(Protocol):
    """Second factors: codes of an app (TOTP, RFC 6238), passkeys (WebAuthn), recovery codes for the day both are lost.

    What proves a factor raises DeniedError where it is wrong or comes too often. The first factor of a user brings
    recovery codes: they are returned once and kept as hashes.
    """

    def begin_totp(self, session: Session) -> str:
        """The secret to show (base32), the same until it is confirmed or the session ends."""
        ...

    def finish_totp(self, session: Session, code: str, visit: Visit) -> tuple[str, Session, Sequence[str]]:
        """Take the secret in use after its first code: new token, session, recovery codes (empty: there are some)."""
        ...

    def drop_totp(self, session: Session, visit: Visit) -> None:
        """Give the app up. ConflictError where it is the only factor of someone who must have one."""
        ...

    def passkeys(self, name: str) -> Sequence[Passkey]:
        """The passkeys of a user, oldest first."""
        ...

    def begin_passkey(self, session: Session, party: Party) -> str:
        """What the browser needs to make a passkey: options as JSON."""
        ...

    def finish_passkey(
        self, session: Session, party: Party, name: str, credential: str, visit: Visit
    ) -> tuple[str, Session, Sequence[str]]:
        """Keep a passkey that the browser made (JSON); returns as `finish_totp`."""
        ...

    def drop_passkey(self, session: Session, passkey: str, visit: Visit) -> None:
        """Give a passkey up; raises as `drop_totp`, and NotFoundError."""
        ...

    def new_recovery(self, session: Session, visit: Visit) -> Sequence[str]:
        """New recovery codes; the old ones are worth nothing."""
        ...

    def pass_code(self, session: Session, code: str, visit: Visit) -> tuple[str, Session]:
        """Go on with a code of the app or a recovery code."""
        ...

    def ask_passkey(self, session: Session, party: Party) -> str:
        """What the browser needs to use a passkey: options as JSON."""
        ...

    def pass_passkey(self, session: Session, party: Party, credential: str, visit: Visit) -> tuple[str, Session]:
        """Go on with what a passkey signed."""
        ...


class AuditLog(Protocol):
    """Who did and saw what."""

    def record(self, entry: AuditEntry) -> None:
        """Add to the audit log."""
        ...

    def record_once(self, entry: AuditEntry, within: timedelta) -> None:
        """Add it, unless the same actor did the same to the same target less than ``within`` before."""
        ...

    def audit_log(
        self, *, limit: int = 100, offset: int = 0, actor: str = "", action: str = ""
    ) -> Sequence[AuditEntry]:
        """The audit log, newest first."""
        ...

    def audit_page(
        self, wanted: AuditFilter, *, limit: int, before: int | None = None, after: int | None = None
    ) -> AuditPage:
        """Entries older than number ``before``, or the next newer than ``after``, or the newest."""
        ...

    def audit_names(self, access: Access) -> tuple[Sequence[str], Sequence[str]]:
        """All actors and all actions that are in the log as this reader may see it, sorted."""
        ...


class Accounts(Users, Sessions, Factors, AuditLog, Protocol):
    """All of it: users, their sessions and factors, and the audit log."""
