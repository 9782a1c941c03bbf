"""Windows events the way Winlogbeat 8 writes them with ``output.file``: one JSON document a line.

Values in ``event_data`` are strings, as in the event's XML. Sources: Winlogbeat field reference, the event schemas of
Windows auditing and Sysmon 15.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from datetime import datetime

import orjson

SECURITY = ("Security", "Microsoft-Windows-Security-Auditing", "{54849625-5478-4994-a5ba-3e3b0328c30d}")
EVENTLOG = ("Security", "Microsoft-Windows-Eventlog", "{fc65ddd8-d6ef-4962-83d5-6e5cfe9ce148}")
SYSTEM = ("System", "Service Control Manager", "{555908d1-a6d7-4695-8e1e-26931d2012f4}")
SYSMON = ("Microsoft-Windows-Sysmon/Operational", "Microsoft-Windows-Sysmon", "{5770385f-c22a-43e0-bf4c-06f5698ffbd9}")
POWERSHELL = (
    "Microsoft-Windows-PowerShell/Operational",
    "Microsoft-Windows-PowerShell",
    "{a0c1853b-5c40-4b15-8766-3cf1c58f985a}",
)

_TASKS = {
    4624: "Logon",
    4625: "Logon",
    4634: "Logoff",
    4648: "Logon",
    4672: "Special Logon",
    4688: "Process Creation",
    4616: "Security State Change",
    4698: "Other Object Access Events",
    4719: "Audit Policy Change",
    4720: "User Account Management",
    4722: "User Account Management",
    4726: "User Account Management",
    4732: "Security Group Management",
    4768: "Kerberos Authentication Service",
    4769: "Kerberos Service Ticket Operations",
    4776: "Credential Validation",
    1102: "Log clear",
    5140: "File Share",
    5145: "Detailed File Share",
    6416: "Plug and Play Events",
}
_FAILURES = frozenset({4625, 4771})


def guid(*parts: object) -> str:
    """A process GUID that is the same for the same parts."""
    text = "".join(f"{zlib.crc32(f'{salt}{parts}'.encode()):08x}" for salt in range(4))
    return f"{{{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:32]}}}"


def event(
    at: datetime,
    computer: str,
    provider: tuple[str, str, str],
    event_id: int,
    data: Mapping[str, object],
    *,
    record_id: int,
    section: str = "event_data",
) -> bytes:
    """One event as a JSON line; ``section`` is ``user_data`` for the few events that carry it (1102)."""
    channel, name, provider_guid = provider
    stamp = at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
    outcome = {"outcome": "failure" if event_id in _FAILURES else "success"} if channel == "Security" else {}
    winlog: dict[str, object] = {
        "channel": channel,
        "provider_name": name,
        "provider_guid": provider_guid,
        "event_id": str(event_id),
        "computer_name": computer,
        "record_id": record_id,
        "api": "wineventlog",
        "opcode": "Info",
        "process": {"pid": 700 + record_id % 300, "thread": {"id": 1000 + record_id % 5000}},
        section: {key: str(value) for key, value in data.items()},
    }
    if event_id in _TASKS:
        winlog["task"] = _TASKS[event_id]
    if channel == "Security":
        winlog["keywords"] = ["Audit Failure" if event_id in _FAILURES else "Audit Success"]
    document = {
        "@timestamp": stamp,
        "event": {"code": str(event_id), "kind": "event", "provider": name, "created": stamp, **outcome},
        "host": {"name": computer},
        "log": {"level": "information"},
        "winlog": winlog,
        "agent": {"type": "winlogbeat", "version": "8.19.3", "name": computer.split(".", maxsplit=1)[0]},
        "ecs": {"version": "8.0.0"},
    }
    return orjson.dumps(document)


def logon(
    user: str, domain: str, kind: int, *, ip: str = "-", workstation: str = "-", number: int = 0
) -> dict[str, object]:
    """Data of a successful logon (4624); ``kind`` is 2 at the keyboard, 3 network, 5 service, 10 remote desktop."""
    package = "Negotiate" if kind in {2, 5, 10} else "Kerberos"
    return {
        "SubjectUserSid": "S-1-5-18" if kind != 3 else "S-1-0-0",
        "SubjectUserName": "-",
        "SubjectDomainName": "-",
        "SubjectLogonId": "0x3e7" if kind != 3 else "0x0",
        "TargetUserSid": sid(user),
        "TargetUserName": user,
        "TargetDomainName": domain,
        "TargetLogonId": hex(0x100000 + number),
        "LogonType": kind,
        "LogonProcessName": "User32 " if kind in {2, 10} else "Kerberos",
        "AuthenticationPackageName": package,
        "WorkstationName": workstation,
        "LogonGuid": "{00000000-0000-0000-0000-000000000000}",
        "TransmittedServices": "-",
        "LmPackageName": "-",
        "KeyLength": 0,
        "ProcessId": "0x2f4",
        "ProcessName": r"C:\Windows\System32\svchost.exe" if kind != 3 else "-",
        "IpAddress": ip,
        "IpPort": 49152 + number % 16000 if ip not in {"-", "127.0.0.1"} else 0,
        "ImpersonationLevel": "%%1833",
        "ElevatedToken": "%%1842" if user.startswith("adm-") else "%%1843",
    }


def failed_logon(user: str, domain: str, kind: int, *, ip: str, workstation: str, number: int) -> dict[str, object]:
    """Data of a failed logon (4625), wrong password."""
    return {
        "SubjectUserSid": "S-1-0-0",
        "SubjectUserName": "-",
        "SubjectDomainName": "-",
        "SubjectLogonId": "0x0",
        "TargetUserSid": "S-1-0-0",
        "TargetUserName": user,
        "TargetDomainName": domain,
        "Status": "0xc000006d",
        "FailureReason": "%%2313",
        "SubStatus": "0xc000006a",
        "LogonType": kind,
        "LogonProcessName": "NtLmSsp " if kind == 3 else "User32 ",
        "AuthenticationPackageName": "NTLM" if kind == 3 else "Negotiate",
        "WorkstationName": workstation,
        "ProcessId": "0x0",
        "ProcessName": "-",
        "IpAddress": ip,
        "IpPort": 49152 + number % 16000,
    }


def process(
    at: datetime,
    computer: str,
    user: str,
    image: str,
    command: str,
    parent: str,
    parent_command: str = "",
    *,
    number: int = 0,
    folder: str = r"C:\Windows\system32",
) -> dict[str, object]:
    """Data of a process creation (Sysmon 1)."""
    name = image.rsplit("\\", 1)[-1]
    return {
        "RuleName": "-",
        "UtcTime": at.strftime("%Y-%m-%d %H:%M:%S.") + f"{at.microsecond // 1000:03d}",
        "ProcessGuid": guid(computer, number, image),
        "ProcessId": 1000 + number % 30000,
        "Image": image,
        "FileVersion": "10.0.22621.1",
        "Description": _DESCRIPTIONS.get(name.lower(), name),
        "Product": "Microsoft® Windows® Operating System",
        "Company": "Microsoft Corporation",
        "OriginalFileName": name,
        "CommandLine": command,
        "CurrentDirectory": folder + "\\",
        "User": user,
        "LogonGuid": guid(computer, user),
        "LogonId": hex(0x100000 + number % 60000),
        "TerminalSessionId": 1,
        "IntegrityLevel": "Medium",
        "Hashes": f"SHA256={_digest(image)}",
        "ParentProcessGuid": guid(computer, number, parent, "parent"),
        "ParentProcessId": 900 + number % 20000,
        "ParentImage": parent,
        "ParentCommandLine": parent_command or f'"{parent}"',
        "ParentUser": user,
    }


_DESCRIPTIONS = {
    "winword.exe": "Microsoft Word",
    "excel.exe": "Microsoft Excel",
    "msedge.exe": "Microsoft Edge",
    "powershell.exe": "Windows PowerShell",
    "explorer.exe": "Windows Explorer",
}


def _digest(text: str) -> str:
    import hashlib

    return hashlib.sha256(text.encode()).hexdigest().upper()


def sid(user: str) -> str:
    """A domain SID for an account."""
    return f"S-1-5-21-1004336348-1177238915-682003330-{1000 + zlib.crc32(user.encode()) % 9000}"
