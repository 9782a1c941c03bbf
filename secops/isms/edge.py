"""What files must look like is checked by pydantic; its errors become `Problem` in the reader's words."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError

from secops.errors import AuditError, Problem
from secops.locale import _

CLAUSE = re.compile(r"[a-z][a-z0-9]*-\d{4}-\d{2}-\d+(?:\.\d+)*(?:-\d+)*", re.ASCII)
NAME = re.compile(r"[a-z][a-z0-9]*(?:[._-][a-z0-9]+)*")
_EXPECTED = {
    "string_type": '文字列で書いてください(数字だけのときは引用符 " で囲みます)',
    "int_type": "整数で書いてください",
    "int_from_float": "整数で書いてください",
    "float_type": "数で書いてください",
    "bool_type": "true か false で書いてください",
    "list_type": "一覧で書いてください",
    "tuple_type": "一覧で書いてください",
    "dict_type": "「名前: 値」の組で書いてください",
    "model_type": "「名前: 値」の組で書いてください",
    "greater_than": "{gt} より大きい数にしてください",
    "greater_than_equal": "{ge} 以上にしてください",
    "less_than_equal": "{le} 以下にしてください",
    "finite_number": "数で書いてください",
    "is_instance_of": "数で書いてください",
    "decimal_type": "数で書いてください",
    "literal_error": "使えるもの: {known}",
    "enum": "使えるもの: {known}",
    "too_short": "{min_length} つ以上書いてください",
    "date_type": "2027-03-31 のように、引用符を付けずに日付で書いてください",
    "date_from_datetime_inexact": "2027-03-31 のように、引用符を付けずに日付で書いてください",
}
_LIST = r"'([^']*)'"


class Strict(BaseModel):
    """Unknown keys are mistakes: a misspelt field must not be silently ignored; "1" is no number."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _line(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError(_("空でない一行で書いてください(制御文字は使えません)"))
    return text.strip()


def _name(text: str) -> str:
    if len(text) > 60 or not NAME.fullmatch(text):
        raise ValueError(_("小文字の英数字を . - _ でつないで書いてください(例: a6.1-10)"))
    return text


def _clause(text: str) -> str:
    if not CLAUSE.fullmatch(text):
        raise ValueError(_("条項の番号は、版を付けて mic-2025-03-6.1-6 のように書いてください"))
    return text


def _whole(value: object) -> object:
    return Decimal(value) if type(value) is int else value


M = TypeVar("M", bound=Strict)
whole = BeforeValidator(_whole)  # TOML's 90 is a whole number, 90.0 is not: where a decimal is asked for, both are
Line = Annotated[str, AfterValidator(_line)]
Name = Annotated[str, AfterValidator(_name)]
ClauseId = Annotated[str, AfterValidator(_clause)]


def read_toml(model: type[M], path: str, text: str) -> M:
    """A TOML file as a model; its fractions are decimals, so that 0.1 is a tenth.

    Raises:
        AuditError: with every mistake of the file.
    """
    try:
        return model.model_validate(tomllib.loads(text, parse_float=Decimal))
    except tomllib.TOMLDecodeError as error:
        raise AuditError([Problem(path, _("TOML として読めません: {error}").format(error=error))]) from None
    except ValidationError as error:
        raise AuditError(problems([dict(one) for one in error.errors()], lambda _loc: f"{path}:")) from None


def problems(details: Sequence[Mapping[str, Any]], where: Callable[[Sequence[str | int]], str]) -> list[Problem]:
    """Pydantic's errors as problems; ``where`` turns a place within the file into what an editor can jump to."""
    return [_problem(detail, where) for detail in details]


def _problem(detail: Mapping[str, Any], where: Callable[[Sequence[str | int]], str]) -> Problem:
    path = [part for part in detail["loc"] if part != "[key]"]
    key = "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
    place = " ".join(filter(None, [where(path), key]))
    kind = detail["type"]
    if kind in {"extra_forbidden", "unexpected_keyword_argument"}:
        return Problem(place, _("この項目はありません。つづりを確認するか、行を消してください。"))
    if kind == "missing":
        return Problem(place, _("必要な項目がありません。"))
    limits = dict(detail.get("ctx", {}))
    limits["known"] = ", ".join(re.findall(_LIST, str(limits.get("expected", ""))))
    known = _EXPECTED.get(kind)
    message = _(known).format(**limits) if known else str(detail["msg"]).removeprefix("Value error, ")
    found = detail.get("input")
    if isinstance(found, dict | list):
        return Problem(place, message)
    if isinstance(found, Decimal):
        found = float(found)
    return Problem(place, _("{found!r} は使えません: {message}").format(found=found, message=message))
