"""Mail through a real SMTP server (aiosmtpd), and through servers that refuse, hang or dribble."""

from __future__ import annotations

import email
import email.policy
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from secops.notify.channel import SendError
from secops.notify.mail import Mail
from secops.notify.message import Message
from secops.settings_notify import ChannelSettings
from tests.fakes.certificate import write_certificate

MESSAGE = Message("alert", "緑区", datetime(2026, 11, 22, 17, 4, tzinfo=UTC), "critical", ("LGWAN接続系",), (12,))
MARK = "secops.midori.7.5f3a"


class Inbox:
    """What came in; receivers whose name is a code are refused with it."""

    def __init__(self) -> None:
        self.mails: list[Any] = []

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802 - aiosmtpd's name
        if address[:3].isdigit():
            return f"{address[:3]} no such box"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
        self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return "250 taken"


def authenticate(server, session, envelope, mechanism, data):
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"secops", b"correct horse")
    return AuthResult(success=good, handled=False)


@pytest.fixture(scope="module")
def tls(tmp_path_factory) -> Path:
    return write_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def servers(tls) -> Iterator[tuple[Inbox, Controller, Controller]]:
    inbox, context = Inbox(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls / "cert.pem", tls / "key.pem")
    ask: dict[str, Any] = {"authenticator": authenticate, "auth_required": True}
    plain = Controller(inbox, hostname="127.0.0.1", port=free_port(), tls_context=context, **ask)
    over = Controller(inbox, hostname="127.0.0.1", port=free_port(), ssl_context=context, **ask, auth_require_tls=False)
    plain.start()
    over.start()
    yield inbox, plain, over
    plain.stop()
    over.stop()


@pytest.fixture(scope="module")
def simple() -> Iterator[tuple[Inbox, Controller]]:
    inbox = Inbox()
    controller = Controller(inbox, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield inbox, controller
    controller.stop()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def mail(folder: Path, port: int, **more: Any) -> Mail:
    values = {"id": "mail", "kind": "mail", "host": "127.0.0.1", "port": port, "sender": "secops@midori.example.lg.jp"}
    return Mail(ChannelSettings.model_validate({**values, "security": "none", **more}), folder)


def test_a_japanese_mail_arrives_as_it_was_meant_and_can_be_recognised(simple, tmp_path):
    inbox, server = simple
    for _again in range(2):
        said = mail(tmp_path, server.port).send(MESSAGE, "toban@example.lg.jp", MARK)
        assert "受け取りました" in said
    first, second = inbox.mails[-2:]
    assert first["Subject"] == "[secops 緑区] ◆ 重大 アラート 1 件"
    assert first["To"] == "toban@example.lg.jp"
    assert first["Message-ID"] == second["Message-ID"] == f"<{MARK}@midori.example.lg.jp>"
    assert first["Auto-Submitted"] == "auto-generated"
    assert first["Importance"] == "high"
    text = first.get_body().get_content()
    assert "系統: LGWAN接続系" in text
    assert "番号: 12" in text
    first.as_bytes().decode("ascii")  # whatever lies between: no server has to know 8BITMIME or SMTPUTF8


@pytest.mark.filterwarnings("ignore:Requiring AUTH")  # aiosmtpd does not see that the whole connection is encrypted
@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_login_over_an_encrypted_connection(servers, tls, tmp_path, security):
    inbox, plain, over = servers
    port = plain.port if security == "starttls" else over.port
    password = tmp_path / "password"
    password.write_text("correct horse\n")
    password.chmod(0o600)
    more = {"security": security, "user": "secops", "password_file": "password", "ca_file": str(tls / "cert.pem")}
    before = len(inbox.mails)
    mail(tmp_path, port, **more).send(MESSAGE, "toban@example.lg.jp", MARK)
    assert len(inbox.mails) == before + 1
    password.write_text("wrong")
    with pytest.raises(SendError, match="ログインが断られました: 535"):
        mail(tmp_path, port, **more).send(MESSAGE, "toban@example.lg.jp", MARK)
    password.write_text("ひみつ")
    with pytest.raises(SendError, match="ASCII"):
        mail(tmp_path, port, **more).send(MESSAGE, "toban@example.lg.jp", MARK)
    password.chmod(0o644)
    with pytest.raises(SendError, match="chmod 600"):
        mail(tmp_path, port, **more).send(MESSAGE, "toban@example.lg.jp", MARK)
    password.unlink()
    with pytest.raises(SendError, match="読めません"):
        mail(tmp_path, port, **more).send(MESSAGE, "toban@example.lg.jp", MARK)
    with pytest.raises(SendError, match="暗号化して接続できません"):
        mail(tmp_path, port, security=security).send(MESSAGE, "toban@example.lg.jp", MARK)


def test_a_server_without_starttls_gets_nothing(simple, tmp_path):
    inbox, server = simple
    before = len(inbox.mails)
    with pytest.raises(SendError, match="STARTTLS"):
        mail(tmp_path, server.port, security="starttls").send(MESSAGE, "toban@example.lg.jp", MARK)
    assert len(inbox.mails) == before


@pytest.mark.parametrize("code", ["450", "550"])
def test_a_refusal_says_what_the_server_said(simple, tmp_path, code):
    with pytest.raises(SendError, match=f"宛先が断られました: {code} no such box"):
        mail(tmp_path, simple[1].port).send(MESSAGE, f"{code}@example.lg.jp", MARK)


def test_nobody_listens(tmp_path):
    with pytest.raises(SendError, match="接続できません"):
        mail(tmp_path, free_port()).send(MESSAGE, "toban@example.lg.jp", MARK)


@pytest.mark.parametrize("dribble", [False, True])
def test_a_server_that_hangs_or_dribbles_is_left_after_the_limit(tmp_path, dribble):
    over = threading.Event()

    def serve(listening: socket.socket) -> None:
        connection, _peer = listening.accept()
        with connection:
            try:
                while not over.wait(0.1):
                    if dribble:
                        connection.sendall(b"2")
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=(listening,))
        thread.start()
        try:
            with pytest.raises(SendError, match=r"0\.4 秒以内に応答がありません"):
                mail(tmp_path, listening.getsockname()[1], timeout_s=0.4).send(MESSAGE, "t@example.lg.jp", MARK)
        finally:
            over.set()
            thread.join()


def test_a_server_that_says_goodbye_badly_has_the_mail_all_the_same(tmp_path):
    """After 250 to the data it is sent: a failure then would send it twice."""

    def serve(listening: socket.socket) -> None:
        connection, _peer = listening.accept()
        with connection, connection.makefile("rwb") as talk:
            answers = [b"220 hi", b"250 hi", b"250 ok", b"250 ok", b"354 go"]
            for answer in answers:
                talk.write(answer + b"\r\n")
                talk.flush()
                talk.readline()
            while talk.readline() != b".\r\n":
                pass
            talk.write(b"250 taken\r\n421 too tired for goodbyes\r\n")
            talk.flush()
            talk.readline()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=(listening,))
        thread.start()
        said = mail(tmp_path, listening.getsockname()[1], timeout_s=5).send(MESSAGE, "t@example.lg.jp", MARK)
        thread.join()
    assert "受け取りました" in said
