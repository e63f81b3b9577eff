"""The city that killed and doubled workers share, on every kind of database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.small_city import COUNT_SQL, City, small_city


@pytest.fixture
def city(tmp_path: Path, database_url: str) -> Iterator[City]:
    """Open a city whose count was promoted."""
    with small_city(tmp_path, residents=500, visits=1500, database=database_url) as made:
        made.promote(COUNT_SQL)
        yield made
