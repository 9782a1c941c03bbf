"""For the queries of audits/telemetry.yml: an event from each source, and one that each query counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Event = Mapping[str, Any]
SECURITY = {"event.dataset": "windows.security", "event.module": "windows"}
OPERATION = {"event.dataset": "skysea.operation", "event.module": "skysea"}
DEFENDER = {"event.dataset": "windows.defender"}
FLOW = {"event.dataset": "fortinet.traffic", "labels.source_zone": "lgwan", "source.ip": "10.2.0.7"}
UTM = {"event.dataset": "fortinet.utm"}


def provider(name: str, code: int, **more: Any) -> Event:
    """A Windows event by its provider."""
    return {"winlog.provider_name": name, "event.code": str(code), "event.dataset": "windows.system", **more}


# Source → an event that shows that it is there, and that no query counts (but for sources that are what is counted).
SOURCES: Mapping[str, Event] = {
    "windows_security": SECURITY,
    "windows_system": {"event.dataset": "windows.system"},
    "windows_application": {"event.dataset": "windows.application"},
    "windows_defender": {**DEFENDER, "event.code": "1150"},
    "windows_backup": provider("Microsoft-Windows-Backup", 1),
    "windows_update": provider("Microsoft-Windows-WindowsUpdateClient", 43),
    "time_service": provider("Microsoft-Windows-Time-Service", 35),
    "applocker": {"event.dataset": "windows.applocker", "event.code": "8002"},
    "wlan": provider("Microsoft-Windows-WLAN-AutoConfig", 8003),
    "operation_log": OPERATION,
    "any_log": {},
    "firewall": {"event.dataset": "fortinet.traffic"},
    "firewall_utm": {**UTM, "fortinet.firewall.subtype": "ips"},
    "firewall_event": {"event.dataset": "fortinet.event"},
    "judged_flows": {"labels.flow_verdict": "allowed", "labels.source_zone": "world", "labels.flow": "a>b"},
    "proxy": {"event.dataset": "squid.access"},
    "detection": {},
    "failure_audit": {"event.action": "logon-failed", "labels.department": "税務課"},
    "privilege_audit": {"event.action": "logged-in-special", "labels.department": "税務課"},
    "account_audit": {
        "event.action": "user-account-unlocked",
        "event.category": ["iam"],
        "labels.department": "税務課",
    },
    "device_audit": {"event.action": "device-recognized", "labels.department": "税務課"},
    "task_audit": {"event.action": "scheduled-task-deleted"},
    "usb_log": {"event.action": "usb-device-removed"},
    "copy_log": {**OPERATION, "event.action": "file-copied", "file.target_path": "C:\\Users\\a"},
    "print_log": {"event.action": "document-printed", "labels.department": "税務課"},
    "mail_log": {"event.action": "email-received"},
    "upload_log": {"event.action": "web-uploaded", "labels.department": "税務課"},
    "install_log": {"event.action": "package-installed", "labels.department": "税務課"},
    "mail_gateway": {"event.dataset": "json.record", "event.category": ["email"], "event.action": "delivered"},
    "mail_rules": {"event.provider": "Exchange", "o365.audit.RecordType": "2", "event.action": "Send"},
    "mfa_log": {"event.category": ["authentication"], "event.action": "mfa-enrolled", "labels.department": "税務課"},
    "duo_log": {"cisco_duo.auth.result": "fraud", "labels.department": "税務課"},
    "single_factor": {"azure.signinlogs.properties.authentication_requirement": "other", "labels.department": "税務課"},
    "cloud_log": {"cloud.provider": "aws", "event.category": ["authentication"], "labels.department": "税務課"},
    "vpn_log": {"event.action": "tunnel-up", "labels.department": "税務課", "user.name": "x"},
}
SIGNED_IN = {"event.category": ["authentication"], "event.outcome": "success", "user.name": "t-suzuki@ward.example"}
FACTORS = "azure.signinlogs.properties.authentication_requirement"
LOGON = {**SECURITY, "event.action": "logged-in", "winlog.event_data.LogonType": "2"}

# (query, figure) → an event that makes the figure one more.
COUNTED: Mapping[tuple[str, str], Event] = {
    ("log_clearing", "セキュリティログの消去"): {"event.action": "audit-log-cleared"},
    ("log_clearing", "ほかのログの消去"): {"event.action": "event-log-cleared"},
    ("log_clearing", "監査の設定の変更"): {"event.action": "audit-policy-changed"},
    ("clock_drift", "利用者による時計の変更"): {**SECURITY, "event.code": "4616", "user.name": "adm"},
    ("clock_drift", "時刻の同期の異常"): provider("Microsoft-Windows-Time-Service", 36),
    ("clock_drift", "時刻を読めなかった記録"): {"labels.time_source": "received"},
    ("failed_logons", "失敗の回数"): {**SECURITY, "event.action": "logon-failed"},
    ("failed_logons", "アカウントのロック"): {"event.action": "user-account-locked-out"},
    ("off_hours_logon", "回数(LGWAN接続系)"): {**LOGON, "labels.off_hours": True},
    ("off_hours_logon", "操作ログでの回数"): {**OPERATION, "event.action": "logged-in", "labels.off_hours": True},
    ("account_after_transfer", "無効にされたアカウント"): {"event.action": "user-account-disabled"},
    ("account_changes", "作成"): {"event.action": "user-account-created"},
    ("account_changes", "グループへの追加"): {"event.action": "group-member-added"},
    ("password_changes", "管理者による再設定"): {"event.action": "password-reset"},
    ("privileged_logons", "特権の付いたログオン(LGWAN接続系)"): {
        "event.action": "logged-in-special",
        "user.name": "adm-a",
    },
    ("remote_access", "遠隔デスクトップ"): {**LOGON, "winlog.event_data.LogonType": "10"},
    ("remote_access", "VPN 接続"): {"event.action": "tunnel-up", "user.name": "t-suzuki"},
    ("contractor_access", "勤務時間外の接続"): {"event.action": "tunnel-up", "labels.off_hours": True},
    ("usb_use", "接続の回数(LGWAN接続系)"): {**OPERATION, "event.action": "usb-device-attached"},
    ("usb_use", "媒体へのファイルの複写"): {"event.action": "file-copied", "file.target_path": "E:\\名簿.xlsx"},
    ("new_devices", "端末が見つけた機器"): {"event.action": "device-recognized"},
    ("unknown_devices", "通信"): {**FLOW, "labels.flow_verdict": "unregistered"},
    ("unknown_software", "操作ログの導入"): {"event.action": "package-installed"},
    ("unknown_software", "AppLocker が止めたもの"): {"event.dataset": "windows.applocker", "event.code": "8004"},
    ("unknown_software", "Windows インストーラの導入"): provider("MsiInstaller", 11707),
    ("config_changes", "サービスの起動の設定の変更"): {"event.action": "service-start-type-changed"},
    ("config_changes", "Defender の設定の変更"): {**DEFENDER, "event.code": "5007"},
    ("config_changes", "ファイアウォールの設定の変更"): {
        "event.dataset": "fortinet.event",
        "fortinet.firewall.cfgpath": "firewall.policy",
    },
    ("services_and_tasks", "サービスの追加"): {"event.action": "service-installed"},
    ("services_and_tasks", "タスクの作成"): {"event.action": "scheduled-task-created"},
    ("print_volume", "印刷の回数(LGWAN接続系)"): {"event.action": "document-printed"},
    ("wireless_connections", "接続"): provider("Microsoft-Windows-WLAN-AutoConfig", 8001),
    ("malware_detections", "Defender の検知"): {**DEFENDER, "event.code": "1116"},
    ("malware_detections", "ファイアウォールでの検知"): {**UTM, "fortinet.firewall.subtype": "virus"},
    ("av_signature_age", "更新の失敗"): {**DEFENDER, "event.code": "2001"},
    ("av_signature_age", "期間中に更新した機器"): {**DEFENDER, "event.code": "2000"},
    ("update_failures", "失敗"): provider("Microsoft-Windows-WindowsUpdateClient", 20),
    ("update_failures", "適用"): provider("Microsoft-Windows-WindowsUpdateClient", 19),
    ("backup_failures", "失敗"): provider("Microsoft-Windows-Backup", 5),
    ("backup_failures", "完了"): provider("Microsoft-Windows-Backup", 4),
    ("direct_flows_mynumber", "認められない通信"): {
        "labels.flow": "mynumber>world",
        "labels.flow_verdict": "forbidden",
    },
    ("cross_zone_flows", "登録の期限切れ"): {"labels.flow_verdict": "expired"},
    ("unregistered_flows", "通信元の機器"): {**FLOW, "labels.flow_verdict": "unregistered"},
    ("sanitization_use", "無害化を通らないインターネット接続系からの通信"): {
        "labels.flow": "internet>lgwan",
        "labels.flow_verdict": "unregistered",
    },
    ("large_uploads", "100MB 以上の送信"): {"labels.destination_zone": "world", "source.bytes": 200_000_000},
    ("large_uploads", "操作ログのアップロード"): {"event.action": "web-uploaded"},
    ("personal_web_use", "閲覧"): {"event.dataset": "squid.access", "user.name": "t-suzuki", "labels.department": None},
    ("web_blocked", "中継サーバが断ったもの"): {"event.dataset": "squid.access", "http.response.status_code": 403},
    ("web_blocked", "分類で止めたもの"): {
        **UTM,
        "fortinet.firewall.subtype": "webfilter",
        "event.outcome": "failure",
    },
    ("mfa_logons", "多要素認証の成功"): {**SIGNED_IN, FACTORS: "multiFactorAuthentication", "labels.department": None},
    ("mfa_logons", "多要素認証の失敗・拒否"): {
        **SIGNED_IN,
        "event.outcome": "failure",
        "cisco_duo.auth.result": "denied",
    },
    ("mfa_logons", "Duo が二つ目の要素を求めずに通したもの"): {
        **SIGNED_IN,
        "cisco_duo.auth.result": "success",
        "cisco_duo.auth.reason": "bypass_user",
    },
    ("mfa_logons", "一つの要素だけのサインイン"): {**SIGNED_IN, FACTORS: "singleFactorAuthentication"},
    ("cloud_logons", "サインインの成功"): {**SIGNED_IN, "cloud.provider": "azure", "labels.department": None},
    ("cloud_logons", "操作の記録"): {
        "event.provider": "SharePoint",
        "o365.audit.RecordType": "6",
        "event.category": ["file"],
    },
    ("mail_blocked", "止められたメール"): {"event.category": ["email"], "event.type": ["info", "denied"]},
    ("mail_blocked", "うち添付ファイルのあるもの"): {
        "event.category": ["email"],
        "event.action": "quarantined",
        "email.attachments": [{"file": {"name": "a.docm"}}],
    },
    ("external_mail_forwarding", "受信の規則・転送の設定の変更(クラウドのメール)"): {
        "event.provider": "Exchange",
        "o365.audit.RecordType": "1",
        "event.action": "New-InboxRule",
    },
    ("external_mail_forwarding", "無料メールへの送信"): {
        "event.action": "email-sent",
        "email.to.address": ["a@gmail.com"],
    },
}
