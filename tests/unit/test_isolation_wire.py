"""What crosses the border of a sandbox: orders go in typed and exact, answers are believed only where they fit."""

import json
import os
from datetime import date
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import ipc

from sandbox.isolation import wire
from sandbox.isolation.child import order as child_order
from sandbox.isolation.digests import FileIdentity
from sandbox.kernel.run import ColumnSpec, ExtractRef, Limits, RunSpec

KEY = ColumnSpec("k", "key", "text")
SUM = ColumnSpec("s", "exact", "integer", -10, 10)
GROUND = wire.Ground(("rlimits",), 65534, "/scratch-root/yunei-1")

values = st.one_of(
    st.booleans(), st.integers(), st.text(), st.dates(), st.binary(), st.decimals(allow_nan=False, allow_infinity=False)
)


def answer(table: pa.Table, **options) -> bytes:
    sink = pa.BufferOutputStream()
    with ipc.new_stream(sink, table.schema, options=ipc.IpcWriteOptions(**options)) as stream:
        stream.write_table(table)
    return sink.getvalue().to_pybytes()


def good(sums=(1, 2)) -> pa.Table:
    return pa.table({"k": ["a", "b"], "s": pa.array([Decimal(value) for value in sums], pa.decimal128(38, 0))})


def received(order: bytes) -> child_order.Order:
    descriptor = os.memfd_create("order")
    os.write(descriptor, order)
    return child_order.read(descriptor)


@given(st.dictionaries(st.text(min_size=1), values))
def test_parameters_arrive_with_value_and_type(parameters):
    order = received(wire.order(RunSpec("j", 1, "SELECT 1", (), (), parameters), (), GROUND))

    assert order.parameters == parameters
    assert {name: type(value) for name, value in order.parameters.items()} == {n: type(v) for n, v in parameters.items()}


def test_a_parameter_may_be_a_key_and_stands_in_no_representation():
    spec = RunSpec("j", 1, "SELECT 1", (), (), {"sample_key": b"very secret bytes"})

    assert "very secret" not in repr(spec) + repr(received(wire.order(spec, (), GROUND)))


def test_tables_limits_and_layers_arrive():
    spec = RunSpec("j", 2, "SELECT 1", (ExtractRef("t", "e", "/x", "sha256:0"),), (KEY, SUM), {}, Limits(rows=7))

    order = received(wire.order(spec, (FileIdentity(1, 2, 3, 4),), GROUND))

    assert order.tables == (child_order.Table("t", "/x", 1, 2, 3, 4),)
    assert order.columns == (("k", "key", "text"), ("s", "exact", "integer"))
    assert (order.limit("rows"), order.layers, order.identity, order.place) == (7, {"rlimits"}, 65534, GROUND.place)


@pytest.mark.parametrize("cut", [1, 40])
def test_a_truncated_order_is_refused(cut):
    with pytest.raises(ValueError, match="length"):
        received(wire.order(RunSpec("j", 1, "SELECT 1", (), ()), (), GROUND)[:-cut])


def test_an_unknown_parameter_type_is_refused():
    document = json.loads(wire.order(RunSpec("j", 1, "SELECT 1", (), ()), (), GROUND)[8:])
    with pytest.raises(KeyError):
        child_order.decode({**document, "parameters": {"x": ["pickle", "00"]}})


def test_a_fitting_answer_becomes_python_values():
    assert wire.table(answer(good()), (KEY, SUM), 10).rows == (("a", 1), ("b", 2))


def test_every_key_type_becomes_its_python_value():
    columns = (
        ColumnSpec("i", "key", "integer"),
        ColumnSpec("d", "key", "date"),
        ColumnSpec("b", "key", "boolean"),
        ColumnSpec("m", "key", "decimal"),
    )
    row = {"i": pa.array([2**63], pa.uint64()), "d": [date(2026, 1, 2)], "b": [None], "m": [Decimal("1.50")]}
    row["b"] = pa.array([None], pa.bool_())

    assert wire.table(answer(pa.table(row)), columns, 10).rows == ((2**63, date(2026, 1, 2), None, Decimal("1.50")),)


