"""What it means for a person to see or do less than before."""

from __future__ import annotations

from secops.access.ports import RIGHTS, Access, Role, User


def shrinks(before: User, role: Role, access: Access) -> bool:
    """Whether a user who gets this role and scope loses a right, a zone or a department."""
    here = before.access
    fewer = RIGHTS[before.role] - RIGHTS[role]
    return bool(fewer) or _less(here.zones, access.zones) or _less(here.departments, access.departments)


def _less(before: frozenset[str] | None, after: frozenset[str] | None) -> bool:
    """Whether something that was seen is seen no more; None is all."""
    return after is not None and (before is None or bool(before - after))


def told(before: User, role: Role, access: Access) -> str:
    """The change as the audit log has it, empty where there is none: words of codes, read by `web.audit_log`."""
    said = [] if role is before.role else [f"{before.role.value} → {role.value}"]
    here = before.access
    for name, old, new in (("zones", here.zones, access.zones), ("departments", here.departments, access.departments)):
        if old != new:
            said.append(f"{name} {_names(old)} → {_names(new)}")
    return " / ".join(said)


def _names(names: frozenset[str] | None) -> str:
    return "all" if names is None else ",".join(sorted(names)) or "none"
