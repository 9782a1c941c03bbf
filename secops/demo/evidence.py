"""Which evidence sheets the simulated ward has: those that show what its stories left in the logs of a department.

A sheet counts what the pipeline made of the log lines; nothing of a story is told to it. Here is only which department
and which query somebody would look at who had heard of the story.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from secops.demo.audit import AUDITED
from secops.demo.stories import Scene
from secops.org.model import Directory
from secops.schema.text import fold

# Story → the queries (audits/telemetry.yml) in whose numbers it shows.
SHOWN: Mapping[str, tuple[str, ...]] = {
    "mynumber-to-internet": ("direct_flows_mynumber",),
    "unregistered-flow": ("unregistered_flows",),
    "expired-flow": ("cross_zone_flows", "expired_flows"),
    "lgwan-proxy": ("unregistered_flows", "personal_web_use"),
    "usb-mynumber": ("usb_use", "new_devices"),
    "usb-bridge": ("usb_use",),
    "leaver-copy": ("alerts_by_clause",),
    "upload-out": ("large_uploads",),
    "password-spray": ("failed_logons",),
    "night-admin-logon": ("off_hours_logon", "privileged_logons"),
    "contractor-night": ("remote_access", "contractor_access"),
    "retired-account": ("account_changes",),
    "log-clear": ("log_clearing",),
    "psexec": ("services_and_tasks",),
    "task-and-user": ("account_changes", "services_and_tasks"),
    "mail-chain": ("alerts_by_clause",),
    "sanitized-macro": ("alerts_by_clause",),
    "ransomware": ("alerts_by_clause",),
    "dns-tunnel": ("unregistered_flows",),
    "ssh-guessing": ("alerts_by_clause",),
}
ALWAYS = ("log_coverage", "alert_ack_time", "alerts_by_clause")


def concerned(scenes: Iterable[Scene], directory: Directory) -> dict[str, tuple[str, ...]]:
    """Department code → names of queries, for the departments whose devices and people were in the stories.

    Those that are audited this year have all that always matters, story or not.
    """
    owners = {fold(one.name): one.department for one in directory.devices if one.department}
    owners |= {ip: one.department for one in directory.devices for ip in one.ips if one.department}
    for name, people in directory.people_by_account.items():
        if len(people) == 1:
            owners.setdefault(name, people[0].departments[0])
    found: dict[str, dict[str, None]] = {code: dict.fromkeys(ALWAYS) for code in AUDITED[0]}
    for scene in scenes:
        for code in sorted({owners[fold(marker)] for marker in scene.markers if fold(marker) in owners}):
            found.setdefault(code, dict.fromkeys(ALWAYS)).update(dict.fromkeys(SHOWN[scene.story]))
    return {code: tuple(names) for code, names in sorted(found.items())}
