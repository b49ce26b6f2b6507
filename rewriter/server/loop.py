"""Reads messages and answers them in turn; documents are looked at when no message waits, so that typing is not."""

from __future__ import annotations

import queue
import threading
from typing import IO

from rewriter.server import rpc
from rewriter.server.analysis import Wishes
from rewriter.server.session import Session


def serve(source: IO[bytes], target: IO[bytes], wishes: Wishes) -> int:
    """Serves an editor until it says exit, or its end of the stream closes. Returns the exit code."""
    waiting: queue.Queue[rpc.Message | rpc.ProtocolError | None] = queue.Queue()
    threading.Thread(target=_read, args=(source, waiting), daemon=True).start()
    session = Session(wishes, lambda message: rpc.write_message(target, message))
    while session.ended is None:
        message = waiting.get()
        if message is None:
            return 0 if session.shut_down else 1
        if isinstance(message, rpc.ProtocolError):
            error = {"code": rpc.PARSE_ERROR, "message": str(message)}
            rpc.write_message(target, {"id": None, "error": error})
            return 1
        session.receive(message)
        if waiting.empty():
            session.judge()
    return session.ended


def _read(source: IO[bytes], waiting: queue.Queue[rpc.Message | rpc.ProtocolError | None]) -> None:
    try:
        while (message := rpc.read_message(source)) is not None:
            waiting.put(message)
        waiting.put(None)
    except rpc.ProtocolError as error:
        waiting.put(error)
