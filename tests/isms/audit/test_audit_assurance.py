"""Wording that reads like assurance is found in all its variants; what only reports facts is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secops.isms.audit.assurance import found_in
from secops.isms.audit.paper_style import DISCLAIMER, DISCLAIMER_POLITE

ASSURING = [
    "以下の検出事項があるものの、当面、緊急かつ重要な影響は予想されない。",
    "次の検出事項はあるものの、当面、緊急かつ重要な影響は予想されません。",
    "以下の検出事項を除いて、重要な問題はない。",
    "以下の検出事項を除き、重要な問題はありませんでした。",
    "重要な問題は発見されなかった。",
    "重大な問題は発見されませんでした。",
    "重要な不備は検出されなかった。",
    "重大な不適合は認められなかった。",
    "特に大きな問題は見受けられなかった。",
    "特段の支障は見当たらない。",
    "おおむね適正である。",
    "概ね適正であった。",
    "全体として、おおむね良好に管理されている。",
    "総じて適切である。",
    "適切に運用されていると認められる。",
    "適切に運用されていると認めます。",
    "適正に管理されているものと判断した。",
    "有効に機能していると評価する。",
    "安全管理措置は、適切に実施されている。",
    "問題は認められなかった。",
    "問題点は認められませんでした。",
    "問題となる事項は確認されなかった。",
    "問題はない。",
    "問題は、特になかった。",
    "指摘すべき事項はなかった。",
    "特に指摘する事項はありません。",
    "情報セキュリティ対策は適切である。",
    "管理体制は、妥当であると考える。",
    "安全性は確保されている。",
    "本区のシステムは安全であることを保証する。",
    "情報セキュリティが維持されていることを保証します。",
    "遺漏なく実施されている。",
    "重要な課題は見つかっていない。",
    "情報資産は、適正に保管されている。",
    "記録は適切に取得されており、管理されていた。",
    "媒体が適切に保管されていることを確認した。",
    "対策は十分である。",
    "緊急を要する事項はない。",
    "情報セキュリティ水準は高い。",
    "良好な状態である。",
    "一部を除き、適切に実施されていた。",
    "軽微な不適合も検出されなかった。",
]
REPORTING = [
    DISCLAIMER,
    DISCLAIMER_POLITE,
    "対策が有効であることを保証するものではない。",
    "区民課において、外部記録媒体の利用が記録されていないことを確認した。",
    "対策基準第12条では、記録を適切に管理すると定めている。",
    "このため、情報の持ち出しに気付くのが遅れるおそれがある。",
    "手順を定め、四半期ごとに点検する必要がある。",
    "媒体を適切に管理しているか。",
    "重大な不適合1件、軽微な不適合2件、観察事項1件である。",
    "重大な不適合については、直ちに応急の措置を講じた上で、改善計画を定める必要がある。",
    "研修の欠席者への補講が行われていない。",
    "達成率は86.7％、網羅率は91.4％であった。",
    "問題を引き起こす可能性があるもの",
    "安全に取り込むこと",
    "今回の監査項目について、改善を求める指摘事項を挙げていない。",
    "不適合ではないが、改善することが望ましいもの",
    "当該部署又はシステムに該当しない。",
    "監査人が確認していない。○とはみなさない。",
    "適切に保管されていないことを確認した。",
    "適切に実施されているとは認められない。",
    "支障がないか確認する必要がある。",
    "問題がないことを四半期ごとに確認する必要がある。",
    "適切に管理されていることを定期に点検することを検討されたい。",
    "十分な記録がないことを確認した。",
    "全体の3割で記録がなかった。",
]


@pytest.mark.parametrize("text", ASSURING)
def test_assurance_is_found(text):
    assert list(found_in(text))


@pytest.mark.parametrize("text", REPORTING)
def test_facts_are_no_assurance(text):
    assert list(found_in(text)) == []


@given(st.sampled_from(ASSURING), st.data())
def test_spaces_widths_and_invisible_characters_hide_nothing(text, data):
    places = data.draw(st.lists(st.integers(0, len(text)), max_size=6))
    filler = data.draw(st.sampled_from([" ", "　", "\n", "\u200b", "\ufeff", "\t"]))
    for place in sorted(places, reverse=True):
        text = text[:place] + filler + text[place:]
    assert list(found_in(text))


@given(st.sampled_from(ASSURING), st.sampled_from(REPORTING))
def test_a_sentence_is_found_among_others(bad, good):
    assert list(found_in(good + ("" if good.endswith("。") else "。") + bad))
    assert list(found_in(bad + good))
