"""The engine that supply runs on: DuckDB in memory, locked to the directories it is given, bounded, silent about values."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from connectors.files import DigestedFile, private_directory
from connectors.progress import Progress
from policies.engine import engine_text
from sandbox.kernel.errors import YuneiError

MEMORY = "1GB"
THREADS = 2
ROW_GROUP = 122_880
"""Rows per Parquet row group: the engine's own unit of parallel scans."""
DICTIONARY = 16_384
"""Bytes of a column's dictionary at most. The engine reads a short one in less time than plain values, a long one in more;
LZ4 takes a third more room than Zstandard and a fifth off a scan."""

Bound = str | int | bytes
Change = Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]
"""Turns a stream of rows into another of the same schema."""
FULL_DISK_WORDS = ("No space left on device", "max_temp_directory_size")


class SupplyEngine:
    """One engine for one supply order.

    It reads the directories it was given and nothing else, loads no extension and spills to a private directory beside the
    snapshots, which goes with it (encrypting what it spills needs an extension that is not in the wheel). Its error text
    may quote values, so it never leaves: every failure becomes one fixed code.
    """

    def __init__(self, scratch: Path, readable: Sequence[Path], progress: Progress | None = None) -> None:
        self._progress = progress or Progress()
        self._spill = tempfile.TemporaryDirectory(dir=private_directory(scratch), prefix="spill-")
        self._connection = duckdb.connect(config={"threads": THREADS, "memory_limit": MEMORY})
        self._lock([*readable, Path(self._spill.name)])

    def _lock(self, directories: Sequence[Path]) -> None:
        self.run("SET autoinstall_known_extensions = false")
        self.run("SET autoload_known_extensions = false")
        self.run("SET enable_progress_bar = false")
        self.run(f"SET temp_directory = {engine_text.text(self._spill.name)}")
        self.run(f"SET allowed_directories = [{', '.join(engine_text.text(str(one.resolve())) for one in directories)}]")
        self.run("SET enable_external_access = false")
        self.run("SET lock_configuration = true")

    def run(self, sql: str, bound: Mapping[str, Bound] | None = None) -> None:
        """Run one statement. Secrets travel in `bound` only, never in the text."""
        with _silent():
            self._connection.execute(sql, dict(bound) if bound else None)

    def rows(self, sql: str, bound: Mapping[str, Bound] | None = None) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows; for counts and schemas, not for data."""
        with _silent():
            return self._connection.execute(sql, dict(bound) if bound else None).fetchall()

    def write(self, sql: str, bound: Mapping[str, Bound], sink: DigestedFile, change: Change = iter) -> tuple[str, int]:
        """Stream the rows of `sql`, through `change`, as Parquet into `sink`, and return its digest and row count."""
        with sink, _silent():
            relation = self._connection.sql(sql, params=dict(bound) if bound else None)
            reader: pa.RecordBatchReader = relation.to_arrow_reader(ROW_GROUP)
            return write_parquet(sink, reader.schema, change(self._counted(reader)))

    def write_each(self, statements: Sequence[str], sink: DigestedFile) -> tuple[str, int]:
        """Stream the rows of all statements, of one schema and in this order, as Parquet into `sink`; see `write`."""
        with sink, _silent():
            readers = (self._connection.sql(one).to_arrow_reader(ROW_GROUP) for one in statements)
            first: pa.RecordBatchReader = next(readers)
            return write_parquet(sink, first.schema, self._counted(chain(first, chain.from_iterable(readers))))

    def _counted(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield batch
            self._progress.done(batch.num_rows)

    def close(self) -> None:
        """Give memory and scratch space back."""
        self._connection.close()
        self._spill.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def write_parquet(sink: DigestedFile, schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> tuple[str, int]:
    """Write batches as Parquet and close; equal rows give equal bytes, however they were batched.

    Returns:
        The file's digest and its number of rows.

    """
    rows = 0
    with sink:
        with pq.ParquetWriter(
            sink,
            schema,
            compression="lz4",
            use_dictionary=True,
            dictionary_pagesize_limit=DICTIONARY,
            store_decimal_as_integer=True,
            write_page_index=False,
        ) as writer:
            for group in _regrouped(schema, batches):
                # the writer weighs its dictionaries where a chunk ends
                writer.write_table(group.combine_chunks(), row_group_size=ROW_GROUP)
                rows += group.num_rows
        sink.close()
        return sink.digest, rows


def _regrouped(schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Cut batches of any size into row groups of one size, so that the bytes do not depend on threads."""
    held: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        held.append(batch)
        count += batch.num_rows
        while count >= ROW_GROUP:
            table = pa.Table.from_batches(held, schema)
            yield table.slice(0, ROW_GROUP)
            held = table.slice(ROW_GROUP).to_batches()
            count -= ROW_GROUP
    if count:
        yield pa.Table.from_batches(held, schema)


@contextmanager
def _silent() -> Iterator[None]:
    """Let no text of the engine out: it may quote a value or a path."""
    try:
        yield
    except (duckdb.Error, pa.ArrowException) as error:
        if any(words in str(error) for words in FULL_DISK_WORDS):
            raise YuneiError("DISK_FULL") from None
        raise YuneiError("SUPPLY_FAILED", rule="ENGINE") from None
