"""The guideline as pages of a site reach it: editions, what names their clauses, what a revision touches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

from secops.isms.audit.model import Catalogue
from secops.isms.clauses.trace import Editions, trace
from secops.isms.policy.impact import Impact, Linked, Thing
from secops.isms.policy.library import Library
from secops.wiring.audits import CATALOGUE, audits_folder, open_catalogue
from secops.wiring.linked import link_up, revision, version_in
from secops.wiring.watched import Watched, files_in

if TYPE_CHECKING:
    from secops.siem.ports import Rule
    from secops.wiring.site import Site


class GuidelineRoom:
    """Safe to share between threads. Files are read again where they changed."""

    def __init__(
        self,
        editions: Callable[[], Editions],
        catalogue: Callable[[], Catalogue],
        rules: Callable[[], Sequence[Rule]],
        library: Library,
    ) -> None:
        self.editions = editions
        self._catalogue, self._rules, self.library = catalogue, rules, library

    def linked(self, day: date) -> Linked:
        """Everything that names clauses, as it stands on a day."""
        return link_up(self._catalogue(), self._rules(), self.library.current(day))

    def revision(self, older: str, newer: str, day: date) -> Impact:
        """What the step from one edition, or one version of a document of ours, to another touches.

        Raises:
            SecopsError: see `linked.revision`.
        """
        return revision(self.editions(), older, newer, self.linked(day), partial(version_in, self.library))

    def naming(self, edition: str, day: date) -> dict[str, list[Thing]]:
        """Clause of an edition → what names it, by itself or through the map from another edition."""
        editions = self.editions()
        found: dict[str, list[Thing]] = {}
        for thing in self.linked(day).things:
            clauses = (there for cited in thing.clauses for there in trace(editions, cited, edition))
            for clause in dict.fromkeys(clauses):
                found.setdefault(clause, []).append(thing)
        return found


def open_room(site: Site, library: Library, editions: Callable[[], Editions]) -> GuidelineRoom:
    """The room of a site."""
    folder = site.folder
    catalogue = Watched(lambda: files_in(audits_folder(folder, CATALOGUE)), lambda: open_catalogue(folder))
    return GuidelineRoom(editions, catalogue, lambda: site.rules, library)
