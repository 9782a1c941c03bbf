r"""What Windows events mean in ECS, as data. Sources: ECS 9.5, the field lists of Sysmon and of Windows auditing.

A field's entry lists its columns, each with the conversion that fills it (`values.CONVERSIONS`); a column without one
takes the text unchanged: ``"name:process.name process.executable"``. An event's own entry goes before its dataset's.
"""

from __future__ import annotations

from dataclasses import dataclass, field

# Channel in lower case → dataset. A channel not listed is ``windows.other``: names come from the log, and the lake
# keeps a folder per dataset, so they must not be made up by whoever writes the log.
DATASETS: dict[str, str] = {
    "security": "windows.security",
    "system": "windows.system",
    "application": "windows.application",
    "setup": "windows.setup",
    "forwardedevents": "windows.forwarded",
    "windows powershell": "windows.powershell",
    "microsoft-windows-powershell/operational": "windows.powershell",
    "powershellcore/operational": "windows.powershell",
    "microsoft-windows-sysmon/operational": "windows.sysmon",
    "microsoft-windows-windows defender/operational": "windows.defender",
    "microsoft-windows-taskscheduler/operational": "windows.taskscheduler",
    "microsoft-windows-wmi-activity/operational": "windows.wmi",
    "microsoft-windows-bits-client/operational": "windows.bits",
    "microsoft-windows-applocker/exe and dll": "windows.applocker",
    "microsoft-windows-applocker/msi and script": "windows.applocker",
    "microsoft-windows-applocker/packaged app-deployment": "windows.applocker",
    "microsoft-windows-applocker/packaged app-execution": "windows.applocker",
    "microsoft-windows-codeintegrity/operational": "windows.codeintegrity",
    "microsoft-windows-dns-client/operational": "windows.dnsclient",
    "dns server": "windows.dnsserver",
    "microsoft-windows-driverframeworks-usermode/operational": "windows.driverframeworks",
    "microsoft-windows-ntlm/operational": "windows.ntlm",
    "microsoft-windows-printservice/operational": "windows.print",
    "microsoft-windows-printservice/admin": "windows.print",
    "microsoft-windows-smbclient/security": "windows.smb",
    "microsoft-windows-smbclient/connectivity": "windows.smb",
    "microsoft-windows-smbserver/connectivity": "windows.smb",
    "microsoft-windows-terminalservices-localsessionmanager/operational": "windows.rdp",
    "microsoft-windows-terminalservices-remoteconnectionmanager/operational": "windows.rdp",
    "microsoft-windows-windows firewall with advanced security/firewall": "windows.firewall",
    "microsoft-windows-winrm/operational": "windows.winrm",
    "microsoft-windows-kernel-pnp/configuration": "windows.pnp",
}
OTHER_DATASET = "windows.other"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one kind of event is: its action, ECS category and type, and where its fields go."""

    action: str = ""
    category: str = ""
    type: str = ""
    fields: dict[str, str] = field(default_factory=dict)


# System fields of every event, by our dotted name.
SYSTEM_FIELDS: dict[str, str] = {
    "winlog.computer_name": "host.name host:host.hostname",
    "winlog.provider_name": "winlog.provider_name event.provider",
    "winlog.record_id": "long:winlog.record_id",
    "log.level": "level:log.level",
    "tags": "list:tags",
}

_PROCESS = {
    "Image": "process.executable name:process.name",
    "ProcessGuid": "process.entity_id",
    "ProcessId": "long:process.pid",
    "CommandLine": "process.command_line",
    "CurrentDirectory": "process.working_directory",
    "User": "user:user.name domain:user.domain",
    "ParentImage": "process.parent.executable name:process.parent.name",
    "ParentProcessGuid": "process.parent.entity_id",
    "ParentProcessId": "long:process.parent.pid",
    "ParentCommandLine": "process.parent.command_line",
}
_FILE = {"TargetFilename": "file.path name:file.name dir:file.directory ext:file.extension"}
_FILE_HASHES = {
    **_FILE,
    "Hashes": "md5:file.hash.md5 sha1:file.hash.sha1 sha256:file.hash.sha256 imphash:file.pe.imphash",
}
_REGISTRY = {"TargetObject": "registry.path hive:registry.hive regkey:registry.key name:registry.value"}
_REGISTRY_KEY = {"TargetObject": "registry.path hive:registry.hive regkey:registry.key"}
_LIBRARY = {
    "ImageLoaded": "dll.path name:dll.name",
    "Hashes": "md5:dll.hash.md5 sha1:dll.hash.sha1 sha256:dll.hash.sha256 imphash:dll.pe.imphash",
    "OriginalFileName": "clean:dll.pe.original_file_name",
    "Signature": "clean:dll.code_signature.subject_name",
    "SignatureStatus": "clean:dll.code_signature.status",
}
_PE = {
    "Hashes": "md5:process.hash.md5 sha1:process.hash.sha1 sha256:process.hash.sha256 imphash:process.pe.imphash",
    "OriginalFileName": "clean:process.pe.original_file_name",
    "Company": "clean:process.pe.company",
    "Description": "clean:process.pe.description",
    "Product": "clean:process.pe.product",
    "FileVersion": "clean:process.pe.file_version",
}
_SOURCE = {
    "SourceImage": "process.executable name:process.name",
    "SourceProcessGUID": "process.entity_id",
    "SourceProcessGuid": "process.entity_id",
    "SourceProcessId": "long:process.pid",
    "SourceThreadId": "long:process.thread.id",
    "SourceUser": "user:user.name domain:user.domain",
}
_NETWORK = {
    "SourceIp": "ip:source.ip",
    "SourceHostname": "clean:source.domain",
    "SourcePort": "port:source.port",
    "DestinationIp": "ip:destination.ip",
    "DestinationHostname": "clean:destination.domain",
    "DestinationPort": "port:destination.port",
    "Protocol": "transport:network.transport",
    "Initiated": "direction:network.direction",
}
_DNS = {
    "QueryName": "dns.question.name",
    "QueryStatus": "clean:dns.response_code",
    "QueryResults": "ips:dns.resolved_ip",
}
_PIPE = {"PipeName": "name:file.name"}

# Who did it: the default of all audit events.
_SUBJECT = {
    "SubjectUserName": "clean:user.name",
    "SubjectDomainName": "clean:user.domain",
    "SubjectUserSid": "clean:user.id",
}
_CALLER = {"ProcessName": "clean:process.executable name:process.name", "ProcessId": "long:process.pid"}
_REMOTE = {"IpAddress": "ip:source.ip", "IpPort": "port:source.port", "WorkstationName": "clean:source.domain"}
# Logon events are about the account that logs on, not about the service that reports it.
_LOGON = {
    "TargetUserName": "clean:user.name",
    "TargetDomainName": "clean:user.domain",
    "TargetUserSid": "clean:user.id",
    **_REMOTE,
}
_TARGET = {
    "TargetUserName": "clean:user.target.name",
    "TargetDomainName": "clean:user.target.domain",
    "TargetSid": "clean:user.target.id",
}
_GROUP = {
    "TargetUserName": "clean:group.name",
    "TargetDomainName": "clean:group.domain",
    "TargetSid": "clean:group.id",
    "MemberSid": "clean:user.target.id",
    "MemberName": "clean:user.target.name",
}
_KERBEROS = {
    "TargetUserName": "clean:user.name",
    "TargetDomainName": "clean:user.domain",
    "TargetSid": "clean:user.id",
    "ServiceName": "clean:service.name",
    "Status": "clean:event.reason",
    **_REMOTE,
}
_OBJECT = {"ObjectName": "clean:file.path name:file.name", **_CALLER}
_SHARE = {
    "IpAddress": "ip:source.ip",
    "IpPort": "port:source.port",
    "RelativeTargetName": "clean:file.path name:file.name",
}
_FILTER = {
    "Application": "process.executable name:process.name",
    "ProcessID": "long:process.pid",
    "ProcessId": "long:process.pid",
    "SourceAddress": "ip:source.ip",
    "SourcePort": "port:source.port",
    "DestAddress": "ip:destination.ip",
    "DestPort": "port:destination.port",
    "Protocol": "transport:network.transport",
    "Direction": "direction:network.direction",
}
_SERVICE = {"ServiceName": "clean:service.name", "ServiceType": "clean:service.type"}

# Fields by dataset, for every event of it.
DATASET_FIELDS: dict[str, dict[str, str]] = {
    "windows.sysmon": {**_PROCESS, **_SOURCE, **_REGISTRY_KEY, **_FILE},
    "windows.security": {**_SUBJECT, **_CALLER},
    "windows.powershell": {},
}


def _m(action: str, category: str, kind: str, *fields: dict[str, str]) -> Meaning:
    merged: dict[str, str] = {}
    for one in fields:
        merged.update(one)
    return Meaning(action, category, kind, merged)


_USER_ADMIN = ("iam", "user change")
_GROUP_ADMIN = ("iam", "group change")

MEANINGS: dict[tuple[str, str], Meaning] = {
    ("windows.sysmon", "1"): _m("process-created", "process", "start", _PE),
    ("windows.sysmon", "2"): _m("file-creation-time-changed", "file", "change", _FILE),
    ("windows.sysmon", "3"): _m("network-connected", "network", "connection start", _NETWORK),
    ("windows.sysmon", "4"): _m("sysmon-state-changed", "process", "change"),
    ("windows.sysmon", "5"): _m("process-terminated", "process", "end"),
    ("windows.sysmon", "6"): _m("driver-loaded", "driver", "start", _LIBRARY),
    ("windows.sysmon", "7"): _m("image-loaded", "library", "start", _LIBRARY),
    ("windows.sysmon", "8"): _m("remote-thread-created", "process", "change"),
    ("windows.sysmon", "9"): _m("raw-disk-read", "file", "access", {"Device": "clean:file.path"}),
    ("windows.sysmon", "10"): _m("process-accessed", "process", "access"),
    ("windows.sysmon", "11"): _m("file-created", "file", "creation"),
    ("windows.sysmon", "12"): _m("registry-key-changed", "registry", "change"),
    ("windows.sysmon", "13"): _m(
        "registry-value-set", "registry", "change", _REGISTRY, {"Details": "list:registry.data.strings"}
    ),
    ("windows.sysmon", "14"): _m("registry-renamed", "registry", "change"),
    ("windows.sysmon", "15"): _m(
        "file-stream-created", "file", "creation", _FILE_HASHES, {"Hash": _FILE_HASHES["Hashes"]}
    ),
    ("windows.sysmon", "16"): _m("sysmon-configuration-changed", "configuration", "change"),
    ("windows.sysmon", "17"): _m("pipe-created", "file", "creation", _PIPE),
    ("windows.sysmon", "18"): _m("pipe-connected", "file", "access", _PIPE),
    ("windows.sysmon", "19"): _m("wmi-filter-registered", "configuration", "creation"),
    ("windows.sysmon", "20"): _m("wmi-consumer-registered", "configuration", "creation"),
    ("windows.sysmon", "21"): _m("wmi-consumer-bound", "configuration", "creation"),
    ("windows.sysmon", "22"): _m("dns-queried", "network", "protocol", _DNS),
    ("windows.sysmon", "23"): _m("file-deleted", "file", "deletion", _FILE_HASHES),
    ("windows.sysmon", "24"): _m("clipboard-changed", "process", "change"),
    ("windows.sysmon", "25"): _m("process-tampered", "process", "change"),
    ("windows.sysmon", "26"): _m("file-deleted", "file", "deletion", _FILE_HASHES),
    ("windows.sysmon", "27"): _m("executable-blocked", "file", "denied", _FILE_HASHES),
    ("windows.sysmon", "28"): _m("file-shredding-blocked", "file", "denied", _FILE_HASHES),
    ("windows.sysmon", "29"): _m("executable-created", "file", "creation", _FILE_HASHES),
    ("windows.security", "1102"): _m("audit-log-cleared", "iam", "admin change"),
    ("windows.security", "4624"): _m("logged-in", "authentication", "start", _LOGON),
    ("windows.security", "4625"): _m(
        "logon-failed", "authentication", "start", _LOGON, {"Status": "clean:event.reason"}
    ),
    ("windows.security", "4634"): _m("logged-out", "authentication", "end", _LOGON),
    ("windows.security", "4647"): _m("logged-out", "authentication", "end", _LOGON),
    ("windows.security", "4648"): _m(
        "logged-in-explicit",
        "authentication",
        "start",
        {
            "TargetUserName": "clean:user.target.name clean:user.effective.name",
            "TargetDomainName": "clean:user.target.domain",
            "TargetServerName": "clean:destination.domain",
        },
        {"IpAddress": "ip:source.ip", "IpPort": "port:source.port"},
    ),
    ("windows.security", "4656"): _m("object-handle-requested", "file", "access", _OBJECT),
    ("windows.security", "4657"): _m(
        "registry-value-modified",
        "registry",
        "change",
        {
            "ObjectName": "audited_hive:registry.hive audited_key:registry.key",
            "ObjectValueName": "clean:registry.value",
            "NewValueType": "audited_type:registry.data.type",
        },
    ),
    ("windows.security", "4658"): _m("object-handle-closed", "file", "access", _CALLER),
    ("windows.security", "4660"): _m("object-deleted", "file", "deletion", _CALLER),
    ("windows.security", "4663"): _m("object-accessed", "file", "access", _OBJECT),
    ("windows.security", "4672"): _m("logged-in-special", "iam", "admin"),
    ("windows.security", "4688"): _m(
        "process-created",
        "process",
        "start",
        {
            "NewProcessName": "process.executable name:process.name",
            "NewProcessId": "long:process.pid",
            "CommandLine": "process.command_line",
            "ParentProcessName": "process.parent.executable name:process.parent.name",
            "ProcessId": "long:process.parent.pid",
            "TargetUserName": "clean:user.effective.name",
        },
    ),
    ("windows.security", "4689"): _m("process-terminated", "process", "end"),
    ("windows.security", "4697"): _m("service-installed", "configuration", "creation", _SERVICE),
    ("windows.security", "4698"): _m("scheduled-task-created", "configuration", "creation"),
    ("windows.security", "4699"): _m("scheduled-task-deleted", "configuration", "deletion"),
    ("windows.security", "4702"): _m("scheduled-task-updated", "configuration", "change"),
    ("windows.security", "4719"): _m("audit-policy-changed", "configuration", "change"),
    ("windows.security", "4720"): _m("user-account-created", "iam", "user creation", _TARGET),
    ("windows.security", "4722"): _m("user-account-enabled", *_USER_ADMIN, _TARGET),
    ("windows.security", "4723"): _m("password-changed", *_USER_ADMIN, _TARGET),
    ("windows.security", "4724"): _m("password-reset", *_USER_ADMIN, _TARGET),
    ("windows.security", "4725"): _m("user-account-disabled", *_USER_ADMIN, _TARGET),
    ("windows.security", "4726"): _m("user-account-deleted", "iam", "user deletion", _TARGET),
    ("windows.security", "4728"): _m("group-member-added", *_GROUP_ADMIN, _GROUP),
    ("windows.security", "4729"): _m("group-member-removed", *_GROUP_ADMIN, _GROUP),
    ("windows.security", "4732"): _m("group-member-added", *_GROUP_ADMIN, _GROUP),
    ("windows.security", "4733"): _m("group-member-removed", *_GROUP_ADMIN, _GROUP),
    ("windows.security", "4738"): _m("user-account-changed", *_USER_ADMIN, _TARGET),
    ("windows.security", "4740"): _m(
        "user-account-locked-out", *_USER_ADMIN, _TARGET, {"TargetDomainName": "clean:source.domain"}
    ),
    ("windows.security", "4756"): _m("group-member-added", *_GROUP_ADMIN, _GROUP),
    ("windows.security", "4757"): _m("group-member-removed", *_GROUP_ADMIN, _GROUP),
    ("windows.security", "4767"): _m("user-account-unlocked", *_USER_ADMIN, _TARGET),
    ("windows.security", "4768"): _m("kerberos-ticket-requested", "authentication", "start", _KERBEROS),
    ("windows.security", "4769"): _m("kerberos-service-ticket-requested", "authentication", "start", _KERBEROS),
    ("windows.security", "4771"): _m("kerberos-preauth-failed", "authentication", "start", _KERBEROS),
    ("windows.security", "4776"): _m(
        "credential-validated",
        "authentication",
        "start",
        {"TargetUserName": "clean:user.name", "Workstation": "clean:source.domain", "Status": "clean:event.reason"},
    ),
    ("windows.security", "5140"): _m("network-share-accessed", "network file", "access", _SHARE),
    ("windows.security", "5145"): _m("network-share-file-checked", "network file", "access", _SHARE),
    ("windows.security", "5152"): _m("packet-blocked", "network", "denied", _FILTER),
    ("windows.security", "5154"): _m("port-listening", "network", "start", _FILTER),
    ("windows.security", "5156"): _m("network-connected", "network", "connection allowed", _FILTER),
    ("windows.security", "5157"): _m("network-blocked", "network", "connection denied", _FILTER),
    ("windows.security", "5158"): _m("port-bound", "network", "info", _FILTER),
    ("windows.security", "6416"): _m(
        "device-recognized",
        "host",
        "info",
        {"DeviceId": "clean:device.id", "DeviceDescription": "clean:device.model.name"},
    ),
    ("windows.system", "104"): _m(
        "event-log-cleared",
        "iam",
        "admin change",
        {"SubjectUserName": "clean:user.name", "SubjectDomainName": "clean:user.domain"},
    ),
    ("windows.system", "7036"): _m(
        "service-state-changed",
        "process",
        "change",
        {"param1": "clean:service.name", "param2": "lower:service.state"},
    ),
    ("windows.system", "7040"): _m(
        "service-start-type-changed", "configuration", "change", {"param1": "clean:service.name"}
    ),
    ("windows.system", "7045"): _m("service-installed", "configuration", "creation", _SERVICE),
    ("windows.powershell", "400"): _m("engine-started", "process", "start"),
    ("windows.powershell", "403"): _m("engine-stopped", "process", "end"),
    ("windows.powershell", "600"): _m("provider-started", "process", "start"),
    ("windows.powershell", "800"): _m("pipeline-executed", "process", "info"),
    ("windows.powershell", "4103"): _m("module-logged", "process", "info"),
    ("windows.powershell", "4104"): _m(
        "script-block-executed", "process", "info", {"Path": "clean:file.path name:file.name"}
    ),
    ("windows.powershell", "4105"): _m("script-block-started", "process", "start"),
    ("windows.powershell", "4106"): _m("script-block-stopped", "process", "end"),
}  # fmt: skip

# Outcome by event id where the id itself says it; other audit events tell it by their keywords.
OUTCOMES: dict[tuple[str, str], str] = {
    ("windows.security", "4624"): "success",
    ("windows.security", "4625"): "failure",
    ("windows.security", "4771"): "failure",
    ("windows.security", "1102"): "success",
    ("windows.system", "104"): "success",
    ("windows.system", "7045"): "success",
}

# NXLog's flat names of system fields → our dotted names. What is not here and not a data field of the event would be
# the collector's own (port, host, …): kept under ``nxlog.``.
FLAT_SYSTEM: dict[str, str] = {
    "Hostname": "winlog.computer_name",
    "Computer": "winlog.computer_name",
    "SourceName": "winlog.provider_name",
    "Provider_Name": "winlog.provider_name",
    "ProviderGuid": "winlog.provider_guid",
    "RecordNumber": "winlog.record_id",
    "EventRecordID": "winlog.record_id",
    "ThreadID": "winlog.process.thread.id",
    "ExecutionProcessID": "winlog.process.pid",
    "UserID": "winlog.user.identifier",
    "AccountName": "winlog.user.name",
    "Domain": "winlog.user.domain",
    "AccountType": "winlog.user.type",
    "Version": "winlog.version",
    "Task": "winlog.task_id",
    "Category": "winlog.task",
    "Opcode": "winlog.opcode",
    "OpcodeValue": "winlog.opcode_id",
    "Keywords": "winlog.keywords",
    "ActivityID": "winlog.activity_id",
    "RelatedActivityID": "winlog.related_activity_id",
    "Severity": "log.level",
    "Level": "log.level",
    "Message": "message",
    "tags": "tags",
    "@timestamp": "time.@timestamp",
    "EventTime": "time.EventTime",
    "EventReceivedTime": "time.EventReceivedTime",
    "TimeCreated": "time.TimeCreated",
    "port": "nxlog.port",
    "host": "nxlog.host",
    "@version": "nxlog.@version",
    "SourceModuleName": "nxlog.SourceModuleName",
    "SourceModuleType": "nxlog.SourceModuleType",
    "SeverityValue": "nxlog.SeverityValue",
    "EventTypeOrignal": "nxlog.EventType",
    "ERROR_EVT_UNRESOLVED": "nxlog.ERROR_EVT_UNRESOLVED",
}

# NXLog writes the event's level as ``EventType`` unless the event has a field of that name.
EVENT_TYPE_LEVELS = frozenset({"windows.security", "windows.system", "windows.powershell", "windows.application"})
SYSMON_WITH_EVENT_TYPE = frozenset({"12", "13", "14", "17", "18", "19", "20", "21"})
# NXLog's ``AccountName`` is the event's own field here (Service Control Manager writes the service's account).
OWN_ACCOUNT_NAME = frozenset({("windows.system", "7045"), ("windows.security", "4697")})
