"""Original names whose exact text stands in an ECS column, so that it is not stored a second time.

A normalizer leaves a field out of `secops.schema.frame.EXTRA` only when it is listed here and the record's text went
into the named column: text unchanged, but for a ``-`` that means "nothing"; of formats other than Windows also valid
numbers and addresses (``443`` as 443), without spaces around. A search for the original name therefore means: the
column, or the field in ``EXTRA`` (where the value did not fit, or the record needed the column for something else).
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
    "agent": "user_agent.original",
    "app": "network.application",
    "attack": "vulnerability.id",
    "catdesc": "rule.category",
    "devid": "observer.serial_number",
    "devname": "observer.name",
    "dstintf": "observer.egress.interface.name",
    "dstip": "destination.ip",
    "dstmac": "destination.mac",
    "dstname": "destination.domain",
    "dstport": "destination.port",
    "filename": "file.name",
    "group": "user.group.name",
    "hostname": "url.domain",
    "level": "log.level",
    "logid": "event.code",
    "msg": "message",
    "policyid": "rule.id",
    "policyname": "rule.name",
    "proto": "network.iana_number",
    "rcvdbyte": "destination.bytes",
    "rcvdpkt": "destination.packets",
    "sentbyte": "source.bytes",
    "sentpkt": "source.packets",
    "srcintf": "observer.ingress.interface.name",
    "srcip": "source.ip",
    "srcmac": "source.mac",
    "srcname": "source.domain",
    "srcport": "source.port",
    "tranip": "destination.nat.ip",
    "tranport": "destination.nat.port",
    "transip": "source.nat.ip",
    "transport": "source.nat.port",
    "ui": "event.reason",
    "unauthuser": "source.user.name",
    "url": "url.original",
    "user": "user.name",
    "virus": "threat.indicator.type",
}

_SQUID = {
    "bytes": "http.response.bytes",
    "client": "source.address",
    "method": "http.request.method",
    "peer": "destination.address",
    "status": "http.response.status_code",
    "type": "http.response.mime_type",
    "url": "url.original",
    "user": "user.name",
}

_SYSLOG = {
    "app": "process.name",
    "command": "process.command_line",
    "directory": "process.working_directory",
    "effective": "user.effective.name",
    "group": "group.name",
    "host": "host.name",
    "ip": "source.address",
    "message": "message",
    "msgid": "log.syslog.msgid",
    "pid": "log.syslog.procid",
    "port": "source.port",
    "pri": "log.syslog.priority",
    "reason": "event.reason",
    "target": "user.target.name",
    "target_id": "user.target.id",
    "uid": "user.id",
    "user": "user.name",
    "version": "log.syslog.version",
}

_SKYSEA = {
    "URL": "url.full",
    "コンピューター名": "host.name",
    "ファイル": "file.path",
    "端末名": "host.name",
    "詳細": "message",
}

ALIASES: dict[str, str] = {
    **{f"winlog.event_data.{name}": column for name, column in _DATA.items()},
    **{f"fortinet.firewall.{name}": column for name, column in _FORTIGATE.items()},
    **{f"skysea.{name}": column for name, column in _SKYSEA.items()},
    **{f"squid.{name}": column for name, column in _SQUID.items()},
    **{f"syslog.{name}": column for name, column in _SYSLOG.items()},
    "winlog.computer_name": "host.name",
    "winlog.event_id": "event.code",
}


def column_of(name: str) -> str:
    """The column in which a field is found under its original dotted name; the name itself where there is none."""
    return ALIASES.get(name, name)
