"""Logging in to Elasticsearch: a refused login, a changed password, letters beyond ASCII, certificates."""

from __future__ import annotations

from pathlib import Path

import pytest

from secops.errors import AwayError, StoreError
from secops.store.events.elastic_server import Access, Server
from tests.fakes.certificate import write_certificate
from tests.fakes.elastic_door import Door, door


def ask(access: Access, again=None):
    server = Server(access, again)
    try:
        return server.ask("GET", "/x/_doc/y")
    finally:
        server.close()


def test_a_refused_login_is_a_store_that_is_away_and_says_so():
    """Rules must go on without the store: whoever changes the password at night must not stop detection."""
    with door(Door.basic("secops", "right")) as there, pytest.raises(AwayError, match="ログイン") as told:
        ask(Access([there.url], user="secops", password="wrong"))
    assert "unable to authenticate user" in str(told.value)
    assert "wrong" not in str(told.value)


@pytest.mark.parametrize("password", ["パスワード", "ü:ß", "a b"])
def test_a_password_may_have_any_letters(password):
    with door(Door.basic("secops", password)) as there:
        assert ask(Access([there.url], user="secops", password=password)) == {"_source": {}}


def test_an_api_key_that_cannot_be_sent_is_said():
    with door() as there, pytest.raises(StoreError, match="API キー"):
        ask(Access([there.url], api_key="鍵"))


def test_a_changed_password_is_taken_up_without_a_restart():
    with door(Door.basic("secops", "old")) as there:
        access = Access([there.url], user="secops", password="old")
        now = [access]
        server = Server(access, lambda: now[0])
        assert server.ask("GET", "/x/_doc/y") == {"_source": {}}
        there.login = Door.basic("secops", "new")
        with pytest.raises(AwayError):
            server.ask("GET", "/x/_doc/y")
        now[0] = Access([there.url], user="secops", password="new")
        assert server.ask("GET", "/x/_doc/y") == {"_source": {}}
        asked = there.asked
        assert server.ask("GET", "/x/_doc/y") == {"_source": {}}
        assert there.asked == asked + 1
        server.close()


def test_a_certificate_is_checked_against_the_named_file(tmp_path: Path):
    write_certificate(tmp_path)
    with door(certificate=tmp_path) as there:
        assert ask(Access([there.url], ca_file=str(tmp_path / "cert.pem"))) == {"_source": {}}


def test_a_certificate_that_nobody_vouches_for_is_refused_with_the_reason(tmp_path: Path):
    write_certificate(tmp_path)
    with door(certificate=tmp_path) as there, pytest.raises(AwayError, match="証明書") as told:
        ask(Access([there.url]))
    assert "store.ca_file" in str(told.value)
    with door(certificate=tmp_path) as there:
        (tmp_path / "other").mkdir()
        write_certificate(tmp_path / "other")
        with pytest.raises(AwayError, match="証明書"):
            ask(Access([there.url], ca_file=str(tmp_path / "other" / "cert.pem")))


def test_a_file_that_holds_no_certificate_is_said(tmp_path: Path):
    (tmp_path / "cert.pem").write_text("no certificate", encoding="utf-8")
    for name in ("cert.pem", "missing.pem"):
        with pytest.raises(StoreError, match=name):
            ask(Access(["https://127.0.0.1:9"], ca_file=str(tmp_path / name)))
