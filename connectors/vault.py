"""Extracts under lock: which data key seals a workspace, opening for runs, proof of wholeness, destruction."""

import hmac
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from connectors import store
from connectors.opening import Opening, SealedExtract
from connectors.sealing import Sealer
from policies.policy import Environment
from sandbox.kernel.data_keys import DataKeys
from sandbox.kernel.db import Database
from sandbox.kernel.errors import YuneiError
from sandbox.kernel.keys import KeyRing
from sandbox.kernel.run import ExtractRef


class Vault:
    """Seals and opens extracts. A workspace is an agreement in an environment and has one data key until it is destroyed."""

    def __init__(self, db: Database, keys: KeyRing, memory: Path) -> None:
        self._db = db
        self._keys = DataKeys(keys)
        self.opening = Opening(memory, self._keys.exists)

    def sealer(self, agreement: str, environment: Environment, extract: str) -> Sealer:
        """Return what seals a new extract; the workspace's key is made with its first."""
        return Sealer(self._keys.create(key_name(agreement, environment)), extract)

    def live(self, agreement: str, environment: Environment) -> bool:
        """Tell whether the workspace's key exists: without it no extract opens, here or anywhere."""
        return self._keys.exists(key_name(agreement, environment))

    @contextmanager
    def opened(self, refs: Iterable[ExtractRef]) -> Iterator[tuple[ExtractRef, ...]]:
        """Yield the extracts opened in memory-backed storage, for one run.

        Raises:
            YuneiError: `KEY_MISSING`, the key was destroyed; `SUPPLY_FAILED`; `OPEN_DIR_UNSAFE`; `DISK_FULL`.

        """
        with self.opening.opened(self._sealed(tuple(refs))) as opened:
            yield opened

    def changed(self, refs: Iterable[ExtractRef]) -> tuple[str, ...]:
        """Open every file as far as its digest, keep nothing, and name the tables that are missing, differ or have no key.

        Raises:
            YuneiError: `SUPPLY_FAILED`, a file cannot be read.

        """
        return tuple(ref.table for ref in refs if not self._whole(ref))

    def destroy(self, agreement: str, environment: Environment) -> None:
        """Destroy a workspace's key; what it sealed is noise from here on, wherever copies lie."""
        self._keys.destroy(key_name(agreement, environment))
        self.opening.sweep()

    def _whole(self, ref: ExtractRef) -> bool:
        try:
            sealer, _ = self._sealer_of(ref.extract)
        except YuneiError:
            return False
        found = sealer.digest(Path(ref.path), ref.table)
        return found is not None and hmac.compare_digest(found, ref.digest)

    def _sealed(self, refs: tuple[ExtractRef, ...]) -> list[SealedExtract]:
        """Find what opens each file; the tables of one extract share it, and it is looked up once."""
        sealers = {extract: self._sealer_of(extract) for extract in {ref.extract for ref in refs}}
        return [SealedExtract(ref, *sealers[ref.extract]) for ref in refs]

    def _sealer_of(self, extract: str) -> tuple[Sealer, str]:
        with self._db.read() as tx:
            place = store.place_of(tx, extract)
        if place is None:
            raise YuneiError("SUPPLY_FAILED", extract=extract, rule="EXTRACT_UNKNOWN")
        name = key_name(*place)
        return Sealer(self._keys.read(name), extract), name


def key_name(agreement: str, environment: Environment) -> str:
    """Name the data key of a workspace."""
    return f"{environment}.{agreement}"
