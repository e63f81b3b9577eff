"""Why a document is not in shape: a closed catalogue of constant texts, and the place in the document.

Keys of the document come back in the place; a value never does, since it may have been pasted from data.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

MOST = 100
"""More faults than anybody repairs at once."""

_KEY_CHARS = 64
_MOST_WORDS = 48

Step = str | int


@dataclass(frozen=True)
class Reason:
    """What one reason means, in both languages."""

    zh: str
    en: str


YAML_REASONS: Mapping[str, Reason] = {
    "YAML_INVALID": Reason("不是有效的 YAML 1.2", "It is not valid YAML 1.2"),
    "YAML_KEY_TWICE": Reason("键重复", "A key stands twice"),
    "YAML_FEATURE": Reason(
        "不允许标签、锚点、别名、合并或其他版本", "Tags, anchors, aliases, merges and other versions are refused"
    ),
    "YAML_TOO_LARGE": Reason("文件过大", "The file is too large"),
}
"""What `sandbox.kernel.plain_yaml` refuses."""

REASONS: Mapping[str, Reason] = {
    **YAML_REASONS,
    # files
    "FILE_UNREADABLE": Reason("文件无法读取", "The file cannot be read"),
    "CATALOG_EMPTY": Reason("没有目录条目", "There is no catalog item"),
    "TABLE_TWICE": Reason("同一张表声明了两次", "The table is declared twice"),
    "POLICY_UNRESOLVED": Reason("策略与目录不一致", "Policy and catalog do not resolve"),
    # keys
    "KEY_UNKNOWN": Reason("未知的键", "The key is unknown"),
    "KEY_MISSING": Reason("缺少必需的键", "A required key is missing"),
    "KEY_FORM": Reason("键不是合法的名称", "The key is not a name of the required form"),
    # kinds of values
    "TEXT_EXPECTED": Reason("应为文本", "Text is expected"),
    "WHOLE_NUMBER_EXPECTED": Reason("应为整数", "A whole number is expected"),
    "TRUE_FALSE_EXPECTED": Reason("应为 true 或 false", "true or false is expected"),
    "LIST_EXPECTED": Reason("应为列表", "A list is expected"),
    "OBJECT_EXPECTED": Reason("应为键值对象", "An object of keys and values is expected"),
    "DATE_INVALID": Reason("应为日历日期, 例如 2026-01-31", "A calendar day is expected, such as 2026-01-31"),
    "DECIMAL_INVALID": Reason('应为十进制文本, 例如 "0.01"', 'A decimal as text is expected, such as "0.01"'),
    "DECIMAL_AS_FLOAT": Reason(
        '小数须写成文本, 例如 "0.01"', 'Write the decimal as text, such as "0.01": a binary fraction is another number'
    ),
    "PARAMETER_FORM": Reason(
        "参数应为 true/false、整数、文本、{date: …} 或 {decimal: …}",
        "A parameter is true or false, a whole number, text, {date: …} or {decimal: …}",
    ),
    # what a value may be
    "OUT_OF_RANGE": Reason("数值超出允许范围", "The number is outside the allowed range"),
    "TOO_SHORT": Reason("内容过少", "There is too little of it"),
    "TOO_LONG": Reason("内容过多", "There is too much of it"),
    "TEXT_FORM": Reason("文本格式不正确", "The text does not have the required form"),
    "VALUE_TWICE": Reason("同一取值出现两次", "A value stands twice"),
    "SHAPE": Reason("内容不符合格式", "The content does not have the required form"),
    # closed vocabularies
    "WORD_UNKNOWN": Reason("不是允许的取值", "The word is not one of those allowed here"),
    "PURPOSE_UNKNOWN": Reason("使用目的不在词表中", "The purpose is not in the vocabulary"),
    "UNIT_KIND_UNKNOWN": Reason("隐私单元不在词表中", "The kind of privacy unit is not in the vocabulary"),
    "USE_UNKNOWN": Reason("未知的列用途", "The use of a column is unknown"),
    "FUNCTION_UNKNOWN": Reason("未知的聚合函数", "The aggregate function is unknown"),
    "COARSENING_UNKNOWN": Reason("未知的泛化方式", "The coarsening is unknown"),
    "ENVIRONMENT_UNKNOWN": Reason("未知的环境", "The environment is unknown"),
    "ROUTE_UNKNOWN": Reason("未知的审核路径", "The review route is unknown"),
    "TYPE_UNKNOWN": Reason("未知的列类型", "The column type is unknown"),
    "FINDING_UNKNOWN": Reason("未知的审核发现代码", "The code of a finding is unknown"),
    # what does not fit together
    "TERM_REVERSED": Reason("起始日期晚于截止日期", "The term begins after its end"),
    "BOUNDS_REVERSED": Reason("下限高于上限", "The lower bound lies above the upper"),
    "PUBLIC_OR_UNIT": Reason("表要么公开, 要么声明隐私单元", "A table is either public or names its unit"),
    "COLUMN_UNDECLARED": Reason("列未声明", "The column is not declared"),
    "NULLABLE_WITHOUT_DOMAIN": Reason("只有带取值域的文本列可以不含空值", "Only a text with a domain can do without NULL"),
    "TYPE_OTHER": Reason("不适用于该类型的列", "It does not fit the type of the column"),
    "UNIT_TABLE_ROWS": Reason("单元自身的表每个单元只有一行", "The unit's own table has one row per unit"),
}
"""Every reason there is; printed in the documentation."""

_OF_TYPE: Mapping[str, str] = {
    "missing": "KEY_MISSING",
    "extra_forbidden": "KEY_UNKNOWN",
    "invalid_key": "KEY_FORM",
    **dict.fromkeys(("string_type", "string_unicode"), "TEXT_EXPECTED"),
    **dict.fromkeys(("int_type", "int_from_float", "int_parsing", "int_parsing_size"), "WHOLE_NUMBER_EXPECTED"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "TRUE_FALSE_EXPECTED"),
    **dict.fromkeys(("tuple_type", "list_type", "set_type", "frozen_set_type"), "LIST_EXPECTED"),
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type", "mapping_type"), "OBJECT_EXPECTED"),
    **dict.fromkeys(("date_type", "date_parsing", "date_from_datetime_parsing", "date_from_datetime_inexact"), "DATE_INVALID"),
    **dict.fromkeys(("decimal_type", "decimal_parsing", "finite_number"), "DECIMAL_INVALID"),
    **dict.fromkeys(("greater_than", "greater_than_equal", "less_than", "less_than_equal"), "OUT_OF_RANGE"),
    **dict.fromkeys(("too_short", "string_too_short"), "TOO_SHORT"),
    **dict.fromkeys(("too_long", "string_too_long"), "TOO_LONG"),
    "string_pattern_mismatch": "TEXT_FORM",
    **dict.fromkeys(("literal_error", "enum"), "WORD_UNKNOWN"),
}
"""What the validation library calls a fault → our reason; a name that is not listed is `SHAPE`."""

_OF_FIELD: Mapping[str, str] = {
    "use": "USE_UNKNOWN",
    "functions": "FUNCTION_UNKNOWN",
    "coarsen": "COARSENING_UNKNOWN",
    "environment": "ENVIRONMENT_UNKNOWN",
    "route": "ROUTE_UNKNOWN",
}
"""Fields whose words have a reason of their own."""

_FORMS: Mapping[str, tuple[str, ...]] = {"COARSENING_UNKNOWN": ("year", "quarter", "month", "prefix:n")}
"""What to write where the words allowed are a form, not a list."""


@dataclass(frozen=True)
class Broken:
    """One place that is not in shape: the steps that lead there, the reason, and the words allowed there where they are few."""

    place: tuple[Step, ...]
    reason: str
    allowed: tuple[str, ...] = ()

    @property
    def text(self) -> Reason:
        """The constant texts of the reason."""
        return REASONS[self.reason]


def broken(reason: str, at: Sequence[Step] = (), allowed: Sequence[str] = ()) -> PydanticCustomError:
    """Return what a validator raises: one of our reasons, further steps to its place, the words allowed there."""
    return PydanticCustomError(reason, "refused", {"at": tuple(at), "allowed": tuple(allowed)})


def broken_places(document: object, error: ValidationError) -> tuple[Broken, ...]:
    """Return where and why `document` is not in shape, each place and reason once, the first `MOST` of them.

    A list that is too short only because what it holds is refused is not told of: the library counts what it accepted.
    """
    faults = error.errors(include_url=False, include_input=False)[: 2 * MOST]
    found = dict.fromkeys(_broken(document, one) for one in faults)
    inner = {one.place[:length] for one in found for length in range(len(one.place))}
    return tuple(one for one in found if one.reason != "TOO_SHORT" or one.place not in inner)[:MOST]


def _broken(document: object, fault: Mapping[str, Any]) -> Broken:
    context: Mapping[str, Any] = fault.get("ctx") or {}
    location = (*fault["loc"], *context.get("at", ()))
    if location[-1:] == ("[key]",):
        return Broken((*_walk(document, location[:-2]), *map(_shown, location[-2:-1])), "KEY_FORM")
    place = _walk(document, location)
    reason = fault["type"] if fault["type"] in REASONS else _OF_TYPE.get(fault["type"], "SHAPE")
    if reason == "KEY_MISSING":
        last = location[-1] if location else ""
        return Broken((*place, _shown(last)), "TOO_SHORT" if isinstance(last, int) else reason)
    if reason in {"WORD_UNKNOWN", "TEXT_FORM"}:
        reason = _OF_FIELD.get(_field(place), reason)
    allowed = (*context.get("allowed", ()), *re.findall(r"'([^']*)'", context.get("expected", "")), *_FORMS.get(reason, ()))
    return Broken(place, reason, allowed if len(allowed) <= _MOST_WORDS else ())


def _walk(document: object, location: Sequence[Step]) -> tuple[Step, ...]:
    """Keep the steps that exist in the document: the library also names members of unions, which nobody wrote."""
    place: list[Step] = []
    for step in location:
        if isinstance(document, (list, tuple)) and isinstance(step, int) and step < len(document):
            document = document[step]
        elif isinstance(document, Mapping) and (key := _key_of(document, step)) is not _ABSENT:
            document = document[key]
        else:
            continue
        place.append(_shown(step))
    return tuple(place)


_ABSENT = object()


def _key_of(document: Mapping[Any, object], step: Step) -> Any:
    """Find the key that the library calls `step`; it writes keys that are no text, such as dates, as text."""
    return step if step in document else next((key for key in document if str(key) == step), _ABSENT)


def _shown(step: Step) -> Step:
    """Cut and clean a key, so that it neither floods nor steers a terminal."""
    return step if isinstance(step, int) else "".join(char if char.isprintable() else "�" for char in step[:_KEY_CHARS])


def _field(place: Sequence[Step]) -> str:
    return next((step for step in reversed(place) if isinstance(step, str)), "")
