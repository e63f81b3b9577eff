"""A private copy of the directory to apply, so that the bytes checked, signed and ingested are the same."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from connectors.files import copy_in, disk_errors, private_directory, remove_strays
from sandbox.jobs.apply_read import plain_files


@contextmanager
def private_copy(directory: Path, data_dir: Path) -> Iterator[Path]:
    """Yield a copy inside the domain, which the service's user alone can read or change; it is removed afterwards.

    Whoever can still write to `directory` could otherwise put in other data between signature check and ingestion.
    Only what a directory may hold is copied; links are not followed. A copy that a crash left is removed by a later apply.

    Raises:
        YuneiError: `DISK_FULL`, `SUPPLY_FAILED`.

    """
    with disk_errors():
        home = private_directory(data_dir, "apply")
        copy = Path(tempfile.mkdtemp(dir=home))
    try:
        with disk_errors():
            remove_strays(home, frozenset(), copy)
            for name in plain_files(directory):
                (copy / name.parent).mkdir(mode=0o700, parents=True, exist_ok=True)
                copy_in(directory / name, copy / name)
        yield copy
    finally:
        shutil.rmtree(copy, ignore_errors=True)
