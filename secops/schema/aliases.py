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

_FORTIGATE = {
    "action": "event.action",
    "app": "network.application",
    "devid": "observer.serial_number",
    "devname": "observer.name",
    "dstintf": "observer.egress.interface.name",
    "dstip": "destination.ip",
    "dstport": "destination.port",
    "hostname": "url.domain",
    "level": "log.level",
    "msg": "message",
    "policyid": "rule.id",
    "policyname": "rule.name",
    "rcvdbyte": "destination.bytes",
    "rcvdpkt": "destination.packets",
    "sentbyte": "source.bytes",
    "sentpkt": "source.packets",
    "srcintf": "observer.ingress.interface.name",
    "srcip": "source.ip",
    "srcport": "source.port",
    "tranip": "destination.nat.ip",
    "tranport": "destination.nat.port",
    "transip": "source.nat.ip",
    "transport": "source.nat.port",
    "url": "url.original",
    "user": "user.name",
}

_SKYSEA = {
    "IPアドレス": "host.ip",
    "URL": "url.full",
    "コンピューター名": "host.name",
    "ファイル": "file.path",
    "ユーザー名": "user.name",
    "端末名": "host.name",
    "詳細": "message",
}

ALIASES: dict[str, str] = {
    **{f"winlog.event_data.{name}": column for name, column in _DATA.items()},
    **{f"fortinet.firewall.{name}": column for name, column in _FORTIGATE.items()},
    **{f"skysea.{name}": column for name, column in _SKYSEA.items()},
    "squid.user": "user.name",
    "winlog.computer_name": "host.name",
    "winlog.event_id": "event.code",
}


def column_of(name: str) -> str:
    """The column in which a field is found under its original dotted name; the name itself where there is none."""
    return ALIASES.get(name, name)
