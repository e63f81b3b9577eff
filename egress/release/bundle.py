"""The package as one zip file: stored, sorted, with fixed times, so that equal contents are equal bytes. Pure."""

import io
import zipfile
from collections.abc import Mapping

MANIFEST = "manifest.dsse.json"
OPENING = "release.opening.json"
PROOF = "release.tlog-proof"

_EPOCH = (1980, 1, 1, 0, 0, 0)
_MAX_MEMBERS = 32


def pack(members: Mapping[str, bytes]) -> bytes:
    """Write the members, sorted by name."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(members):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system = 3  # the same on every platform
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, members[name])
    return sink.getvalue()


def unpack(data: bytes) -> dict[str, bytes]:
    """Read the members.

    The bytes must be those that `pack` writes for the same members: a flipped bit anywhere, names and times included,
    is noticed even where no digest covers it.

    Raises:
        ValueError: not a package, or not its canonical bytes.

    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            stored = all(entry.compress_type == zipfile.ZIP_STORED for entry in entries)
            # Entries that share bytes could add up to far more than the file: a trap for memory.
            honest = stored and len(entries) <= _MAX_MEMBERS and sum(entry.file_size for entry in entries) <= len(data)
            members = {entry.filename: archive.read(entry) for entry in entries} if honest else {}
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError, RuntimeError, OSError):
        raise ValueError("not a package") from None
    if not members or pack(members) != data:
        raise ValueError("not the canonical bytes of a package")
    return members
