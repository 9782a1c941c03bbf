"""Released reports: rows that only grow; who may read which is decided here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import Connection, RowMapping, func, insert, select

from secops.errors import ConflictError, NotFoundError
from secops.isms.audit.releases import NewRelease, Reader, may_read
from secops.isms.audit.round import Release, ReleasedFile
from secops.locale import _
from secops.schema.dates import JST
from secops.store.records.engine import Database
from secops.store.records.release_tables import release_files, releases
from secops.store.records.trail import note


class SqlReleases:
    """A `ReleaseDesk` over the records."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self, new: NewRelease, keep: Callable[[str], Sequence[ReleasedFile]], *, actor: str, now: datetime
    ) -> Release:
        """Release a report.

        Raises:
            ConflictError: the report that it corrects is none of this kind, or was corrected already.
        """
        with self._database.write() as connection:
            number = self._next(connection, new.year)
            self._check(connection, new)
            files = tuple(keep(number))
            row = {
                "number": number,
                "kind": new.kind.value,
                "year": new.year,
                "department": new.department,
                "department_name": new.department_name,
                "title": new.title,
                "released_at": now,
                "released_by": actor,
                "replaces": new.replaces,
                "document_number": new.document_number,
                "figures": new.figures,
            }
            made = connection.execute(insert(releases).values(row)).inserted_primary_key
            assert made is not None
            for place, one in enumerate(files):
                values = {"release": made[0], "place": place, "name": one.name, "sha256": one.sha256, "size": one.size}
                connection.execute(insert(release_files).values(values))
            detail = {
                "kind": new.kind.value,
                "department": new.department,
                "replaces": new.replaces,
                "scoring": new.scoring,
                "files": {one.name: one.sha256 for one in files},
            }
            note(connection, actor=actor, action="report.released", target=f"release {number}", now=now, detail=detail)
            return _release({**row, "id": made[0]}, files)

    @staticmethod
    def _next(connection: Connection, year: int) -> str:
        """The next number of the year: there is one writer at a time."""
        taken = connection.execute(select(func.count()).select_from(releases).where(releases.c.year == year)).scalar()
        return f"{year}-R{(taken or 0) + 1:02}"

    @staticmethod
    def _check(connection: Connection, new: NewRelease) -> None:
        if not new.replaces:
            return
        old = connection.execute(select(releases).where(releases.c.number == new.replaces)).mappings().one_or_none()
        if old is None or (old["kind"], old["department"]) != (new.kind.value, new.department):
            text = _("{number} という発行済みの報告書(同じ種類・同じ部署)はありません。")
            raise ConflictError(text.format(number=new.replaces))
        again = connection.execute(select(releases.c.number).where(releases.c.replaces == new.replaces)).scalar()
        if again:
            text = _("{number} は、すでに {again} で訂正されています。{again} を訂正してください。")
            raise ConflictError(text.format(number=new.replaces, again=again))

    def releases(self, reader: Reader, *, year: int | None = None) -> Sequence[Release]:
        """What this reader may read, the newest first."""
        statement = select(releases).order_by(releases.c.id.desc())
        if year is not None:
            statement = statement.where(releases.c.year == year)
        with self._database.read() as connection:
            rows = connection.execute(statement).mappings().all()
            files = self._files(connection, [row["id"] for row in rows])
        return [
            _release(row, files.get(row["id"], ()))
            for row in rows
            if may_read(row["kind"], (row["department"], row["department_name"]), reader)
        ]

    def release(self, number: str, reader: Reader) -> Release:
        """One of them.

        Raises:
            NotFoundError: there is none, or the reader may not read it.
        """
        with self._database.read() as connection:
            row = connection.execute(select(releases).where(releases.c.number == number)).mappings().one_or_none()
            if row is None or not may_read(row["kind"], (row["department"], row["department_name"]), reader):
                raise NotFoundError(_("発行済みの報告書 {number} はありません。").format(number=number))
            return _release(row, self._files(connection, [row["id"]]).get(row["id"], ()))

    @staticmethod
    def _files(connection: Connection, ids: Sequence[int]) -> dict[int, tuple[ReleasedFile, ...]]:
        statement = select(release_files).order_by(release_files.c.release, release_files.c.place)
        if len(ids) == 1:
            statement = statement.where(release_files.c.release == ids[0])
        found: dict[int, list[ReleasedFile]] = {}
        for row in connection.execute(statement).mappings():
            found.setdefault(row["release"], []).append(ReleasedFile(row["name"], row["sha256"], row["size"]))
        return {key: tuple(files) for key, files in found.items()}


def _release(row: RowMapping | dict[str, object], files: Sequence[ReleasedFile]) -> Release:
    at = row["released_at"]
    assert isinstance(at, datetime)
    return Release(
        kind=str(row["kind"]),
        number=str(row["number"]),
        released_on=at.astimezone(JST).date(),
        released_by=str(row["released_by"]),
        sha256=files[0].sha256 if files else "",
        year=int(str(row["year"])),
        department=str(row["department"]),
        department_name=str(row["department_name"]),
        title=str(row["title"]),
        replaces=str(row["replaces"]),
        document_number=str(row["document_number"]),
        figures=str(row["figures"]),
        files=tuple(files),
    )
