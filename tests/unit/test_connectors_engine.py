"""The supply engine: bytes that do not depend on batches, and a full disk that is told from other failures."""

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors import engine as engine_module
from connectors.engine import ROW_GROUP, SupplyEngine, write_parquet
from connectors.files import DigestedFile, disk_errors
from sandbox.kernel.canonical import digest_bytes
from sandbox.kernel.errors import YuneiError


def test_bytes_do_not_depend_on_batch_sizes(tmp_path: Path) -> None:
    table = pa.table({"n": pa.array(range(2 * ROW_GROUP + 7)), "t": ["x"] * (2 * ROW_GROUP + 7)})
    digests = set()
    for number, size in enumerate((1_000, 50_001, ROW_GROUP, 3 * ROW_GROUP)):
        digest, rows = write_parquet(DigestedFile(tmp_path / str(number)), table.schema, iter(table.to_batches(size)))
        assert rows == table.num_rows
        assert digest == digest_bytes((tmp_path / str(number)).read_bytes())
        digests.add(digest)
    assert len(digests) == 1
    assert pq.read_metadata(tmp_path / "0").num_row_groups == 3
    assert pq.read_table(tmp_path / "0").equals(table)


@pytest.mark.parametrize(
    ("text", "code"),
    [("IO Error: No space left on device: secret", "DISK_FULL"), ("Conversion Error: 'secret'", "SUPPLY_FAILED")],
)
def test_engine_failures_become_codes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, code: str) -> None:
    class Broken:
        def execute(self, *_: object) -> None:
            raise duckdb.Error(text)

        def close(self) -> None:
            return None

    with SupplyEngine(tmp_path, []) as engine:
        engine._connection.close()
        monkeypatch.setattr(engine, "_connection", Broken())
        with pytest.raises(YuneiError) as refused:
            engine.run("SELECT 1")
    assert refused.value.code == code
    assert "secret" not in f"{refused.value}{refused.value.facts}"
    assert engine_module.MEMORY.endswith("GB")


def test_other_file_errors_keep_no_path(tmp_path: Path) -> None:
    with pytest.raises(YuneiError) as refused, disk_errors():
        (tmp_path / "secret").read_bytes()
    assert (refused.value.code, refused.value.facts) == ("SUPPLY_FAILED", {"rule": "FILE_SYSTEM"})


def test_a_digested_file_closes_once(tmp_path: Path) -> None:
    with DigestedFile(tmp_path / "f") as file:
        file.write(b"ab")
        assert file.tell() == 2
        file.close()
        file.close()
        assert file.closed
    assert file.digest == digest_bytes(b"ab")
