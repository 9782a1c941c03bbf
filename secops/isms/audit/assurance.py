"""Wording that reads like assurance, which an advisory report must not have (保証と受け取られる表現).

The phrases are folded (full and half width, white space, invisible characters) and inflected:
「問題は認められなかった」, 「重大な 問題は発見されませんでした」 and 「概ね適正と考える」 are all found. What denies
assurance is no assurance.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_GAPS = re.compile(r"[\s\u200b-\u200f\u2060\ufeff\u00ad]+")
_NOT = r"(?:ない|なかった|なく|ません(?:でした)?|ぬ|ず)"
_FOUND = (
    r"(?:発見|検出|確認|把握|指摘|報告|予想|想定)(?:さ|出来|でき|し得|しえ|する(?:こと|には))?(?:れ|て|至ら|が)*"
    r"(?:い)?(?:な|ま|で|得|え)*" + _NOT
    + r"|(?:認め|見受け|見)(?:られ)?(?:て)?(?:い)?" + _NOT
    + r"|(?:(?:見当た|見つか|見付か)ら|(?:見つか|見付か)ってい)" + _NOT
    + r"|(?:なかった|なし|ない|無かった|無い|無し|ありません(?:でした)?|存在し(?:ない|なかった|ません))"
)  # fmt: skip
_TROUBLE = r"(?:問題(?:点)?|不備|不適合|欠陥|支障|懸念|影響|事項|課題|逸脱|違反)"
_GRAVE = r"(?:緊急(?:かつ|で)?|重要(?:かつ|で)?|重大|大き|深刻|著しい|顕著|特段の|特に|格別の)"
_ALRIGHT = r"(?:適正|適切|良好|妥当|有効|十分|万全|健全|安全|確実)"
_DONE = r"(?:運用|管理|実施|整備|遵守|保護|維持|確保|対応|機能|構築|処理)"
_ROUGHLY = r"(?:おおむね|概ね|大むね|総じて|全般(?:的)?に|全体(?:として|的に)|ほぼ|基本的に)"
# (what it is called, pattern on folded text); the first that matches is shown.
PHRASES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        (
            "検出事項があるものの影響は予想されない",
            (
                rf"(?:事項|指摘|不適合).{{0,6}}(?:あるものの|ありますが|あるが|ものの).{{0,12}}{_GRAVE}."
                rf"{{0,10}}(?:影響|問題|支障).{{0,3}}(?:は|が|も).{{0,8}}{_NOT}"
            ),
        ),
        (
            "検出事項を除いて問題はない",
            rf"(?:事項|指摘|点|不適合)を除(?:いて|き|けば).{{0,16}}{_TROUBLE}(?:は|が|も).{{0,8}}{_NOT}",
        ),
        (
            "重要な問題は発見されなかった",
            (
                rf"{_GRAVE}(?:な|かつ)?.{{0,8}}?(?:問題(?:点)?|不備|欠陥|支障|懸念|影響|課題|逸脱|違反|不適合|指摘"
                rf"(?:すべき)?(?:事項)?)(?:は|が|も|となる(?:もの|点)は)(?:、)?(?:{_FOUND})"
            ),
        ),
        (
            "問題は認められなかった",
            (
                rf"(?:問題(?:点|となる(?:点|事項|もの))?|不備|不適合|欠陥|支障|懸念|逸脱|違反)(?:は|が|も)(?:、)?(?:特"
                rf"に|全く|一切)?(?:{_FOUND})"
            ),
        ),
        (
            "おおむね適正である",
            rf"{_ROUGHLY}.{{0,14}}(?:{_ALRIGHT}|遵守され|守られ|できている|満たして)",
        ),
        (
            "適切に運用されていると認められる",
            (
                rf"{_ALRIGHT}(?:に|な).{{0,8}}?(?:{_DONE})(?:が|は)?(?:さ|な)?(?:れ|し|さ)*(?:て)?(?:い|お)?(?:"
                rf"る|た|ます|ました|り)?(?:もの|こと|状況|状態)?(?:と|を|が)(?:認め|判断|評価|考え|言え|いえ|"
                rf"確認|思われ)"
            ),
        ),
        (
            "適切に運用されている",
            (
                rf"(?:は|が|を|、|も|^)(?:{_ALRIGHT})(?:に|な)[^。、]{{1,10}}(?:され|し|われ|なわれ|られ|じられ|でき)て"
                rf"(?:いる|います|いた|いました|おり(?:ます)?)(?:こと(?:を|が)確認[^。]*)?(?=。|、|$)"
            ),
        ),
        (
            "適正である",
            (
                rf"(?:状況|体制|対策|運用|管理|水準|状態)(?:は|が)(?:、)?(?:{_ALRIGHT}|高い)(?:である|であった|です|"
                rf"でした|と(?:認め|判断|評価|考え|言え|いえ)|(?=。|$))|{_ALRIGHT}な(?:状態|状況|水準)(?:である|であった|に(?:ある|あった)|です|でした)"
            ),
        ),
        (
            "安全である",
            (
                r"(?:安全(?:性)?(?:である|です|であった|でした)|安全性(?:は|が)(?:確保|担保|保証|維持)され(?:"
                r"て(?:いる|います|おり)|た|ました))"
            ),
        ),
        (
            "保証する",
            (
                r"保証(?:する(?!もの(?:では|で)(?:は)?(?:ない|ありません|あり|な)|こと(?:は|が)(?:でき|出来)|"
                r"わけでは|趣旨では|意図)|します|した(?!もの(?:では)(?:ない|ありません))|しました|できる|でき"
                r"ます|される|されます|された)"
            ),
        ),
        (
            "特に指摘すべき事項はない",
            (
                rf"(?:特に|特段)?(?:指摘|改善|是正|言及|緊急|対応|対策)(?:すべき|を要する|する)(?:事項|点|もの)?(?:は|が|も)"
                rf"(?:、)?(?:特に|特段)?(?:{_FOUND})"
            ),
        ),
        (
            "遺漏なく",
            (
                r"(?:遺漏|漏れ|抜かり|万全|滞り)(?:が|は|も)?(?:なく|無く|を期し(?:て(?:いる|おり)))(?:.{0,6})"
                r"(?:実施|運用|管理|対応|遵守|行われ)"
            ),
        ),
    )
)  # fmt: skip


# 「有効であることを保証するものではない」 denies what it names.
_ASKED = re.compile(r"か(?!ら)|こと(?:を|の|が)[^。]{0,24}(?:必要|検討|求め|され(?:たい|るべき))|よう(?:に)?")
_DENIED = re.compile(r"(?:こと|旨|もの)?を保証するものでは(?:ない|なく|ありません)")


def folded(text: str) -> str:
    """Text without what the eye does not tell apart: width, white space, invisible characters."""
    return _GAPS.sub("", unicodedata.normalize("NFKC", text))


def found_in(text: str) -> Iterator[tuple[str, str]]:
    """(name of the phrase, the words that match) of a text, each sentence once."""
    for sentence in re.split(r"(?<=。)", folded(text)):
        for name, pattern in PHRASES:
            match = pattern.search(sentence)
            if match and not _DENIED.match(sentence, match.end()) and not _ASKED.match(sentence, match.end()):
                yield name, match[0]
                break
