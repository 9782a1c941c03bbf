"""What the console asks of the rest of the program: ports only, so that tests run it on fakes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from secops.access.oidc import IdentityProvider
from secops.access.ports import Accounts
from secops.isms.audit.findings_ports import AuditWorkDesk
from secops.isms.audit.model import Catalogue
from secops.isms.audit.ports import EvidenceKeeper, Opening, PlanRecord, RoundDesk
from secops.isms.audit.priority import Ranked
from secops.isms.audit.releases import PaperRoom
from secops.isms.audit.round import Plan, Unit
from secops.isms.audit.sheets import Place
from secops.isms.audit.telemetry import Telemetry
from secops.isms.clauses.word_model import WordText
from secops.isms.policy.linking import LinkDesk
from secops.isms.policy.statutory import StatutoryRules
from secops.isms.policy.work import ReviewWork
from secops.org.flows import FlowJudge
from secops.report.comparison_style import ComparisonStyle
from secops.settings import Settings
from secops.siem.detect.coverage import RuleCoverage
from secops.siem.health import SystemStatus
from secops.siem.ports import AlertDesk, EventStore, JournalReader, PageDesk, Rule, SourceStatus, WorkDesk
from secops.store.records.evidence import SqlEvidence
from secops.store.records.trail import Entry
from secops.web.isms.care import Care
from secops.web.isms.planning import Planning
from secops.wiring.evidence import EvidenceRoom
from secops.wiring.guideline_room import GuidelineRoom
from secops.wiring.reminding import Reminders


@dataclass(frozen=True, slots=True)
class Standing:
    """The rulebook as it stands: ``found`` has the status of each rule by its index in ``rules``, looked up ``at``.

    Not ``complete``: the stored events have not been looked at yet, so it is what the rulebook alone tells.
    """

    at: datetime
    rules: Sequence[Rule]
    found: Sequence[RuleCoverage]
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Evidence:
    """What pages on audit items and evidence reach: the room that makes sheets, those that were made, the catalogue.

    ``clause_title`` is the title of a guideline clause, empty where no edition knows it.
    """

    room: EvidenceRoom
    sheets: SqlEvidence
    catalogue: Callable[[], Catalogue]
    telemetry: Callable[[], Telemetry]
    clause_title: Callable[[str], str] = lambda _clause: ""


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a page can reach.

    All ports are called from worker threads, several at a time. ``sources`` and ``system`` may be as old as a few
    seconds, ``coverage`` as some minutes. ``closing`` turns true when the program is told to stop: open event streams
    end then, so that the server can. ``write_exception`` puts a filter document (text, id) among the site's rules and
    returns its path. ``departments`` are names to choose from in forms. ``flows`` judges connections between zones by
    the ward's model and register. ``identity`` is the ward's own identity provider, where it has one.

    Of the other wing: ``rounds`` are plans and self-inspections, ``files`` keeps what is uploaded, ``ranking`` is who
    is audited next in a 年度, ``proposed`` what it says of a unit that somebody wants to audit with this note,
    ``opening`` what a plan's round is opened with, ``place`` a unit with its names of today, ``planning`` what plans
    are drafted from, ``sentences`` clauses of the guideline in one sentence, by id; ``audit_work`` are workpapers and
    findings, ``reminders`` of the self-inspection are mailed, ``trail`` is what was done to a target in the audit,
    newest first; ``evidence`` is what logs tell, ``guideline`` the editions and the ward's documents with what names
    their clauses, ``statutory`` which bodies must have a policy, ``links`` the desk of links to the guideline,
    ``comparison`` how the ward wants its 新旧対照表, ``review_work`` the work lists of revisions, ``word`` reads a Word
    file in a child with limits, ``care`` exceptions, reviews and registers, ``papers`` makes, issues and gives out the
    papers of the audit.
    """

    settings: Settings
    desk: AlertDesk
    work: WorkDesk
    store: EventStore
    journal: JournalReader
    accounts: Accounts
    paging: PageDesk
    rules: Callable[[], Sequence[Rule]]
    coverage: Callable[[], Standing]
    sources: Callable[[], Sequence[SourceStatus]]
    system: Callable[[], SystemStatus]
    now: Callable[[], datetime]
    write_exception: Callable[[str, str], str]
    care: Care
    evidence: Evidence
    rounds: RoundDesk
    papers: PaperRoom
    audit_work: AuditWorkDesk
    trail: Callable[[str], Sequence[Entry]]
    guideline: GuidelineRoom
    review_work: ReviewWork
    statutory: Callable[[], StatutoryRules]
    links: LinkDesk
    comparison: Callable[[], ComparisonStyle]
    files: EvidenceKeeper
    ranking: Callable[[int], Sequence[Ranked]]
    proposed: Callable[[PlanRecord, Unit, str], str]
    opening: Callable[[Plan], Opening]
    place: Callable[[Unit], Place]
    planning: Planning
    word: Callable[[str, bytes], WordText]
    reminders: Reminders
    sentences: Callable[[], Mapping[str, str]] = dict
    closing: Callable[[], bool] = lambda: False
    departments: Callable[[], Sequence[str]] = lambda: ()
    flows: Callable[[], FlowJudge | None] = lambda: None
    identity: IdentityProvider | None = None

    @property
    def secure(self) -> bool:
        """Whether the console is served over TLS."""
        return bool(self.settings.web.tls_certificate)

    @property
    def local_only(self) -> bool:
        """Whether it can be reached from this machine only; demo logins work nowhere else."""
        return self.settings.web.host in {"localhost", "::1"} or self.settings.web.host.startswith("127.")

    def zone_label(self, zone: str) -> str:
        """The ward's own word for a zone; the id where it is not one of ours (``world``)."""
        known = self.settings.zones.get(zone)
        return known.label if known else zone

    def rule(self, rule_id: str) -> Rule | None:
        """The rule with this id, or None where it was removed from the rulebook."""
        return next((rule for rule in self.rules() if rule.id == rule_id), None)
