"""What well-known programs write into syslog: sentences and their meaning, as data.

Sources: OpenSSH, sudo, shadow and Linux-PAM.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """A sentence: ``pattern`` with named groups that are keys of `FIELDS`, and what it means in ECS."""

    pattern: re.Pattern[str]
    action: str
    outcome: str | None
    category: str
    type: str

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the groups in order."""
        return tuple(self.pattern.groupindex)


# Group → columns.
FIELDS: dict[str, str] = {
    "user": "clean:user.name",
    "ip": "ip:source.ip clean:source.address",
    "port": "port:source.port",
    "effective": "clean:user.effective.name",
    "target": "clean:user.target.name",
    "command": "process.command_line",
    "directory": "clean:process.working_directory",
    "uid": "clean:user.id",
    "target_id": "clean:user.target.id",
    "group": "clean:group.name",
    "reason": "clean:event.reason",
}

AUTH_PROGRAMS = frozenset({
    "sshd", "sshd-session", "sudo", "su", "login", "systemd-logind", "useradd", "userdel", "usermod", "groupadd",
    "groupdel",     "passwd", "chpasswd", "gdm-password]", "polkitd", "pkexec", "cron", "CRON", "crond", "sshd-auth",
})  # fmt: skip

_FROM = r" from (?P<ip>\S+)(?: port (?P<port>\d+))?"


def _kind(
    pattern: str, action: str, outcome: str | None, category: str = "authentication", kind: str = "start"
) -> Kind:
    return Kind(re.compile(pattern, re.DOTALL), action, outcome, category, kind)


_SSHD = (
    _kind(r"Accepted (?P<method>\S+) for (?P<user>.*)" + _FROM, "ssh_login", "success"),
    _kind(r"Failed (?P<method>\S+) for (?:invalid user )?(?P<user>.*)" + _FROM, "ssh_login", "failure"),
    _kind(r"Invalid user (?P<user>.*)" + _FROM, "ssh_login", "failure"),
    _kind(
        r"(?:Connection closed|Disconnected|Connection reset) (?:by|from) (?:authenticating |invalid )?user "
        r"(?P<user>\S*) (?P<ip>[0-9a-fA-F.:]+) port (?P<port>\d+)",
        "ssh_disconnect",
        None,
        "session",
        "end",
    ),
    _kind(
        r"(?:error: )?maximum authentication attempts exceeded for (?:invalid user )?(?P<user>.*)" + _FROM,
        "ssh_login",
        "failure",
    ),
)
_PAM = (
    _kind(
        r"pam_unix\((?P<service>[^)]*)\): session opened for user (?P<user>[^\s(]+)(?:\(uid=(?P<uid>\d+)\))?",
        "session-opened",
        "success",
        "session",
        "start",
    ),
    _kind(
        r"pam_unix\((?P<service>[^)]*)\): session closed for user (?P<user>\S+)",
        "session-closed",
        "success",
        "session",
        "end",
    ),
    _kind(
        r"pam_unix\((?P<service>[^)]*)\): authentication failure;.*?ruser=(?P<ruser>\S*) "
        r"rhost=(?P<ip>\S*)(?:\s+user=(?P<user>\S+))?",
        "authentication-failed",
        "failure",
    ),
)
_SUDO = (
    _kind(
        r"\s*(?P<user>\S+) : (?:(?P<reason>[^;=]*?) ; )?TTY=(?P<tty>\S+) ; "
        r"PWD=(?P<directory>.*?) ; USER=(?P<effective>\S+)"
        r"(?: ; GROUP=\S+)?(?: ; TSID=\S+)?(?: ; ENV=.*?)? ; COMMAND=(?P<command>.*)",
        "sudo",
        "success",
        "process",
        "start",
    ),
)
_SUDO_DENIED = _kind(_SUDO[0].pattern.pattern, "sudo", "failure", "process", "denied")
_SU = (
    _kind(r"\(to (?P<effective>\S+)\) (?P<user>\S+) on (?P<tty>\S+)", "su", "success"),
    _kind(r"FAILED SU \(to (?P<effective>\S+)\) (?P<user>\S+) on (?P<tty>\S+)", "su", "failure"),
    _kind(r"[+-] \S+ (?P<user>[^\s:]+):(?P<effective>\S+)", "su", None),
)
_CRON = (_kind(r"\((?P<user>[^)]+)\) CMD \((?P<command>.*)\)\s*", "cron-command", None, "process", "start"),)
_ACCOUNTS = (
    _kind(
        r"new user: name=(?P<target>[^,]+), UID=(?P<target_id>\d+)",
        "user-account-created",
        "success",
        "iam",
        "user creation",
    ),
    _kind(r"delete user '(?P<target>[^']+)'", "user-account-deleted", "success", "iam", "user deletion"),
    _kind(r"password changed for (?P<target>\S+)", "password-changed", "success", "iam", "user change"),
    _kind(
        r"add '(?P<target>[^']+)' to group '(?P<group>[^']+)'", "group-member-added", "success", "iam", "group change"
    ),
    _kind(r"new group: name=(?P<group>[^,]+)", "group-created", "success", "iam", "group creation"),
)
_SESSIONS = (
    _kind(r"New session (?P<session>\S+) of user (?P<user>[^\s.]+)", "session-opened", "success", "session", "start"),
)

SENTENCES: dict[str, tuple[Kind, ...]] = {
    "sshd": (*_SSHD, *_PAM),
    "sshd-session": (*_SSHD, *_PAM),
    "sudo": (*_SUDO, *_PAM),
    "su": (*_SU, *_PAM),
    "login": _PAM,
    "cron": (*_CRON, *_PAM),
    "crond": (*_CRON, *_PAM),
    "CRON": (*_CRON, *_PAM),
    "systemd-logind": _SESSIONS,
    "useradd": _ACCOUNTS,
    "userdel": _ACCOUNTS,
    "usermod": _ACCOUNTS,
    "groupadd": _ACCOUNTS,
    "passwd": (_kind(r".*password changed for (?P<target>\S+)", "password-changed", "success", "iam", "user change"),),
}


def recognise(program: str | None, message: str | None) -> tuple[Kind | None, tuple[str | None, ...]]:
    """The kind of sentence and its groups; (None, ()) where the program or sentence is not known."""
    for kind in SENTENCES.get(program or "", ()):
        if match := kind.pattern.match(message or ""):
            if kind is _SUDO[0] and match["reason"]:
                return _SUDO_DENIED, match.groups()
            return kind, match.groups()
    return None, ()
