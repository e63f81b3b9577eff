"""Checks on a protected result: form, caps, canaries, identifiers. Evidence never quotes a cell."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from egress.checks import CheckReport, check
from egress.model import ProtectedColumn, ProtectedResult
from egress.release.files import csv_bytes, released_table
from policies.policy import Output
from sandbox.kernel.canonical import digest_bytes
from tests.fakes_release import COLUMNS, OUTPUT, PRIVATE_PLAN, PUBLIC_PLAN, ROWS, keyed, result

RESIDENT, CARD, PHONE = "11010119900307889X", "6222021234567890128", "13800138000"


def rules(report: CheckReport) -> set[str]:
    return {finding.rule for finding in (*report.findings, *(found for column in report.columns for found in column.findings))}


def run(found: ProtectedResult, canaries: tuple[str, ...] = ()) -> CheckReport:
    return check(found, PRIVATE_PLAN, OUTPUT, canaries)


def test_a_clean_result_passes_and_names_its_bytes() -> None:
    report = check(result(), PUBLIC_PLAN, OUTPUT, ("张三丰", "13012345678"))
    assert (report.outcome, rules(report)) == ("pass", set())
    assert report.result_digest == digest_bytes(csv_bytes(released_table(result())))
    assert [column.outcome for column in report.columns] == ["pass"] * 4


def test_every_type_passes_in_its_own_form() -> None:
    columns = (
        *(ProtectedColumn(name, "key", name) for name in ("text", "date", "boolean", "integer")),
        ProtectedColumn("m", "avg", "decimal(38,2)"),
    )
    rows = (("甲", date(2026, 1, 1), True, 7, Decimal("1.20")), (None, None, None, None, None))
    assert run(result(columns, rows)).outcome == "pass"


@pytest.mark.parametrize(
    ("kind", "cell"),
    [
        ("integer", "7"), ("integer", True), ("integer", 1 << 63), ("integer", Decimal(7)), ("text", 7), ("boolean", 1), ("date", "2026-01-01"),
        ("decimal(38,2)", Decimal("1.2")), ("decimal(38,2)", Decimal("1.200")), ("decimal(38,2)", 1), ("decimal(38,0)", Decimal("1E2")),
        ("decimal(38,2)", Decimal("NaN")), ("decimal(38,1)", Decimal("1" * 38 + ".0")), ("decimal(10,2)", Decimal("1.20")), ("float", 7), ("", 7),
    ],
)  # fmt: skip
def test_a_cell_of_another_type_fails(kind: str, cell: Any) -> None:
    report = run(result((ProtectedColumn("x", "sum", kind),), ((cell,),)))
    assert "form.type" in rules(report)
    assert report.outcome == "fail"


@pytest.mark.parametrize("output", [Output(max_rows=1, max_cells=1_000), Output(max_rows=100, max_cells=7)])
def test_over_a_cap_is_told_by_code(output: Output) -> None:
    report = check(result(), PUBLIC_PLAN, output, ())
    assert (report.outcome, rules(report)) == ("fail", {"form.cap"})


def test_exactly_at_the_caps_passes() -> None:
    assert check(result(), PUBLIC_PLAN, Output(max_rows=2, max_cells=8), ()).outcome == "pass"


def test_more_groups_than_public_keys_fail() -> None:
    rows = (*ROWS, ("X", 1, 0, 2))
    assert rules(check(result(rows=rows), PUBLIC_PLAN, OUTPUT, ())) == {"form.groups"}
    assert check(result(rows=rows), PRIVATE_PLAN, OUTPUT, ()).outcome == "pass"


@pytest.mark.parametrize("alias", ["", "a b", "=x", "a\u200bb", "1a", "a-b", "ａ", "x" * 64, "a\n"])
def test_aliases_keep_to_their_characters(alias: str) -> None:
    columns = (replace(COLUMNS[0], name=alias), ProtectedColumn("n", "count", "integer"))
    assert "form.alias" in rules(run(result(columns, (("F", 1),))))


@pytest.mark.parametrize("order", [(0, 2, 1, 3), (0, 1, 3, 2), (0, 1, 2), (0, 3, 1, 2), (1, 0, 2, 3), (0, 2, 3), (0, 1, 3)])
def test_interval_columns_follow_their_aggregate(order: tuple[int, ...]) -> None:
    columns = tuple(COLUMNS[place] for place in order)
    rows = tuple(tuple(row[place] for place in order) for row in ROWS)
    assert "form.interval" in rules(run(result(columns, rows)))


def test_repeated_names_and_ragged_rows_fail() -> None:
    twice = (ProtectedColumn("n", "count", "integer"), ProtectedColumn("n", "count", "integer"))
    assert "form.name" in rules(run(result(twice, ((1, 2),))))
    assert "form.shape" in rules(run(result(COLUMNS, (("F", 1),))))
    assert "form.shape" in rules(run(result((), ())))


@pytest.mark.parametrize(
    "text",
    [
        "张三丰",
        "市民张三丰等",
        "张 三 丰",
        "张\u200b三丰",
        "４４０３０６１９９００１０１１２３４",
        "4403 0619-9001 011234",
        "(440306199001011234)",
        "abc-SECRET-x",
        "ABC secret X",
    ],
)
def test_a_planted_canary_blocks_however_it_is_dressed(text: str) -> None:
    report = run(keyed(text), ("张三丰", "440306199001011234", "abc-secret-x"))
    assert "canary" in rules(report)
    assert report.outcome == "fail"


def test_a_canary_split_over_key_cells_or_in_a_name_blocks() -> None:
    columns = (ProtectedColumn("a", "key", "text"), ProtectedColumn("b", "key", "text"))
    assert "canary" in rules(run(result(columns, (("张三", "丰"),)), ("张三丰",)))
    named = (ProtectedColumn("张三丰", "key", "text"),)
    assert "canary" in rules(run(result(named, (("x",),)), ("张三丰",)))
    quoted = keyed('say "no"')
    assert "canary" in rules(run(quoted, ('"say ""no"""',))), "the final bytes are searched as they are"


