import time

import orjson
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secops.schema.frame import EXTRA, EXTRA_TEXT
from secops.schema.text import MASK
from secops.siem.enrich.masking import check_digit, is_my_number, mask, mask_text

eleven = st.text(alphabet="0123456789", min_size=11, max_size=11).filter(lambda text: len(set(text)) > 1)
NUMBER = "12345678901" + str(check_digit("12345678901"))


def weights(digits):
    # The ordinance's own words: Qn is n+1 for n = 1..6 and n-5 for n = 7..11, Pn the n-th digit from the right.
    total = sum(int(digits[11 - n]) * (n + 1 if n <= 6 else n - 5) for n in range(1, 12))
    return 0 if total % 11 <= 1 else 11 - total % 11


@given(eleven)
def test_check_digit_is_that_of_the_ordinance(digits):
    assert check_digit(digits) == weights(digits)


@given(eleven, st.sampled_from(["{}{}{}", "{}-{}-{}", "{} {} {}", "{}　{}　{}"]), st.booleans())
def test_a_number_is_masked_however_it_is_written(digits, shape, wide):
    number = digits + str(check_digit(digits))
    if not is_my_number(number):  # reads as a date with a time
        return
    text = shape.format(number[:4], number[4:8], number[8:])
    if wide:
        text = text.translate(str.maketrans("0123456789-", "０１２３４５６７８９－"))
    assert mask_text(f"個人番号は{text}です") == f"個人番号は{MASK}です"


@given(eleven, st.integers(1, 9))
def test_a_wrong_check_digit_is_left_alone(digits, more):
    wrong = digits + str((check_digit(digits) + more) % 10)
    assert mask_text(f"伝票 {wrong} 件") == f"伝票 {wrong} 件"


@given(st.text())
def test_any_text_survives(text):
    assert mask_text(mask_text(text)) == mask_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "202611230204",  # 2026-11-23 02:04
        "000000000000",
        f"9{NUMBER}",
        f"{NUMBER}9",
        f"0.{NUMBER}",
        f"5770385f-c22a-43e0-bf4c-{NUMBER}",
        f"{NUMBER[:4]}-{NUMBER[4:8]}-{NUMBER[8:]}-1234",
        f"1234-{NUMBER[:4]}-{NUMBER[4:8]}-{NUMBER[8:]}",
        f"{NUMBER[:4]}-{NUMBER[4:8]}{NUMBER[8:]}",
        f"SHA1=C96F{NUMBER}D374004726E5F1B5F6A2,MD5=0",
        f"{{a0c1{NUMBER[:4]}-{NUMBER[4:8]}-{NUMBER[8:]}-a73d-0cf0d1bd3e00}}",
    ],
)
def test_other_numbers_are_left_alone(text):
    assert mask_text(text) == text


FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")
NUMBERS = (NUMBER, NUMBER[:4], NUMBER[4:8], NUMBER[8:], NUMBER.translate(FULL_WIDTH), "000000000000")
OTHERS = ("00000000-0000-0000-0000-", "a0c1", "c22a", "0123456789abcdef", "C:\\1", "\n", '"', "号", "x", "")
MARKS = ("-", " ", "　", "－", ".", "1", "0", "９", "f")
pieces = st.sampled_from(NUMBERS + OTHERS + MARKS)
texts = st.lists(pieces, max_size=9).map("".join)


@given(st.lists(st.none() | texts, min_size=1, max_size=6))
def test_a_column_is_masked_as_its_values_are(values):
    """The vectorised search lets nothing pass that is masked where a value stands alone, and touches nothing else."""
    frame = pl.DataFrame(
        {"process.command_line": values, "process.args": [[value] for value in values]},
        schema={"process.command_line": pl.String, "process.args": pl.List(pl.String)},
    )
    expected = [value and mask_text(value) for value in values]
    out = mask(frame)
    assert out["process.command_line"].to_list() == expected
    assert out["process.args"].to_list() == [[value] for value in expected]
    flags = [True if new != old else None for new, old in zip(expected, values, strict=True)]
    assert (out["labels.masked"].to_list() if out is not frame else [None] * len(values)) == flags


