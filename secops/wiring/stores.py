"""Which event store a site has, and its generations: ``<site>/lake`` or ``<site>/elastic`` names the live one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from secops.errors import Problem, SettingsError
from secops.locale import _
from secops.settings import FILE_NAME, Settings
from secops.siem.ports import EventStore
from secops.store.events.generations import current_generation, drop_old, generations_before, new_generation, swap

if TYPE_CHECKING:
    import polars as pl

    from secops.store.events.elastic import ElasticStore
    from secops.store.events.elastic_server import Access


class GenerationStore(EventStore, Protocol):
    """One generation of a site's event store."""

    generation: str

    def frames(self) -> Iterator[pl.DataFrame]:
        """All rows as they were written."""
        ...

    def probe(self) -> None:
        """Whether it takes events now.

        Raises:
            AwayError: it does not.
        """
        ...


class Stores:
    """Opens, makes and removes the generations of one site's store."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self._site = folder
        self._settings = settings
        self.remote = settings.store.kind == "elasticsearch"
        self._folder = folder / ("elastic" if self.remote else "lake")

    def current(self) -> str:
        """The live generation."""
        return current_generation(self._folder)

    def open(self, generation: str | None = None) -> GenerationStore:
        """Open a generation, the live one by default; Elasticsearch is not asked for anything yet.

        Raises:
            SettingsError: a file that the settings name cannot be read.
        """
        if self.remote:
            return cast("GenerationStore", self._elastic(generation or self.current()))
        from secops.store.events.lake import Lake

        return Lake(self._folder, generation)

    def new(self) -> str:
        """The name of a new, empty generation."""
        return new_generation(self._folder)

    def swap(self, generation: str) -> None:
        """Make a generation the live one."""
        swap(self._folder, generation)

    def drop_old(self) -> None:
        """Remove all generations before the live one."""
        if self.remote:
            for generation in generations_before(self._folder):
                old = self._elastic(generation)
                try:
                    old.drop()
                finally:
                    old.close()
        drop_old(self._folder)

    def _elastic(self, generation: str) -> ElasticStore:
        from secops.store.events.elastic import ElasticStore

        chosen = self._settings.store
        return ElasticStore(self._access(), chosen.prefix, self._settings.site.id, generation, self._access)

    def _access(self) -> Access:
        from secops.store.events.elastic_server import Access

        chosen = self._settings.store
        return Access(
            urls=chosen.urls,
            user=chosen.user,
            password=self._secret("password_file", chosen.password_file),
            api_key=self._secret("api_key_file", chosen.api_key_file),
            ca_file=str(self._site / chosen.ca_file) if chosen.ca_file else "",
            seconds=chosen.timeout_seconds,
            patience=chosen.retry_seconds,
        )

    def _secret(self, key: str, name: str) -> str:
        if not name:
            return ""
        where = f"{self._site / FILE_NAME}: store.{key}"
        try:
            text = (self._site / name).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            what = _("「{path}」が読めません({error})。").format(path=name, error=getattr(error, "strerror", error))
            raise SettingsError([Problem(where, what)]) from None
        if not text:
            raise SettingsError([Problem(where, _("「{path}」が空です。1 行で書いてください。").format(path=name))])
        return text
