"""Who looks at the audit, in the words of its ports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from fastapi import Request

from secops.access.ports import Access, Right, Session, User
from secops.errors import DeniedError
from secops.isms.audit.ports import Viewer
from secops.locale import _
from secops.web.session import current


def viewer_of(user: User) -> Viewer:
    """What this user may see: who leads audits everything, an auditor theirs, all others their departments.

    Somebody of a department for whom no department was registered sees none, not all.
    """
    if user.may(Right.SEE_AUDIT):
        return Viewer(user.name, user.access.departments, assigned=not user.may(Right.LEAD_AUDIT))
    return Viewer(user.name, user.access.departments or frozenset())


def access_of(user: User) -> Access:
    """The scope of this user in papers and registers; none for somebody of a department for whom none was registered.

    `Viewer` says the same of sheets and findings.
    """
    if user.may(Right.ANSWER_INSPECTION) and user.access.departments is None:
        return replace(user.access, departments=frozenset())
    return user.access


def reads_any(*rights: Right) -> Callable[[Request], Session]:
    """A guard for pages of several roles: logged in, with one of the rights."""

    def guard(request: Request) -> Session:
        session = current(request)
        if not any(session.user.may(right) for right in rights):
            raise DeniedError(_("この操作をする権限がありません。必要なときは管理者に相談してください。"))
        return session

    return guard
