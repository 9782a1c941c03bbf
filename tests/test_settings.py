from __future__ import annotations

from pathlib import Path

import pytest

from secops.errors import SettingsError
from secops.settings import load, parse

GOOD = """
[site]
id = "ward"
name = "試験区"
[zones.lgwan]
label = "LGWAN接続系"
networks = ["10.20.0.0/16"]
[[sources]]
id = "fw01"
kind = "syslog-udp"
listen = "127.0.0.1:5514"
zone = "lgwan"
"""


def problems(text: str) -> list[str]:
    with pytest.raises(SettingsError) as raised:
        parse(text, "secops.toml")
    return [str(problem) for problem in raised.value.problems]


def test_a_good_file_gets_defaults():
    settings = parse(GOOD, "secops.toml")
    assert settings.source("fw01") is not None
    assert settings.source("nope") is None
    assert settings.web.port == 8765


def test_the_template_is_a_good_file():
    template = Path(__file__).parent.parent / "secops/site_template.toml"
    settings = parse(template.read_text(encoding="utf-8").format(id="ward", name="試験区"), "template")
    assert list(settings.zones) == ["mynumber", "lgwan", "internet", "security_cloud"]


def test_all_mistakes_are_reported_at_once_with_key_and_what_was_found():
    text = GOOD.replace("10.20.0.0/16", "10.20.0.1/16") + '[web]\nport = 99999\ncolour = "red"\n'
    found = problems(text)
    assert any("zones.lgwan.networks[0]" in line and "10.20.0.1/16" in line for line in found)
    assert any("web.port" in line and "99999" in line for line in found)
    assert any("web.colour" in line for line in found)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (('zone = "lgwan"', 'zone = "lagwan"'), "sources[0].zone"),
        (('listen = "127.0.0.1:5514"', 'listen = "127.0.0.1"'), "sources[0]"),
        (('id = "fw01"', 'id = "FW 01"'), "sources[0].id"),
        (('kind = "syslog-udp"', 'kind = "file"'), "sources[0]"),
    ],
)
def test_a_wrong_source_names_its_key(change, key):
    assert any(key in line for line in problems(GOOD.replace(*change)))


def test_doubled_ids_and_ports_are_found():
    again = GOOD + '[[sources]]\nid = "fw01"\nkind = "syslog-udp"\nlisten = "127.0.0.1:5514"\n'
    assert any("sources[1].id" in line for line in problems(again))
    other = again.replace('id = "fw01"\nkind = "syslog-udp"\nlisten = "127.0.0.1:5514"\n', "", 1)
    renamed = GOOD + '[[sources]]\nid = "fw02"\nkind = "syslog-udp"\nlisten = "127.0.0.1:5514"\n'
    assert other != renamed
    assert any("sources[1].listen" in line for line in problems(renamed))


def test_the_console_beyond_this_machine_needs_tls():
    assert any("web" in line for line in problems(GOOD + '[web]\nhost = "0.0.0.0"\n'))


def test_toml_mistakes_and_missing_files_are_one_clear_message(tmp_path):
    assert "secops.toml" in problems("[site")[0]
    with pytest.raises(SettingsError) as raised:
        load(tmp_path)
    assert str(tmp_path) in str(raised.value)
