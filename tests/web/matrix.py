"""Who may do what: every call of the console × every role × in scope and out of it → the status that must come.

One line a call. A cell is what a person of the role gets: before the stroke one who may see all zones, behind it one
who may see the LGWAN zone alone, where the things asked for (alert 3, its events) are not. Without a stroke both get
the same. ``*`` stands for all roles. After ``|`` comes what is sent, as a form (``a=b&c=d``) or, for /api, as JSON.

To add a call: run ``tests/web/test_web_matrix.py``; where a call has no line, its failure prints one with what the
console answers now. Look at each cell before you paste it: 200 and 303 are a yes, 403 the role may not, 404 it is out
of scope.
``public`` calls need no login; ``begun`` ones only a login under way (they lead someone who is logged in elsewhere).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from secops.access.ports import Role

TABLE = """
#                                   admin    csirt    lead     auditor  manager  policy   staff    viewer
GET  /                              public
GET  /healthz                       public
GET  /login                         public
POST /login                         public
POST /language                      public
GET  /login/oidc                    public
GET  /login/oidc/callback           public

POST /logout                        begun
GET  /login/password                begun
POST /login/password                begun
GET  /login/factor                  begun
POST /login/factor                  begun
POST /login/factor/passkey          begun
GET  /login/enroll                  begun

GET  /account                       *        200
POST /account/password              *        403 | old=wrong&new=long+enough+and+new&again=long+enough+and+new
GET  /account/confirm               *        200
POST /account/confirm               *        303 | password=watch-the-three-tiers
GET  /account/totp                  *        200
POST /account/totp                  *        400 | code=1
POST /account/totp/remove           *        404
GET  /account/passkey               *        200
POST /account/passkey               *        303
POST /account/passkey/remove        *        404 | passkey=none
POST /account/recovery              *        409
POST /account/sessions/end          *        404 | which=none
POST /account/sessions/end-others   *        303

GET  /users                         200      403      403      403      403      403      403      403
GET  /users/{name}/change           200      403      403      403      403      403      403      403
POST /users/{name}/change           303      403      403      403      403      403      403      403 | role=viewer&zones=*&departments=*
POST /users/{name}/disable          303      403      403      403      403      403      403      403
POST /users/{name}/enable           303      403      403      403      403      403      403      403
POST /users/{name}/unlock           303      403      403      403      403      403      403      403
POST /users/{name}/reset            200      403      403      403      403      403      403      403
GET  /audit-log                     200      403      200      200      403      403      403      403

GET  /alerts                        200      200      200      200      200      200      403      200
GET  /alerts/{alert_id}             200/404  200/404  200/404  200/404  200/404  200/404  403      200/404
POST /alerts/{alert_id}/assign      403      303/404  403      403      403      403      403      403
POST /alerts/{alert_id}/note        403      303/404  403      403      403      403      403      403 | text=x
POST /alerts/{alert_id}/close       403      303/404  403      403      403      403      403      403 | verdict=false_positive&reason=x
POST /alerts/{alert_id}/reopen      403      303/404  403      403      403      403      403      403
POST /alerts/{alert_id}/confirm     403      303/404  403      403      403      403      403      403
POST /alerts/{alert_id}/raw         403      200/404  403      403      403      403      403      403 | event_id=sumida.fw01.4567&reason=x
POST /alerts/bulk                   403      303/409  403      403      403      403      403      403 | action=assign&ids=3
GET  /alerts/bulk                   403      200      403      403      403      403      403      403
POST /alerts/bulk/all               403      400      403      403      403      403      403      403
POST /alerts/bulk/{number}/undo     403      404      403      403      403      403      403      403
GET  /alerts/times                  200      200      200      200      200      200      403      200
GET  /alerts/{alert_id}/exception   409/404  409/404  403      403      403      403      403      403
POST /alerts/{alert_id}/exception   409/404  409/404  403      403      403      403      403      403
POST /alerts/{alert_id}/link        403      400/404  403      403      403      403      403      403
POST /alerts/{alert_id}/merge       403      400/404  403      403      403      403      403      403
POST /alerts/{alert_id}/split       403      400/404  403      403      403      403      403      403
POST /alerts/{alert_id}/unlink      403      404      403      403      403      403      403      403
POST /alerts/{alert_id}/unmerge     403      400/404  403      403      403      403      403      403
GET  /alerts/new                    403      200      403      403      200      403      403      403
POST /alerts/new                    403      303/403  403      403      303/403  403      403      403 | title=x&category=loss&severity=low&zone=mynumber&department=区民課
GET  /events                        403      200      200      200      403      403      403      403
GET  /events/export                 403      200      200      200      403      403      403      403
GET  /events/{event_id}             403      200/404  200/404  200/404  403      403      403      403
POST /events/{event_id}/raw         403      200/404  403      403      403      403      403      403 | reason=x

