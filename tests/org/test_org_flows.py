from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secops.errors import SettingsError
from secops.org.flows import FlowJudge, builtin_table, parse_table
from secops.org.model import Flow, Service
from secops.org.zones import ZoneMap
from secops.settings import MODELS, Settings, SiteSettings, ZoneSettings

SETTINGS = Settings(
    site=SiteSettings(id="hon", name="試験区"),
    zones={
        "mynumber": ZoneSettings(label="マイナンバー利用事務系", networks=["10.1.0.0/16"]),
        "lgwan": ZoneSettings(label="LGWAN接続系", networks=["10.2.0.0/16", "2001:db8:2::/48"]),
        "internet": ZoneSettings(label="インターネット接続系", networks=["10.3.0.0/16", "10.2.99.0/24"]),
        "security_cloud": ZoneSettings(label="セキュリティクラウド", networks=["172.31.0.0/16"]),
        "lgwan_asp": ZoneSettings(label="LGWAN-ASP", networks=["172.30.0.0/16"]),
    },
)
ZONES = ZoneMap.of(SETTINGS)
HTTPS = (Service("tcp", 443, 443),)
DAY = date(2026, 11, 24)


def flow(id, kind, source, destination, services=HTTPS, expires=None):
    return Flow(id, kind, source, destination, services, "110", "理由", expires)


FLOWS = (
    flow("T-1", "registered", "10.1.2.0/24", "10.2.5.1"),
    flow("T-2", "registered", "10.1.2.13", "10.2.5.2", expires=date(2026, 11, 23)),
    flow("S-1", "screen_transfer", "lgwan", "10.3.0.9"),
    flow("M-1", "sanitized", "10.3.0.7", "10.2.0.7"),
    flow("X-1", "registered", "10.1.2.13", "203.0.113.9"),
    flow("E-1", "trusted_external", "10.1.2.13", "203.0.113.40"),
    flow("C-1", "cloud", "lgwan", "203.0.113.50"),
)


def judge(source, destination, port=443, protocol="tcp", model="alpha"):
    found = FlowJudge(builtin_table(), model, ZONES, FLOWS).judge(source, destination, port, protocol, DAY)
    return found.verdict, found.flow_id


@pytest.mark.parametrize(
    ("address", "zone"),
    [
        ("10.1.2.3", "mynumber"),
        ("10.2.1.1", "lgwan"),
        ("10.2.99.1", "internet"),  # the longer prefix
        ("2001:db8:2::1", "lgwan"),
        ("::ffff:10.1.2.3", "mynumber"),
        ("192.168.1.1", ""),
        ("203.0.113.9", "world"),
        ("8.8.8.8", "world"),
        ("127.0.0.1", "local"),
        ("224.0.0.251", "local"),
        ("255.255.255.255", "local"),
        ("fe80::1", "local"),
        ("-", None),
        ("10.1.2", None),
    ],
)
def test_zone_of_an_address(address, zone):
    assert ZONES.zone(address) == zone


@given(st.ip_addresses())
def test_every_address_has_a_zone(address):
    assert ZONES.zone(str(address)) is not None


@pytest.mark.parametrize("model", MODELS)
def test_mynumber_and_the_internet_never_speak_directly_in_any_model(model):
    for other in ("10.3.0.1", "203.0.113.9", "172.31.0.1"):
        assert judge("10.1.2.13", other, model=model)[0] == "forbidden"
        assert judge(other, "10.1.2.13", model=model)[0] == "forbidden"


def test_mynumber_outward_is_registered_or_not():
    assert judge("10.1.2.13", "10.2.5.1") == ("registered", "T-1")
    assert judge("10.1.2.13", "10.2.5.1", port=80) == ("unregistered", "")
    assert judge("10.1.2.13", "10.2.5.1", protocol="udp") == ("unregistered", "")
    assert judge("10.1.9.13", "10.2.5.1") == ("unregistered", "")
    assert judge("10.1.2.13", "10.2.5.2") == ("expired", "T-2")
    assert judge("10.1.2.13", "203.0.113.40") == ("registered", "E-1")
    assert judge("10.1.2.13", "192.168.7.7") == ("unregistered", "")


@pytest.mark.parametrize(
    ("model", "verdict"),
    [("alpha", "forbidden"), ("beta", "forbidden"), ("beta_prime", "forbidden"), ("alpha_prime", "registered")],
)
def test_lgwan_to_the_internet_only_by_listed_cloud_in_alpha_prime(model, verdict):
    assert judge("10.2.0.1", "203.0.113.50", model=model)[0] == verdict


def test_between_lgwan_and_internet():
    assert judge("10.2.0.1", "10.3.0.9") == ("allowed", "S-1")  # 画面転送: ordinary work
    assert judge("10.2.0.1", "10.3.0.8") == ("unregistered", "")
    assert judge("10.3.0.7", "10.2.0.7") == ("registered", "M-1")
    assert judge("10.3.0.8", "10.2.0.7") == ("unregistered", "")


def test_ordinary_traffic():
    assert judge("10.3.0.1", "172.31.0.1") == ("allowed", "")
    assert judge("10.3.0.1", "198.51.100.7") == ("allowed", "")
    assert judge("10.1.0.1", "10.1.0.2") == ("allowed", "")
    assert judge("10.2.0.1", "172.30.0.2") == ("allowed", "")
    assert judge("192.168.1.1", "192.168.1.2") == (None, "")
    assert judge("10.1.0.1", "224.0.0.251") == (None, "")


def test_a_ward_s_own_table_is_checked():
    with pytest.raises(SettingsError) as caught:
        parse_table(
            '[[rules]]\nfrom = "a"\ndirect = "maybe"\nkinds = ["x"]\nmodels = ["gamma"]\nwhy = "…"\n', "flows.toml"
        )
    assert [problem.where.split(": ")[1] for problem in caught.value.problems] == [
        "rules[0].to",
        "rules[0].direct",
        "rules[0].kinds",
        "rules[0].models",
    ]
    with pytest.raises(SettingsError):
        parse_table("", "flows.toml")


def test_flows_registered_in_vain_are_named():
    judge = FlowJudge(builtin_table(), "alpha", ZONES, FLOWS)
    assert [flow.id for flow in judge.useless()] == ["X-1", "C-1"]  # forbidden all the same; α´ only
    assert [flow.id for flow in FlowJudge(builtin_table(), "alpha_prime", ZONES, FLOWS).useless()] == ["X-1"]
