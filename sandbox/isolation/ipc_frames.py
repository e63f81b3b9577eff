"""Looks at Arrow IPC messages before Arrow does: a compressed body would expand past every cap of the supervisor.

Source: Apache Arrow, format/Message.fbs and the FlatBuffers binary format (tables reach their fields through a vtable of
16-bit offsets; slot n lies at 4 + 2n; an absent field has offset zero).
"""

import struct
from typing import Final

import pyarrow as pa
from pyarrow import ipc

_HEADER_KIND, _HEADER, _COMPRESSION = 1, 2, 3
_KINDS: Final = frozenset({1, 3})
"""Message headers that an answer may have: a schema, then record batches; no dictionaries, no tensors."""
_RECORD_BATCH: Final = 3


def refuse_compression(answer: bytes) -> None:
    """Pass only a stream of a schema and uncompressed record batches.

    Raises:
        ValueError: for any other message, and for compressed batches.
        struct.error: where a message's header points outside of it.
        pyarrow.ArrowException: where the framing is broken.

    """
    reader = ipc.MessageReader.open_stream(pa.py_buffer(answer))
    while True:
        try:
            message = reader.read_next_message()
        except StopIteration:
            return
        _check(message.metadata.to_pybytes())


def _check(header: bytes) -> None:
    (root,) = struct.unpack_from("<I", header, 0)
    kind_at, table_at = _field(header, root, _HEADER_KIND), _field(header, root, _HEADER)
    if kind_at == 0 or table_at == 0 or header[kind_at] not in _KINDS:
        raise ValueError("unexpected message")
    if header[kind_at] == _RECORD_BATCH:
        (offset,) = struct.unpack_from("<I", header, table_at)
        if _field(header, table_at + offset, _COMPRESSION):
            raise ValueError("compressed message")


def _field(data: bytes, table: int, slot: int) -> int:
    """Return where field `slot` of the table at `table` lies; 0 where it is absent."""
    (back,) = struct.unpack_from("<i", data, table)
    vtable = table - back
    (size,) = struct.unpack_from("<H", data, vtable)
    place = 4 + 2 * slot
    if place >= size:
        return 0
    (offset,) = struct.unpack_from("<H", data, vtable + place)
    return table + int(offset) if offset else 0