GET  /morning                       200      200      200      200      200      200      403      200
GET  /saved                         200      200      200      200      200      200      403      200
POST /saved                         400      400      400      400      400      400      403      400
POST /saved/{search_id}/delete      404      404      404      404      404      404      403      404
POST /saved/{search_id}/rename      400      400      400      400      400      400      403      400

GET  /sources                       200      200      200      200      403      200      403      200
GET  /zones                         200      200      200      200      403      200      403      200
GET  /rules                         200      200      200      200      403      200      403      200
GET  /rules/coverage                200      200      200      200      403      200      403      200
GET  /rules/{rule_id}               200      200      200      200      403      200      403      200

GET  /policy/calendar               *        200
GET  /policy/calendar.ics           *        200
POST /policy/calendar/reviewed      403      403      403      403      403      303      403      403 | entry=training-plan&on=2026-11-20&outcome=unchanged
GET  /policy/exceptions             403      200      200      200      200      200      200      403
GET  /policy/exceptions/new         403      403      403      403      200      200      403      403
POST /policy/exceptions/new         403      403      403      403      303      303      403      403 | department=211&clauses=taisaku-a12&reason=x&measure=x&begins=2026-12-01&ends=2027-03-31
GET  /policy/exceptions/{waiver}    403      200      200      200      404      200      404      403
POST /policy/exceptions/{waiver}/decide 403      403      403      403      403      409      403      403 | verdict=approved&decider=x&on=2026-11-20
POST /policy/exceptions/{waiver}/end 403      403      403      403      404      400      403      403
POST /policy/exceptions/{waiver}/revoke 403      403      403      403      403      400      403      403
POST /policy/exceptions/{waiver}/withdraw 403      403      403      403      404      409      403      403
GET  /policy/registers              403      200      200      200      200      200      200      403
GET  /policy/registers/export       403      200      200      200      200      200      200      403

GET  /notify                        200      200      200      200      403      200      403      200
POST /notify/test                   303      403      403      403      403      403      403      403 | channel=mail
POST /notify/conditions/{condition_id}/confirm 303      303      403      403      403      403      403      403
POST /notify/given-up               303      303      403      403      403      403      403      403

GET  /policy/guideline              *        200
GET  /policy/impact                 *        200
POST /policy/impact/make            403      403      403      403      403      303      403      403 | older=2024-10&newer=2025-03
POST /policy/impact/work            403      403      403      403      403      404      403      403 | ids=999&action=done
GET  /audit                         *        303
GET  /policy                        *        200
GET  /policy/import                 403      403      403      403      403      200      403      403
POST /policy/import                 403      403      403      403      403      400      403      403
POST /policy/import/draft           403      403      403      403      403      400      403      403
POST /policy/statutory              403      403      403      403      403      303      403      403 | document=kihon&body=区長&place=x&day=2026-04-01
GET  /policy/documents/{document_id} *        200
GET  /policy/documents/{document_id}/draft 403      403      403      403      403      200      403      403
POST /policy/documents/{document_id}/draft 403      403      403      403      403      400      403      403
POST /policy/documents/{document_id}/draft/clause 403      403      403      403      403      404      403      403
POST /policy/documents/{document_id}/draft/drop 403      403      403      403      403      409      403      403 | sure=1
GET  /policy/documents/{document_id}/publish 403      403      403      403      403      409      403      403
POST /policy/documents/{document_id}/publish 403      403      403      403      403      409      403      403

