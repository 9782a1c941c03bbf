import time

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secops.schema.frame import EXTRA
from secops.siem.enrich.masking import MASK, check_digit, is_my_number, mask, mask_text

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
    ],
)
def test_other_numbers_are_left_alone(text):
    assert mask_text(text) == text


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
