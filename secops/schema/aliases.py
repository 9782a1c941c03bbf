"""Original names whose exact text stands in an ECS column, so that it is not stored a second time.

A normalizer leaves a field out of `secops.schema.frame.EXTRA` only when it is listed here and the record's text went
unchanged into the named column. A search for the original name therefore means: the column, or the field in ``EXTRA``
(where a record needed the column for something else). Only text columns are listed: numbers, addresses and times
are rewritten on the way, so their original text always stays in ``EXTRA`` as well.
"""

from __future__ import annotations

_DATA = {
    "Application": "process.executable",
    "CommandLine": "process.command_line",
    "CurrentDirectory": "process.working_directory",
    "Image": "process.executable",
    "ImageLoaded": "dll.path",
    "NewProcessName": "process.executable",
    "ParentCommandLine": "process.parent.command_line",
    "ParentImage": "process.parent.executable",
    "ParentProcessGuid": "process.parent.entity_id",
    "ParentProcessName": "process.parent.executable",
    "ProcessGuid": "process.entity_id",
    "ProcessName": "process.executable",
    "QueryName": "dns.question.name",
    "SourceImage": "process.executable",
    "SourceProcessGUID": "process.entity_id",
    "SourceProcessGuid": "process.entity_id",
    "TargetFilename": "file.path",
    "TargetObject": "registry.path",
}

ALIASES: dict[str, str] = {
    **{f"winlog.event_data.{name}": column for name, column in _DATA.items()},
    "winlog.computer_name": "host.name",
    "winlog.event_id": "event.code",
}


def column_of(name: str) -> str:
    """The column in which a field is found under its original dotted name; the name itself where there is none."""
    return ALIASES.get(name, name)
