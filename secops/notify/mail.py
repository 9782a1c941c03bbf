"""Mail over SMTP (RFC 5321), with TLS from the start (RFC 8314), STARTTLS (RFC 3207) or none."""

from __future__ import annotations

import smtplib
import socket
import ssl
import threading
from contextlib import suppress
from datetime import UTC
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path

from secops.locale import _
from secops.notify.channel import SendError
from secops.notify.message import Message, subject, text
from secops.settings_notify import ChannelSettings

PASSWORD_MAX = 1000


class Mail:
    """See `secops.notify.channel.Channel`; ``folder`` is what paths in the settings are relative to."""

    def __init__(self, settings: ChannelSettings, folder: Path) -> None:
        self._settings = settings
        self._folder = folder

    def send(self, message: Message, to: str, mark: str) -> str:
        """See `Channel`."""
        mail = compose(message, self._settings.sender, to, mark)
        try:
            self._hand_over(mail)
        except smtplib.SMTPException as error:
            raise SendError(_reason(error)) from None
        except TimeoutError:
            what = _("メールサーバ {host}:{port} から {seconds} 秒以内に応答がありません。")
            raise SendError(self._said(what)) from None
        except ssl.SSLError as error:
            raise SendError(self._said(_("{host}:{port} と暗号化して接続できません: ")) + str(error)) from None
        except OSError as error:
            what = self._said(_("{host}:{port} に接続できません: "))
            raise SendError(what + str(error.strerror or error)) from None
        return self._said(_("メールサーバ {host}:{port} が受け取りました。"))

    def _said(self, what: str) -> str:
        one = self._settings
        return what.format(host=one.host, port=one.at_port, seconds=f"{one.timeout_s:g}")

    def _hand_over(self, mail: EmailMessage) -> None:
        """The whole talk with the server."""
        one = self._settings
        password = self._password() if one.user else ""
        server = self._server()
        # Not each answer alone has a limit of time: a server that sends a byte now and then would keep us for ever.
        cut = threading.Event()
        end = threading.Timer(one.timeout_s, _cut, [server, cut])
        end.daemon = True
        end.start()
        try:
            server.connect(one.host, one.at_port)
            if one.security == "starttls":
                server.starttls(context=self._context())
            if one.user:
                server.login(one.user, password)
            server.send_message(mail)
            with suppress(smtplib.SMTPException, OSError):  # it has the mail: what comes now makes no failure of it
                server.quit()
        except smtplib.SMTPException as error:
            if cut.is_set() or isinstance(error.__context__, TimeoutError):
                raise TimeoutError from None
            raise
        finally:
            end.cancel()
            server.close()

    def _server(self) -> smtplib.SMTP:
        one = self._settings
        # What we call ourselves. Left to itself smtplib asks the name service, which may hang where there is none.
        own = one.sender.rpartition("@")[2]
        if one.security != "tls":
            server = smtplib.SMTP(local_hostname=own, timeout=one.timeout_s)
        else:
            server = smtplib.SMTP_SSL(local_hostname=own, timeout=one.timeout_s, context=self._context())
        # The name that certificates are checked against. Given to the constructor, it would connect before we can cut.
        server._host = one.host  # type: ignore[attr-defined]  # smtplib has no public name for it
        return server

    def _context(self) -> ssl.SSLContext:
        file = self._settings.ca_file
        return ssl.create_default_context(cafile=str(self._folder / file) if file else None)

    def _password(self) -> str:
        """The first line of the file, which nobody but its owner may read."""
        path = self._folder / self._settings.password_file
        try:
            if path.stat().st_mode & 0o077:
                what = _("{path} はほかの利用者も読めます。chmod 600 にしてください。パスワードは送っていません。")
                raise SendError(what.format(path=path))
            with path.open(encoding="ascii") as file:
                return file.readline(PASSWORD_MAX).rstrip("\r\n")
        except UnicodeDecodeError:  # SASL would allow more, smtplib does not
            what = _("パスワードのファイル {path} に ASCII 以外の文字があります。送れるのは ASCII だけです。")
            raise SendError(what.format(path=path)) from None
        except OSError as error:
            what = _("パスワードのファイル {path} を読めません({reason})。")
            raise SendError(what.format(path=path, reason=error.strerror or error)) from None


def _cut(server: smtplib.SMTP, cut: threading.Event) -> None:
    """End a talk from outside."""
    cut.set()
    if server.sock is not None:
        with suppress(OSError):
            server.sock.shutdown(socket.SHUT_RDWR)


def compose(message: Message, sender: str, to: str, mark: str) -> EmailMessage:
    """The mail: UTF-8, header lines encoded (RFC 2047), an id that stays (RFC 5322)."""
    mail = EmailMessage()
    mail["Subject"] = subject(message)
    mail["From"] = _address(sender)
    mail["To"] = _address(to)
    mail["Date"] = format_datetime(message.at.astimezone(UTC))
    mail["Message-ID"] = f"<{mark}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answering machine writes back
    if message.level in {"critical", "high"} and message.kind in {"alert", "condition"}:
        mail["Importance"] = "high"
    mail.set_content(text(message), charset="utf-8", cte="base64")
    return mail


def _address(text: str) -> Address:
    return Address(addr_spec=text)


def _reason(error: smtplib.SMTPException) -> str:
    """What the server said, in one line."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        said = next(iter(error.recipients.values()), (0, b""))
        return _("宛先が断られました: ") + _answer(*said)
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return _("ログインが断られました: ") + _answer(error.smtp_code, error.smtp_error)
    if isinstance(error, smtplib.SMTPResponseException):
        return _("メールサーバが断りました: ") + _answer(error.smtp_code, error.smtp_error)
    return _("メールサーバとのやりとりに失敗しました: ") + str(error)


def _answer(code: int, said: bytes | str) -> str:
    words = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return f"{code} {' '.join(words.split())}"[:300]
