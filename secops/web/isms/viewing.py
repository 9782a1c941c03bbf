"""Who asks, in the words of the audit room."""

from __future__ import annotations

from secops.access.ports import Right, User
from secops.isms.audit.ports import Viewer


def viewer_of(user: User) -> Viewer:
    """Departments by the user's scope; an auditor who does not lead sees the audits that they are part of."""
    assigned = user.may(Right.SEE_AUDIT) and not user.may(Right.LEAD_AUDIT)
    return Viewer(user.name, user.access.departments, assigned)
