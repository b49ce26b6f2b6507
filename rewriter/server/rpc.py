"""Messages of the Language Server Protocol: a head with the length, then JSON, on a byte stream."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any

#: Bytes of one message; an editor sends whole documents.
MAX_BYTES = 64 << 20
_MAX_HEAD = 8 << 10
#: Python refuses to read numbers of some thousands.
_MOST_DIGITS = 18

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL_ERROR = -32700, -32600, -32601, -32602, -32603
NOT_INITIALIZED = -32002

Message = dict[str, Any]


class ProtocolError(Exception):
    """Bytes that are no message; what follows them cannot be read either."""


def read_message(stream: IO[bytes]) -> Message | None:
    """The next message; None at the end of the stream. Raises ProtocolError."""
    length = None
    while True:
        line = stream.readline(_MAX_HEAD)
        if not line:
            return None
        name, _, value = line.decode("ascii", "replace").partition(":")
        if name.strip().lower() == "content-length":
            number = value.strip()
            if not number.isdigit() or len(number) > _MOST_DIGITS or int(number) > MAX_BYTES:
                raise ProtocolError(f"Content-Length {value.strip()!r} is not the length of a message")
            length = int(value)
        if line in (b"\r\n", b"\n"):
            break
    if length is None:
        raise ProtocolError("a message without Content-Length")
    body = b""
    while len(body) < length:  # A pipe gives what it has.
        part = stream.read(length - len(body))
        if not part:
            return None
        body += part
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"a message that is not JSON: {error}") from None
    if not isinstance(message, dict):
        raise ProtocolError("a message that is not an object")
    return message


def write_message(stream: IO[bytes], message: Mapping[str, Any]) -> None:
    """Sends a message at once."""
    body = json.dumps({"jsonrpc": "2.0", **message}, ensure_ascii=False).encode("utf-8", "replace")
    stream.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
    stream.flush()
