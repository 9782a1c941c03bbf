"""MITRE ATT&CK as far as rules are tagged with it: tactics in their order, techniques by name (enterprise matrix).

The names are facts of ATT&CK v19 (where T1685 to T1690 came in place of T1562); nothing is fetched. A technique that is
not listed is shown by its id, under the tactics that its rules name: a new version of ATT&CK needs no new program.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from secops.siem.detect.attack_tactics import TACTICS_OF

TACTICS: Mapping[str, tuple[str, str]] = {
    "reconnaissance": ("偵察", "Reconnaissance"),
    "resource-development": ("攻撃資源の準備", "Resource Development"),
    "initial-access": ("初期侵入", "Initial Access"),
    "execution": ("実行", "Execution"),
    "persistence": ("永続化", "Persistence"),
    "privilege-escalation": ("権限昇格", "Privilege Escalation"),
    "defense-evasion": ("防御の回避", "Defense Evasion"),
    "stealth": ("潜伏", "Stealth"),
    "defense-impairment": ("防御の妨害", "Defense Impairment"),
    "credential-access": ("認証情報の入手", "Credential Access"),
    "discovery": ("探索", "Discovery"),
    "lateral-movement": ("水平移動", "Lateral Movement"),
    "collection": ("収集", "Collection"),
    "command-and-control": ("遠隔操作", "Command and Control"),
    "exfiltration": ("持ち出し", "Exfiltration"),
    "impact": ("影響", "Impact"),
}
OTHER = ("その他", "Other")
ANY = "*"  # beside the names of tactics and techniques: any of them

_NAMES = """
T1001 Data Obfuscation|T1003 OS Credential Dumping|T1005 Data from Local System|T1006 Direct Volume Access
T1007 System Service Discovery|T1008 Fallback Channels|T1010 Application Window Discovery|T1012 Query Registry
T1014 Rootkit|T1016 System Network Configuration Discovery|T1018 Remote System Discovery|T1020 Automated Exfiltration
T1021 Remote Services|T1027 Obfuscated Files or Information|T1030 Data Transfer Size Limits
T1033 System Owner/User Discovery|T1036 Masquerading|T1037 Boot or Logon Initialization Scripts
T1039 Data from Network Shared Drive|T1040 Network Sniffing|T1041 Exfiltration Over C2 Channel
T1046 Network Service Discovery|T1047 Windows Management Instrumentation|T1048 Exfiltration Over Alternative Protocol
T1049 System Network Connections Discovery|T1052 Exfiltration Over Physical Medium|T1053 Scheduled Task/Job
T1055 Process Injection|T1056 Input Capture
T1057 Process Discovery|T1059 Command and Scripting Interpreter|T1068 Exploitation for Privilege Escalation
T1069 Permission Groups Discovery|T1070 Indicator Removal|T1071 Application Layer Protocol
T1072 Software Deployment Tools|T1074 Data Staged|T1078 Valid Accounts|T1082 System Information Discovery
T1083 File and Directory Discovery|T1087 Account Discovery|T1090 Proxy|T1091 Replication Through Removable Media
T1095 Non-Application Layer Protocol|T1098 Account Manipulation|T1102 Web Service|T1105 Ingress Tool Transfer
T1106 Native API|T1110 Brute Force|T1112 Modify Registry|T1113 Screen Capture|T1114 Email Collection
T1115 Clipboard Data|T1119 Automated Collection|T1120 Peripheral Device Discovery|T1123 Audio Capture
T1124 System Time Discovery|T1125 Video Capture|T1127 Trusted Developer Utilities Proxy Execution|T1129 Shared Modules
T1132 Data Encoding|T1133 External Remote Services|T1134 Access Token Manipulation|T1135 Network Share Discovery
T1136 Create Account|T1137 Office Application Startup|T1140 Deobfuscate/Decode Files or Information
T1176 Software Extensions|T1185 Browser Session Hijacking|T1187 Forced Authentication|T1189 Drive-by Compromise
T1190 Exploit Public-Facing Application|T1195 Supply Chain Compromise|T1197 BITS Jobs|T1199 Trusted Relationship
T1200 Hardware Additions|T1201 Password Policy Discovery|T1202 Indirect Command Execution
T1203 Exploitation for Client Execution|T1204 User Execution|T1207 Rogue Domain Controller
T1210 Exploitation of Remote Services|T1211 Exploitation for Stealth|T1212 Exploitation for Credential Access
T1213 Data from Information Repositories|T1216 System Script Proxy Execution|T1217 Browser Information Discovery
T1218 System Binary Proxy Execution|T1219 Remote Access Tools|T1220 XSL Script Processing|T1221 Template Injection
T1222 File and Directory Permissions Modification|T1482 Domain Trust Discovery
T1484 Domain or Tenant Policy Modification
T1485 Data Destruction|T1486 Data Encrypted for Impact|T1489 Service Stop|T1490 Inhibit System Recovery|T1491 Defacement
T1495 Firmware Corruption|T1496 Resource Hijacking|T1497 Virtualization/Sandbox Evasion|T1498 Network Denial of Service
T1499 Endpoint Denial of Service|T1505 Server Software Component|T1518 Software Discovery|T1525 Implant Internal Image
T1526 Cloud Service Discovery|T1528 Steal Application Access Token|T1529 System Shutdown/Reboot
T1531 Account Access Removal|T1537 Transfer Data to Cloud Account|T1539 Steal Web Session Cookie|T1542 Pre-OS Boot
T1543 Create or Modify System Process|T1546 Event Triggered Execution|T1547 Boot or Logon Autostart Execution
T1548 Abuse Elevation Control Mechanism|T1550 Use Alternate Authentication Material|T1552 Unsecured Credentials
T1553 Subvert Trust Controls|T1554 Compromise Host Software Binary|T1555 Credentials from Password Stores
T1556 Modify Authentication Process|T1557 Adversary-in-the-Middle|T1558 Steal or Forge Kerberos Tickets
T1559 Inter-Process Communication|T1560 Archive Collected Data|T1561 Disk Wipe|T1562 Impair Defenses
T1563 Remote Service Session Hijacking|T1564 Hide Artifacts|T1565 Data Manipulation|T1566 Phishing
T1567 Exfiltration Over Web Service|T1568 Dynamic Resolution|T1569 System Services|T1570 Lateral Tool Transfer
T1571 Non-Standard Port|T1572 Protocol Tunneling|T1573 Encrypted Channel|T1574 Hijack Execution Flow
T1578 Modify Cloud Compute Infrastructure|T1580 Cloud Infrastructure Discovery|T1584 Compromise Infrastructure
T1586 Compromise Accounts|T1587 Develop Capabilities|T1588 Obtain Capabilities|T1589 Gather Victim Identity Information
T1590 Gather Victim Network Information|T1591 Gather Victim Org Information|T1592 Gather Victim Host Information
T1593 Search Open Websites/Domains|T1595 Active Scanning|T1598 Phishing for Information|T1599 Network Boundary Bridging
T1606 Forge Web Credentials|T1608 Stage Capabilities|T1609 Container Administration Command
T1611 Escape to Host|T1613 Container and Resource Discovery|T1614 System Location Discovery|T1615 Group Policy Discovery
T1619 Cloud Storage Object Discovery|T1620 Reflective Code Loading|T1621 Multi-Factor Authentication Request Generation
T1622 Debugger Evasion|T1649 Steal or Forge Authentication Certificates|T1653 Power Settings
T1685 Disable or Modify Tools|T1686 Disable or Modify System Firewall|T1687 Exploitation for Defense Impairment
T1688 Safe Mode Boot|T1689 Downgrade Attack|T1690 Prevent Command History Logging
"""
NAMES: Mapping[str, str] = {
    entry[:5]: entry[6:].strip() for line in _NAMES.strip().splitlines() for entry in line.split("|")
}


@dataclass(frozen=True, slots=True)
class Cell:
    """A technique with its sub-techniques: rules that are active, all rules, and hits in the period."""

    id: str
    name: str
    active: int
    rules: int
    hits: int


@dataclass(frozen=True, slots=True)
class Column:
    """A tactic with its techniques, most active rules first.

    A cell counts the rules that stand in this column, ``alone`` those that name the tactic and no technique.
    ``active``, ``rules`` and ``hits`` count every rule of the column once.
    """

    tactic: str
    cells: Sequence[Cell]
    alone: Cell | None
    active: int
    rules: int
    hits: int


@dataclass(frozen=True, slots=True)
class Matrix:
    """Tactics in their order; ``cells`` has each technique once.

    ``alone`` is the number of rules that only name tactics, ``untagged`` of those that do not even do that.
    """

    columns: Sequence[Column]
    cells: Mapping[str, Cell]
    alone: int
    untagged: int


def matrix(rules: Iterable[tuple[Sequence[str], bool, int]]) -> Matrix:
    """The matrix of rules given as (tags, active, hits); sub-techniques count for their technique."""
    counted: dict[tuple[str, str], list[int]] = {}  # (tactic, technique) → active, rules, hits; ANY sums up
    untagged = 0
    for tags, active, hits in rules:
        found = places(tags)
        untagged += not found
        sums = {
            *found,
            *((tactic, ANY) for tactic, _technique in found),
            *((ANY, technique) for _tactic, technique in found),
        }
        for place in sums:
            numbers = counted.setdefault(place, [0, 0, 0])
            numbers[0] += active
            numbers[1] += 1
            numbers[2] += hits
    columns = [_column(tactic, counted) for tactic in (*TACTICS, "") if (tactic, ANY) in counted]
    totals = [_cell(technique, numbers) for (tactic, technique), numbers in counted.items() if tactic == ANY]
    alone = sum(cell.rules for cell in totals if not cell.id)
    return Matrix(columns, {cell.id: cell for cell in totals if cell.id}, alone, untagged)


def _column(tactic: str, counted: Mapping[tuple[str, str], Sequence[int]]) -> Column:
    cells = [_cell(one, numbers) for (of, one), numbers in counted.items() if of == tactic and one != ANY]
    techniques = sorted((cell for cell in cells if cell.id), key=lambda one: (-one.active, one.id))
    return Column(tactic, techniques, next((cell for cell in cells if not cell.id), None), *counted[tactic, ANY])


def _cell(technique: str, numbers: Sequence[int]) -> Cell:
    return Cell(technique, NAMES.get(technique, technique), *numbers)


def places(tags: Sequence[str]) -> list[tuple[str, str]]:
    """Where a rule with these tags stands: (tactic, technique), each once.

    A technique stands under those of its own tactics that the rule names, or under all of its own where it names none
    of them. One that is not known stands under what the rule names, else under no tactic (empty). A rule without a
    technique stands under its tactics with an empty technique.
    """
    names = {tag.removeprefix("attack.") for tag in tags if tag.startswith("attack.")}
    named = [tactic for tactic in TACTICS if tactic in names]
    found: list[tuple[str, str]] = []
    techniques = techniques_of(tags)
    for technique in techniques:
        own = TACTICS_OF.get(technique)
        where = (named or [""]) if own is None else [one for one in own if one in names] or own
        found += [(tactic, technique) for tactic in where]
    return found if techniques else [(tactic, "") for tactic in named]


def techniques_of(tags: Iterable[str]) -> list[str]:
    """The techniques that tags name (``attack.t1059.001`` is T1059), each once."""
    found = (tag.removeprefix("attack.").split(".")[0].upper() for tag in tags if tag.startswith("attack.t"))
    return list(dict.fromkeys(one for one in found if len(one) == 5 and one[1:].isdecimal()))


def navigator(found: Matrix, name: str) -> dict[str, Any]:
    """A layer for ATT&CK Navigator (layer format 4.5): the score is the number of active rules.

    It names no tactics: the Navigator shows a technique under all of its own. Rules without a technique are counted in
    the layer's notes.
    """
    most = max((cell.active for cell in found.cells.values()), default=1)
    return {
        "name": name,
        "versions": {"layer": "4.5", "navigator": "5.1.0"},
        "domain": "enterprise-attack",
        "description": name,
        "gradient": {"colors": ["#ffffff", "#d9e6ff", "#0017c1"], "minValue": 0, "maxValue": max(most, 1)},
        "legendItems": [{"label": "fired", "color": "#b35900"}],
        "metadata": [
            {"name": "rules that only name a tactic", "value": str(found.alone)},
            {"name": "rules without ATT&CK", "value": str(found.untagged)},
        ],
        "techniques": [
            {
                "techniqueID": cell.id,
                "score": cell.active,
                "comment": f"active {cell.active} / {cell.rules}, hits {cell.hits}",
                "enabled": True,
                **({"color": "#b35900"} if cell.hits else {}),
                "metadata": [
                    {"name": "active rules", "value": str(cell.active)},
                    {"name": "rules", "value": str(cell.rules)},
                    {"name": "hits", "value": str(cell.hits)},
                ],
            }
            for cell in sorted(found.cells.values(), key=lambda one: one.id)
        ],
    }