GET  /audit/items                   *        200
GET  /audit/items/{item_id}         *        200
GET  /audit/heatmap                 403      403      200      200      403      403      403      403
GET  /audit/reports                 *        200
GET  /audit/reports/draft           403      403      200      403      403      403      403      403
POST /audit/reports/edited          403      403      400      403      403      403      403      403
POST /audit/reports/release         403      403      200      403      403      403      403      403 | kind=summary
GET  /audit/reports/{release_number}/{file_name} * 404
GET  /audit/evidence                403      200      200      200      403      403      403      403
POST /audit/evidence                403      303      303      303      403      403      403      403 | department=211&since=2026-11-13&until=2026-11-23&names=failed_logons
GET  /audit/evidence/{sheet_number} 403      200/404  200/404  200/404  403      403      403      403
GET  /audit/evidence/{sheet_number}/file 403      200/404  200/404  200/404  403      403      403      403
POST /audit/evidence/{sheet_number}/verify 403      200/404  200/404  200/404  403      403      403      403
GET  /inspection                    403      403      403      403      200      403      200      403
GET  /inspection/staff              public
POST /inspection/staff              public
GET  /inspection/{number}           403      403      403      403      200      403      200      403
POST /inspection/{number}/codes     403      403      403      403      400      403      403      403
POST /inspection/{number}/confirm   403      403      403      403      409      403      403      403
GET  /inspection/{number}/files/{file} 403      403      404      404      404      403      404      403
POST /inspection/{number}/files/{file}/withdraw 403      403      403      403      404      403      404      403
GET  /inspection/{number}/form/xlsx 403      403      403      403      200      403      200      403
POST /inspection/{number}/form      403      403      403      403      400      403      400      403
POST /inspection/{number}/finish    403      403      403      403      409      403      409      403
POST /inspection/{number}/foot      403      403      403      403      303      403      303      403
POST /inspection/{number}/return    403      403      403      403      400      403      403      403
POST /inspection/{number}/take-back 403      403      403      403      409      403      409      403
POST /inspection/{number}/form      403      403      403      403      400      403      400      403
GET  /inspection/{number}/form/xlsx 403      403      403      403      200      403      200      403
GET  /inspection/{number}/{item}    403      403      403      403      200      403      200      403
POST /inspection/{number}/{item}/answer 403      403      403      403      303      403      303      403
POST /inspection/{number}/{item}/files 403      403      403      403      400      403      400      403
POST /api/inspection/{number}/{item} 403      403      403      403      200      403      200      403 | {"revision": 0}

GET  /audit/plans                   403      403      200      200      403      403      403      403
GET  /audit/next                    403      403      200      403      403      403      403      403
GET  /audit/plans/{plan}            403      403      200      404      403      403      403      403
POST /audit/plans/{plan}/approve    403      403      400      403      403      403      403      403
GET  /audit/plan/new                403      403      200      403      403      403      403      403
POST /audit/plans                   403      403      400      403      403      403      403      403
GET  /audit/plans/{plan}/edit       403      403      409      403      403      403      403      403
POST /audit/plans/{plan}/change     403      403      409      403      403      403      403      403
POST /audit/plans/{plan}/drop       403      403      409      403      403      403      403      403
POST /audit/plans/{plan}/assign     403      403      400      403      403      403      403      403
POST /audit/plans/{plan}/unassign   403      403      400      403      403      403      403      403
POST /audit/plans/{plan}/visits     403      403      400      403      403      403      403      403
POST /audit/plans/{plan}/visits/drop 403     403      400      403      403      403      403      403
GET  /audit/remind                  403      403      200      403      403      403      403      403
POST /audit/remind                  403      403      400      403      403      403      403      403
POST /audit/plans/{plan}/decide     403      403      409      403      403      403      403      403 | department=kumin&chosen=1&note=x
GET  /audit/progress                403      403      200      200      403      403      403      403
GET  /audit/sheets/{number}         403      403      200      404      403      403      403      403

GET  /audit/papers                  403      403      200      200      403      403      403      403
GET  /audit/papers/{sheet}          403      403      200      404      403      403      403      403
POST /audit/papers/{sheet}/step     403      403      400      404      403      403      403      403
GET  /audit/papers/{sheet}/{item}   403      403      200      404      403      403      403      403
POST /audit/papers/{sheet}/{item}   403      403      303/409  404      403      403      403      403
POST /audit/papers/{sheet}/{item}/review 403      403      409      404      403      403      403      403
POST /findings                      403      403      400      400      403      403      403      403
GET  /findings                      403      403      200      200      200      403      200      403
GET  /findings/new                  403      403      200      200      403      403      403      403
GET  /findings/{finding}            403      403      200      404      200      403      200      403
POST /findings/{finding}/check      403      403      400      404      403      403      403      403
POST /findings/{finding}/close      403      403      409      404      403      403      403      403
GET  /findings/{finding}/edit       403      403      200      404      403      403      403      403
POST /findings/{finding}/horizontal 403      403      400      403      403      403      403      403
POST /findings/{finding}/issue      403      403      409      403      403      403      403      403
POST /findings/{finding}/plan       403      403      403      403      409      403      403      403
POST /findings/{finding}/reopen     403      403      409      403      403      403      403      403
POST /findings/{finding}/reply      403      403      403      403      400      403      403      403
POST /findings/{finding}/send       403      403      409      404      403      403      403      403
POST /findings/{finding}/take-back  403      403      409      404      403      403      403      403
GET  /horizontal                    403      403      200      200      200      403      200      403
POST /horizontal/{finding}          403      403      403      403      400      403      403      403

