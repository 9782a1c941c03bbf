from __future__ import annotations

from pathlib import Path

import pytest

from secops.errors import SettingsError
from secops.settings import absent_files, load, parse

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


NOTIFY = """
[notify]
url = "https://secops.example.lg.jp/"
rota = ["a"]
[[notify.channels]]
id = "mail"
kind = "mail"
host = "smtp.example.lg.jp"
sender = "secops@example.lg.jp"
[[notify.channels]]
id = "lamp"
kind = "command"
argv = ["lamp"]
[[notify.people]]
id = "a"
name = "当番"
contacts = { mail = "a@example.lg.jp", lamp = "1" }
[[notify.shifts]]
days = ["offday"]
hours = "17:15-08:30"
people = ["a"]
"""


def test_who_is_paged():
    notify = parse(GOOD + NOTIFY, "secops.toml").notify
    assert (notify.enabled, notify.level, notify.url) == (True, "high", "https://secops.example.lg.jp")
    assert notify.channels[0].at_port == 587
    assert not parse(GOOD, "secops.toml").notify.enabled


def test_all_mistakes_about_paging_are_told_at_once():
    found = problems(
        GOOD
        + """
[notify]
level = "loud"
url = "https://x.example/?a=1"
rota = ["b"]
[[notify.channels]]
id = "mail"
kind = "mail"
host = "smtp"
sender = "secops"
[[notify.channels]]
id = "mail"
kind = "command"
[[notify.channels]]
id = "plain"
kind = "mail"
host = "smtp"
sender = "s@example.lg.jp"
security = "none"
user = "s"
password_file = "p"
[[notify.people]]
id = "a"
name = "a\\nBcc: x"
contacts = { mail = "a@b@c", fax = "1" }
[[notify.shifts]]
days = ["someday"]
hours = "25:00-26:00"
people = ["c"]
"""
    )
    places = sorted(text.split(": ")[1] for text in found)
    assert places == [
        "notify.channels[0].sender",
        "notify.channels[1]",
        "notify.channels[1].id",
        "notify.channels[2]",
        "notify.level",
        "notify.people[0].contacts.fax",
        "notify.people[0].name",
        "notify.rota",
        "notify.shifts[0].days[0]",
        "notify.shifts[0].hours",
        "notify.shifts[0].people",
        "notify.url",
    ]
    alone = problems(GOOD + NOTIFY.split("[[notify.people]]", maxsplit=1)[0].replace('rota = ["a"]', ""))
    assert len(alone) == 1
    assert "両方が必要" in alone[0]


def test_a_password_file_that_is_absent_is_told(tmp_path):
    text = GOOD + NOTIFY.replace("host =", 'password_file = "keys/smtp"\nhost =')
    assert [str(one).split(": ")[1] for one in absent_files(parse(text, "x"), tmp_path)] == ["notify.channels"]


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


ALL_WRONG = """
[site]
id = "ward"
name = 5
model = "gamma"
[zones.LGWAN]
label = "x"
networks = ["10.1.2.3/8", "abc", "10.0.0.0/33"]
[[sources]]
id = "a"
kind = "files"
path = "x"
zone = "lgwam"
format = "windows_jsn"
encoding = "sjis"
quiet_after = "soon"
[[sources]]
id = "a"
kind = "syslog-udp"
listen = "localhost:514"
[rules]
builtin = 3
placeholders = {"a b" = []}
[journal]
segment_mib = 0.5
[work]
start = "25:99"
workers = 0
flush_seconds = "x"
[web]
host = "0.0.0.0x"
port = 99999
"""


def test_everything_that_is_wrong_is_told_at_once_in_the_reader_s_words():
    found = problems(ALL_WRONG)
    keys = {line.split(": ")[1] for line in found}
    assert keys == {
        "site.name", "site.model", "zones.LGWAN", "zones.LGWAN.networks[0]", "zones.LGWAN.networks[1]",
        "zones.LGWAN.networks[2]", "sources[0].kind", "sources[0].zone", "sources[0].format", "sources[0].encoding",
        "sources[0].quiet_after", "sources[1].id", "sources[1].listen", "rules.builtin", "rules.placeholders.a b",
        "journal.segment_mib", "work.start", "work.workers", "work.flush_seconds", "web.host", "web.port",
    }  # fmt: skip
    assert [line for line in found if " should " in line or "does not" in line or "expected" in line] == []
    assert any("'gamma' は使えません: 使えるもの: alpha, " in line for line in found)
    assert any("10.0.0.0/8 のことですか" in line for line in found)


@pytest.mark.parametrize("text", ["[site\nx = 1", "a = = 1"])
def test_what_is_no_toml_has_its_line(text):
    assert problems("# a comment\n" + text)[0].startswith("secops.toml:2: ")


def test_a_file_that_is_no_utf8_has_its_line(tmp_path):
    (tmp_path / "secops.toml").write_bytes("[site]\nname = '区'".encode("cp932"))
    with pytest.raises(SettingsError, match=r"secops.toml:2: UTF-8"):
        load(tmp_path)


def test_files_that_are_named_and_not_there(tmp_path):
    text = GOOD + '[rules]\nfolders = ["own", "gone"]\npipelines = ["p.yml"]\n'
    (tmp_path / "own").mkdir()
    found = absent_files(parse(text, "secops.toml"), tmp_path)
    assert [problem.where.split(": ")[1] for problem in found] == ["rules.folders", "rules.pipelines"]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('kind = "elasticsearch"', "urls"),
        ('kind = "elasticsearch"\nurls = ["es01"]', "https://"),
        ('kind = "elasticsearch"\nurls = ["https://a:b@es01:9200"]', "user"),
        ('kind = "elasticsearch"\nurls = ["https://es01:9200"]\nuser = "x"', "password_file"),
        ('kind = "elasticsearch"\nurls = ["http://es01:9200"]\napi_key_file = "k"', "平文"),
        ('kind = "elasticsearch"\nurls = ["https://es01:9200"]\nprefix = "a-b"', "下線"),
    ],
)
def test_a_store_that_is_not_complete_is_said(lines, said):
    text = f'[site]\nid = "ward"\nname = "x"\n[zones.lgwan]\nlabel = "x"\n[store]\n{lines}\n'
    with pytest.raises(SettingsError, match=said):
        parse(text, "secops.toml")
