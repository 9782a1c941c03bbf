"""Under which tactics each ATT&CK technique stands (enterprise matrix of v19).

Facts, written down by hand and held against the rules of SigmaHQ, which name all tactics of their techniques. Only
techniques that occur in those rules or in ours are here. A sub-technique stands where its technique does: none that
occurs differs. A revoked technique that rules still name (T1562) stands where its successors do (T1685 to T1690).
"""

from __future__ import annotations

from collections.abc import Mapping

_TACTICS = """
reconnaissance: T1589 T1590 T1591 T1592 T1593 T1595 T1598
resource-development: T1584 T1586 T1587 T1588 T1608
initial-access: T1189 T1190 T1195 T1199 T1200 T1566
initial-access persistence: T1133
initial-access persistence privilege-escalation stealth: T1078
initial-access lateral-movement: T1091
execution: T1047 T1059 T1106 T1129 T1203 T1204 T1559 T1569 T1609
execution persistence privilege-escalation: T1053
execution persistence privilege-escalation stealth: T1574
execution persistence stealth: T1197
execution stealth: T1127
execution lateral-movement: T1072
persistence: T1136 T1137 T1176 T1505 T1525 T1554 T1653
persistence privilege-escalation: T1037 T1098 T1543 T1546 T1547
persistence stealth: T1542
persistence defense-impairment: T1112
persistence defense-impairment credential-access: T1556
privilege-escalation: T1068 T1548 T1611
privilege-escalation stealth: T1055 T1134
privilege-escalation defense-impairment: T1484
stealth: T1006 T1014 T1027 T1036 T1070 T1140 T1202 T1211 T1216 T1218 T1220 T1221 T1564 T1620
stealth discovery: T1497 T1622
defense-impairment: T1207 T1222 T1553 T1562 T1578 T1599 T1685 T1686 T1687 T1688 T1689 T1690
credential-access: T1003 T1110 T1187 T1212 T1528 T1539 T1552 T1555 T1558 T1606 T1621 T1649
credential-access discovery: T1040
credential-access collection: T1056 T1557
discovery: T1007 T1010 T1012 T1016 T1018 T1033 T1046 T1049 T1057 T1069 T1082 T1083 T1087 T1120 T1124 T1135 T1201 T1217
discovery: T1482 T1518 T1526 T1580 T1613 T1614 T1615 T1619
lateral-movement: T1021 T1210 T1550 T1563 T1570
collection: T1005 T1039 T1074 T1113 T1114 T1115 T1119 T1123 T1125 T1185 T1213 T1560
command-and-control: T1001 T1008 T1071 T1090 T1095 T1102 T1105 T1132 T1219 T1568 T1571 T1572 T1573
exfiltration: T1020 T1030 T1041 T1048 T1052 T1537 T1567
impact: T1485 T1486 T1489 T1490 T1491 T1495 T1496 T1498 T1499 T1529 T1531 T1561 T1565
"""
TACTICS_OF: Mapping[str, tuple[str, ...]] = {
    technique: tuple(tactics.split())
    for tactics, _colon, techniques in (line.partition(":") for line in _TACTICS.strip().splitlines())
    for technique in techniques.split()
}