def test_a_hugeint_of_39_digits_stays_exact():
    huge = 170141183460469231731687303715884105727
    column = ColumnSpec("s", "exact", "integer", 0, huge)
    array = pa.Array.from_buffers(pa.decimal128(38, 0), 1, [None, pa.py_buffer(huge.to_bytes(16, "little"))])
    stream = answer(pa.table({"s": array}))
    with pytest.raises(wire.AnswerRefused):  # 39 digits do not fit the declared precision, so the answer is malformed
        wire.table(stream, (column,), 10)
    below = 10**38 - 1
    exact = answer(pa.table({"s": pa.array([Decimal(below)], pa.decimal128(38, 0))}))
    assert wire.table(exact, (column,), 10).rows == ((below,),)


def test_no_rows_is_an_answer():
    assert wire.table(answer(good().slice(0, 0)), (KEY, SUM), 10).rows == ()


@pytest.mark.parametrize(
    ("table", "code"),
    [
        (good((1, 11)), "RUN_FAILED"),
        (good((-11, 1)), "RUN_FAILED"),
        (good((2**64, 1)), "RUN_FAILED"),
        (good().set_column(1, "s", pa.array([1.0, 2.0])), "RUN_FAILED"),
        (good().set_column(1, "s", pa.array([1, None], pa.int64())), "RUN_FAILED"),
        (good().set_column(1, "s", pa.array([Decimal("1.5"), Decimal(1)], pa.decimal128(38, 1))), "RUN_FAILED"),
        (good().set_column(0, "k", pa.array([1, 2])), "RUN_FAILED"),
        (good().set_column(0, "k", pa.array(["a", "b"]).dictionary_encode()), "RUN_FAILED"),
        (good().rename_columns(["k", "t"]), "RUN_FAILED"),
        (good().select(["s", "k"]), "RUN_FAILED"),
        (good().append_column("extra", pa.array(["x", "y"])), "RUN_FAILED"),
        (pa.concat_tables([good()] * 6), "RUN_OUTPUT_CAP"),
    ],
)
def test_an_answer_that_does_not_fit_is_refused(table, code):
    with pytest.raises(wire.AnswerRefused) as refused:
        wire.table(answer(table), (KEY, SUM), 10)
    assert refused.value.code == code


def test_an_exact_column_without_a_public_range_is_refused():
    with pytest.raises(wire.AnswerRefused):
        wire.table(answer(good()), (KEY, ColumnSpec("s", "exact", "integer")), 10)


@pytest.mark.parametrize("codec", ["zstd", "lz4"])
def test_a_compressed_answer_is_refused_before_it_expands(codec):
    with pytest.raises(wire.AnswerRefused):
        wire.table(answer(good(), compression=codec), (KEY, SUM), 10)


def test_a_broken_answer_is_refused():
    stream = answer(good())
    for content in (b"", b"\x80", b"\xff\xff\xff\xff" + b"\x7f" * 40, stream[:-30], stream[: len(stream) // 2]):
        with pytest.raises(wire.AnswerRefused):
            wire.table(content, (KEY, SUM), 10)


@given(st.data())
def test_a_tampered_answer_is_refused_or_still_fits(data):
    stream = bytearray(answer(good()))
    for _ in range(data.draw(st.integers(1, 4))):
        stream[data.draw(st.integers(0, len(stream) - 1))] = data.draw(st.integers(0, 255))
    try:
        table = wire.table(bytes(stream), (KEY, SUM), 10)
    except wire.AnswerRefused:
        return
    assert all(isinstance(key, str | None) and -10 <= total <= 10 for key, total in table.rows)


def test_offsets_outside_the_text_are_refused():
    zero, three, far = ((number).to_bytes(4, "little") for number in (0, 3, 2**30))
    stream = answer(pa.table({"k": ["abc"]}))
    assert stream.count(zero + three + b"abc") == 1
    with pytest.raises(wire.AnswerRefused):
        wire.table(stream.replace(zero + three + b"abc", zero + far + b"abc"), (KEY,), 10)