GET  /api/alerts                    200      200      200      200      200      200      403      200
GET  /api/alerts/stream             200      200      200      200      200      200      403      200
GET  /api/alerts/{alert_id}         200/404  200/404  200/404  200/404  200/404  200/404  403      200/404
POST /api/alerts/looked             200      200      200      200      200      200      403      200
POST /api/alerts/assign             403      200/404  403      403      403      403      403      403 | {"ids": [3]}
POST /api/alerts/close              403      200/404  403      403      403      403      403      403 | {"ids": [3], "verdict": "false_positive", "reason": "x"}
POST /api/alerts/reopen             403      200/404  403      403      403      403      403      403 | {"ids": [3]}
POST /api/alerts/{alert_id}/notes   403      200/404  403      403      403      403      403      403 | {"text": "x"}

GET  /policy/gap                    *        200
POST /policy/gap/link               403      403      403      403      403      303      403      403 | clause=taisaku-a98&guideline=mic-2025-03-8.4-2&verdict=confirm
GET  /policy/compare                *        200
GET  /policy/compare/docx           *        404
"""  # noqa: E501 - a table is read by its columns, what is sent stands behind them


@dataclass(frozen=True, slots=True)
class Call:
    """A line of the table. ``kind`` is ``public``, ``begun`` or ``guarded``; ``cells`` by role and being in scope."""

    method: str
    path: str
    kind: str
    cells: dict[tuple[Role, bool], int]
    body: str

    @property
    def url(self) -> str:
        """The address with the things of the stage in it."""
        return self.path.format(
            alert_id=3,
            event_id="sumida.fw01.4567",
            rule_id="zone-crossing",
            name="victim",
            condition_id=1,
            number=9,
            search_id=9,
            document_id="taisaku",
            waiver="2025-1",
            item_id="a6.1-10",
            sheet_number=1,
            item="t4",
            file=9,
            plan="2026",
            sheet=9,
            finding="2026-01",
            release_number="2026-R01",
            file_name="2026-R01-report.docx",
        )

    @property
    def form(self) -> dict[str, str]:
        """What a form sends."""
        return dict(parse_qsl(self.body))

    @property
    def json(self) -> Any:
        """What is sent to /api."""
        return json.loads(self.body) if self.body else None


def calls() -> list[Call]:
    """The table, read."""
    return [_call(line) for line in TABLE.splitlines() if line.strip() and not line.startswith("#")]


def _call(line: str) -> Call:
    told, _bar, body = line.partition("|")
    method, path, *cells = told.split()
    if cells in (["public"], ["begun"]):
        return Call(method, path, cells[0], {}, body.strip())
    if cells[0] == "*":
        cells = cells[1:] * len(Role)
    found: dict[tuple[Role, bool], int] = {}
    for role, cell in zip(Role, cells, strict=True):
        inside, stroke, outside = cell.partition("/")
        found[role, True], found[role, False] = int(inside), int(outside if stroke else inside)
    return Call(method, path, "guarded", found, body.strip())


def line_of(call: Call, seen: dict[tuple[Role, bool], int]) -> str:
    """A line with what was seen, to be looked at and pasted."""
    cells = []
    for role in Role:
        inside, outside = seen[role, True], seen[role, False]
        cells.append(str(inside) if inside == outside else f"{inside}/{outside}")
    if len(set(cells)) == 1:
        cells = ["*", cells[0]]
    body = f" | {call.body}" if call.body else ""
    return f"{call.method:4} {call.path:30} " + " ".join(f"{cell:8}" for cell in cells).rstrip() + body