@given(st.lists(texts, min_size=1, max_size=4), st.integers(0, 10**13), st.booleans())
def test_extra_stays_json_and_keeps_its_other_values(values, number, mine):
    fields = {f"f{place}": value for place, value in enumerate(values)}
    fields |= {"number": int(NUMBER) if mine else number, "list": [values[0], number], "inner": {"x": values[-1]}}
    out = orjson.loads(mask(pl.DataFrame({EXTRA: [orjson.dumps(fields).decode()]}))[EXTRA][0])

    def masked(value):
        if isinstance(value, int):
            return MASK if is_my_number(str(value)) else value
        return mask_text(value)

    assert {name: out[name] for name in list(fields)[: len(values)]} == {
        name: mask_text(fields[name]) for name in list(fields)[: len(values)]
    }
    assert out["number"] == masked(fields["number"])
    assert out["list"] == [masked(values[0]), masked(number)]
    assert out["inner"] == {"x": mask_text(values[-1])}


def test_what_the_platform_counts_is_no_personal_number():
    fields = {
        "winlog.keywords": NUMBER,
        "winlog.process.thread.id": int(NUMBER),
        "winlog.event_data.Weight": NUMBER,
        "winlog.event_data.ObjectName": f"C:\\所得\\{NUMBER}.pdf",
    }
    frame = pl.DataFrame({EXTRA: [orjson.dumps(fields).decode()], "process.pe.product": [NUMBER]})
    out = mask(frame)
    masked = fields | {"winlog.event_data.ObjectName": f"C:\\所得\\{MASK}.pdf"}
    assert orjson.loads(out[EXTRA][0]) == masked
    assert out["process.pe.product"].to_list() == [NUMBER]


def test_columns_extra_lists_and_originals_are_masked_and_flagged():
    frame = pl.DataFrame(
        {
            "event.id": ["hon.x.1", f"hon.x.{NUMBER}", "hon.x.3"],
            "event.sequence": [1, int(NUMBER), 3],
            "file.name": [f"{NUMBER}_所得証明.pdf", "a.txt", None],
            "event.original": [f"x {NUMBER}", "y", "z"],
            EXTRA: [None, f'{{"skysea.note":"{NUMBER}"}}', "{}"],
            "process.args": [["a", NUMBER], ["b"], None],
            "source.ip": ["10.1.2.3", "10.1.2.4", None],
        }
    )
    out = mask(frame)
    assert out["file.name"].to_list() == [f"{MASK}_所得証明.pdf", "a.txt", None]
    assert out["event.original"][0] == f"x {MASK}"
    assert out[EXTRA].to_list() == [None, f'{{"skysea.note":"{MASK}"}}', "{}"]
    assert out["process.args"].to_list() == [["a", MASK], ["b"], None]
    assert out["event.sequence"][1] == int(NUMBER)
    assert out["labels.masked"].to_list() == [True, True, None]


def test_texts_of_extra_are_forgotten_where_extra_was_masked_and_not_searched():
    frame = pl.DataFrame(
        {
            EXTRA: [f'{{"skysea.note":"{NUMBER}"}}', '{"skysea.note":"plain"}', None],
            EXTRA_TEXT: [NUMBER, "plain", None],
        }
    )
    assert mask(frame)[EXTRA_TEXT].to_list() == [None, "plain", None]


def test_a_frame_without_numbers_is_the_same_object_and_costs_little():
    rows = 20_000
    line = "date=2026-11-24 time=09:12:44 devname=FW01 eventtime=1795479164123456789 srcip=10.1.2.13 dstip=10.2.5.1"
    frame = pl.DataFrame(
        {
            "event.original": [f"{line} sessionid={n}" for n in range(rows)],
            "process.command_line": [rf"C:\Windows\System32\svchost.exe -k netsvcs -p -s {n}" for n in range(rows)],
            EXTRA: [f'{{"fortinet.sessionid":{n},"fortinet.policyid":12}}' for n in range(rows)],
        }
    )
    assert mask(frame) is frame
    best = min(_seconds(frame) for _ in range(3))
    print(f"mask: {best / rows * 1e6:.2f} µs/row")
    assert best / rows < 3e-6


def _seconds(frame):
    begin = time.perf_counter()
    mask(frame)
    return time.perf_counter() - begin
