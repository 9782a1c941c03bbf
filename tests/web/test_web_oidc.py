"""Logging in through an identity provider: what comes in, and everything that must not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.request import HTTPRedirectHandler, build_opener

import pytest
from fastapi.testclient import TestClient
from joserfc.jwk import RSAKey

from secops.access.oidc import Rules, check, derived, identity_of, request_url
from secops.access.ports import Access, Role
from secops.errors import DeniedError
from secops.settings import OidcSettings, WebSettings
from secops.wiring.oidc import HttpProvider
from tests.fakes.identity import CLIENT, SECRET, FakeProvider, running
from tests.web.stage import NOW, Stage

SECONDS = int(NOW.timestamp())


@pytest.fixture(scope="module")
def server() -> Iterator[FakeProvider]:
    with running(FakeProvider()) as provider:
        yield provider


@pytest.fixture
def provider(server: FakeProvider) -> Iterator[FakeProvider]:
    right = server.key, dict(server.claims)
    server.lie = {"now": SECONDS}
    yield server
    server.key, server.claims = right
    server.published, server.algorithm = server.key, "RS256"


def stage_with(folder: Path, provider: FakeProvider, **more: object) -> Stage:
    (folder / "secret").write_text(SECRET + "\n")
    settings = OidcSettings.model_validate(
        {"issuer": provider.issuer, "client_id": CLIENT, "client_secret_file": "secret", **more}
    )
    stage = Stage(folder, WebSettings(oidc=settings))
    stage.identity = HttpProvider(settings, folder)
    return stage


@pytest.fixture
def stage(tmp_path: Path, provider: FakeProvider) -> Iterator[Stage]:
    made = stage_with(tmp_path, provider)
    made.accounts.invite("yamada", role=Role.CSIRT, access=Access(), actor="root", now=NOW, external=True)
    yield made
    made.close()


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *_args, **_named):
        return None


def there(address: str) -> str:
    """The browser at the provider, which sends it back at once."""
    try:
        build_opener(_Stay()).open(address)
    except OSError as answer:
        location = answer.headers["location"]  # type: ignore[attr-defined]  # an HTTPError
        answer.close()  # type: ignore[attr-defined]  # an HTTPError
        return str(location)
    raise AssertionError(address)


def come_back(browser: TestClient, target: str = "/alerts"):
    begun = browser.get(f"/login/oidc?next={target}")
    assert begun.status_code == 303
    return browser.get(there(begun.headers["location"]))


def test_a_login_comes_in_with_a_session_and_goes_where_it_wanted(stage, provider):
    browser = stage.visitor()
    assert "/login/oidc" in browser.get("/login").text
    answer = come_back(browser, "/account")
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    page = browser.get("/account").text
    assert "庁内の認証基盤でログインしています" in page
    assert stage.accounts.audit_log(action="login")[0].text == "oidc"
    provider.claims["preferred_username"] = "yamada2"  # renamed there, still the same person
    assert come_back(stage.visitor()).status_code == 303
    assert [one.name for one in stage.accounts.users()] == ["yamada"]


@pytest.mark.parametrize(
    ("lie", "said"),
    [
        ({"nonce": "x"}, "このログインへの応答ではありません"),
        ({"nonce": None}, "このログインへの応答ではありません"),
        ({"aud": "other"}, "この画面あて"),
        ({"aud": [CLIENT, "other"]}, "この画面あて"),
        ({"exp": SECONDS - 61}, "期限"),
        ({"exp": "never"}, "期限"),
        ({"iat": SECONDS + 600}, "発行時刻"),
        ({"iss": "https://evil.example"}, "発行者"),
        ({"sub": ""}, "番号"),
        ({"preferred_username": 7}, "preferred_username"),
        ({"sub": "43", "preferred_username": "unknown"}, "登録されていません"),
        ({"sub": "43"}, "利用者名「yamada」は、別の利用者"),
    ],
)
def test_what_does_not_hold_is_refused_with_its_reason(stage, provider, lie, said):
    if lie.get("sub") == "43" and "preferred_username" not in lie:
        assert come_back(stage.visitor()).status_code == 303  # yamada is bound to 42 from here on
    provider.lie |= lie
    browser = stage.visitor()
    answer = come_back(browser)
    assert answer.status_code == 403
    assert said in answer.text
    assert "secops" not in browser.cookies


def test_a_token_that_another_key_or_none_signed_is_refused(stage, provider):
    provider.key = RSAKey.generate_key(2048, parameters={"kid": "one"})
    assert "署名" in come_back(stage.visitor()).text
    provider.key = provider.published
    provider.algorithm = "RS384"
    assert come_back(stage.visitor()).status_code == 303


def test_new_keys_of_the_provider_are_fetched(stage, provider):
    assert come_back(stage.visitor()).status_code == 303
    provider.key = provider.published = RSAKey.generate_key(2048, parameters={"kid": "one"})
    assert come_back(stage.visitor()).status_code == 403, "not more often than every half minute"
    known = stage.identity._known
    stage.identity._known = (known[0] - 31, *known[1:])
    assert come_back(stage.visitor()).status_code == 303


def test_an_answer_for_another_browser_opens_nothing(stage):
    mine, other = stage.visitor(), stage.visitor()
    location = there(mine.get("/login/oidc").headers["location"])
    other.get("/login/oidc")
    for browser in (other, stage.visitor()):
        assert "このブラウザから" in browser.get(location).text
        assert "secops" not in browser.cookies
    state = location.partition("state=")[2]
    assert "完了しません" in mine.get(f"/login/oidc/callback?state={state}&error=access_denied").text


def test_a_code_is_worth_something_once(stage):
    browser = stage.visitor()
    location = there(browser.get("/login/oidc").headers["location"])
    cookie = browser.cookies["secops_oidc"]
    assert browser.get(location).status_code == 303
    assert "secops_oidc" not in browser.cookies
    browser.cookies.set("secops_oidc", cookie)
    assert "HTTP 400" in browser.get(location).text


def test_a_provider_that_is_away_is_said_and_passwords_still_work(tmp_path, provider):
    stage = stage_with(tmp_path, provider, issuer="http://127.0.0.1:9")
    stage.person("touban", Role.CSIRT)
    answer = stage.visitor().get("/login/oidc")
    assert (answer.status_code, "つながりません" in answer.text) == (503, True)
    assert stage.client("touban").get("/alerts").status_code == 200
    stage.close()


def test_an_unknown_person_becomes_a_viewer_where_the_settings_say_so(tmp_path, provider):
    stage = stage_with(tmp_path, provider, unknown="viewer")
    stage.person("taken", Role.ADMIN)
    assert come_back(stage.visitor()).status_code == 303
    user = stage.accounts.user("yamada")
    assert (user.role, user.display_name, user.external) == (Role.VIEWER, "山田 花子", True)
    provider.claims |= {"sub": "9", "preferred_username": "taken"}
    assert "別の利用者" in come_back(stage.visitor()).text, "a login of this console is never taken over"
    stage.close()


def test_groups_give_roles_and_their_loss_shuts_out(tmp_path, provider):
    roles = {"security": "csirt", "boss": "admin"}
    stage = stage_with(tmp_path, provider, unknown="refuse", role_claim="groups", roles=roles)
    stage.accounts.invite("yamada", role=Role.VIEWER, access=Access(), actor="root", now=NOW, external=True)
    provider.claims["groups"] = ["staff", "security"]
    assert come_back(stage.visitor()).status_code == 303
    assert stage.accounts.user("yamada").role is Role.CSIRT
    provider.claims["groups"] = ["boss"]
    assert come_back(stage.visitor()).status_code == 303
    assert stage.accounts.audit_log(action="role_changed")[0].text == "csirt → admin"
    for one in [one.name for one in stage.accounts.users() if one.role is Role.ADMIN and one.name != "yamada"]:
        stage.accounts.change(one, role=Role.VIEWER, actor="root", now=NOW)
    provider.claims["groups"] = ["security"]
    assert come_back(stage.visitor()).status_code == 303
    assert stage.accounts.user("yamada").role is Role.ADMIN, "the only one stays one, whatever the provider says"
    assert stage.accounts.audit_log(action="role_kept")[0].text == "admin → csirt"
    provider.claims["groups"] = "staff"
    assert "役割が割り当てられていません" in come_back(stage.visitor()).text
    stage.close()


def test_only_verified_addresses_of_the_wards_domains_come_in(stage, provider, tmp_path):
    rules = Rules("i", CLIENT, domains=["City.example"])
    base = {"sub": "1", "preferred_username": "a@b"}
    assert identity_of({**base, "email": "a@city.EXAMPLE", "email_verified": True}, rules).name == "a"
    for email, verified in (("a@city.example", False), ("a@city.example", "true"), ("a@evil.city.example", True)):
        with pytest.raises(DeniedError):
            identity_of({**base, "email": email, "email_verified": verified}, rules)


def test_a_second_factor_of_the_provider_counts_only_where_it_is_trusted():
    claims = {"sub": "1", "preferred_username": "a", "amr": ["pwd", "mfa"]}
    assert identity_of(claims, Rules("i", CLIENT, trust_second_factor=True)).strong
    assert not identity_of(claims, Rules("i", CLIENT)).strong


def test_the_secret_of_the_browser_is_not_in_what_the_provider_sees():
    address = request_url("https://i.example/a?x=1", Rules("i", CLIENT), "the secret", "https://c/login")
    assert address.startswith("https://i.example/a?x=1&response_type=code")
    assert "the+secret" not in address
    assert derived("the secret", "verifier") not in address
    with pytest.raises(DeniedError):
        check({"iss": "i", "aud": CLIENT, "exp": True, "iat": 0}, Rules("i", CLIENT), "s", NOW)


@pytest.mark.parametrize("issuer", ["http://login.example", "login.example", "https://", "https://a.example/?x=1"])
def test_an_issuer_without_tls_is_no_setting(issuer):
    with pytest.raises(ValueError, match="https"):
        OidcSettings(issuer=issuer, client_id="x")