def test_an_empty_canary_blocks_nothing() -> None:
    assert run(keyed("x"), ("", " ")).outcome == "pass"


@pytest.mark.parametrize(
    ("text", "rule", "outcome"),
    [
        (RESIDENT, "identifier.resident_number", "fail"), ("证件" + RESIDENT.lower(), "identifier.resident_number", "fail"),
        ("１１０１０１　１９９００３０７　８８９Ｘ", "identifier.resident_number", "fail"), ("7" + RESIDENT, "identifier.resident_number", "fail"),
        ('{"id":"110101-19900307-889X"}', "identifier.resident_number", "fail"), (CARD, "identifier.card_number", "fail"),
        ("6222 0212 3456 7890 128", "identifier.card_number", "fail"), (PHONE, "identifier.phone_number", "review"), ("+86 138-0013-8000", "identifier.phone_number", "review"),
    ],
)  # fmt: skip
def test_identifiers_in_keys(text: str, rule: str, outcome: str) -> None:
    report = run(keyed("甲", text))
    assert rule in rules(report)
    assert report.columns[0].outcome == outcome


def test_identifiers_as_integer_keys_and_in_aliases() -> None:
    assert "identifier.phone_number" in rules(run(keyed(int(PHONE), kind="integer")))
    report = run(result((ProtectedColumn(f"n{PHONE}", "count", "integer"),), ((1,),)))
    assert report.outcome == "fail"


@pytest.mark.parametrize(
    "text", ["110101199003078891", "110101199013078891", "622202123456789013", "12800138000", "138001380001", "2026", "深圳", ""]
)
def test_what_only_looks_like_an_identifier_passes(text: str) -> None:
    assert run(keyed(text)).outcome == "pass"


def test_noised_numbers_are_not_searched_for_identifiers() -> None:
    assert run(result((ProtectedColumn("n", "count", "integer"),), ((int(PHONE),),))).outcome == "pass"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "＝1", "'=1"])
def test_formulas_are_neutralised_and_shown_to_a_person(text: str) -> None:
    assert "form.formula" in rules(run(keyed(text)))
    assert run(keyed(text)).outcome == "review"


def test_hidden_characters_are_shown_to_a_person() -> None:
    assert rules(run(keyed("a\u202eb"))) == {"form.control"}


def test_half_a_surrogate_pair_fails() -> None:
    report = run(keyed("\ud800"))
    assert report.outcome == "fail"
    assert "form.text" in rules(report)


def test_no_evidence_quotes_a_cell() -> None:
    report = run(keyed(RESIDENT, CARD, PHONE, "=张三丰", "a\u202eb"), ("张三丰",))
    shown = str(report.as_json())
    for secret in (RESIDENT, CARD, PHONE, "张三丰"):
        assert secret not in shown


def test_the_digest_covers_bytes_and_findings() -> None:
    digests = {
        check(result(), PUBLIC_PLAN, OUTPUT, ()).digest,
        check(result(rows=ROWS[:1]), PUBLIC_PLAN, OUTPUT, ()).digest,
        run(keyed("=1")).digest,
        run(keyed("1")).digest,
    }
    assert len(digests) == 4
    assert check(result(), PUBLIC_PLAN, OUTPUT, ()).digest == check(result(), PUBLIC_PLAN, OUTPUT, ()).digest


def test_a_column_that_was_computed_may_have_an_interval_and_need_not() -> None:
    number = ProtectedColumn("n", "derived", "integer")
    assert run(result((number,), ((7,),))).outcome == "pass"
    assert run(result((number, *COLUMNS[2:]), ((7, 6, 8),))).outcome == "pass"
    assert rules(run(result((replace(COLUMNS[0], name="n"), *COLUMNS[2:]), (("F", 6, 8),)))) == {"form.interval"}, (
        "a key has none"
    )


@pytest.mark.parametrize(
    ("text", "rule"), [(RESIDENT, "identifier.resident_number"), ("=1", "form.formula"), ("a\u202eb", "form.control")]
)
def test_a_text_that_was_computed_is_looked_into_like_a_key(text: str, rule: str) -> None:
    assert rule in rules(run(result((ProtectedColumn("t", "derived", "text"),), ((text,),))))


def test_a_canary_split_over_a_key_and_a_computed_text_blocks() -> None:
    columns = (ProtectedColumn("a", "key", "text"), ProtectedColumn("b", "derived", "text"))
    assert "canary" in rules(run(result(columns, (("张三", "丰"),)), ("张三丰",)))


def test_fewer_rows_than_public_keys_give_are_no_finding() -> None:
    assert check(result(rows=ROWS[:1]), PUBLIC_PLAN, OUTPUT, ()).outcome == "pass"
    assert check(result(rows=()), PUBLIC_PLAN, OUTPUT, ()).outcome == "pass"
