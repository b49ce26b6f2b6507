"""The same work on several processes, results in the order of the input."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

Item = TypeVar("Item")
Result = TypeVar("Result")

#: Fewer items than this a process are not worth starting one.
MIN_ITEMS = 40


def each(items: Sequence[Item], work: Callable[[Item], Result], jobs: int, least: int = MIN_ITEMS) -> Iterator[Result]:
    """The results of the work on each item. `jobs` is the number of processes; 0 takes what the machine offers.

    The processes are forked, so that the work finds everything as it is here; it must not depend on changing it. None
    is started for fewer than the `least` items.
    """
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    count = min(jobs or available, len(items) // least)
    if count < 2:
        yield from map(work, items)
        return
    import multiprocessing  # Not for a few files.

    if "fork" not in multiprocessing.get_all_start_methods():
        yield from map(work, items)
        return
    context = multiprocessing.get_context("fork")
    receivers = []
    workers = []
    for number in range(count):
        receiver, sender = context.Pipe(duplex=False)
        worker = context.Process(target=_serve, args=(items[number::count], work, sender), daemon=True)
        worker.start()
        sender.close()
        receivers.append(receiver)
        workers.append(worker)
    try:
        for index, item in enumerate(items):
            try:
                yield receivers[index % count].recv()
            except EOFError:  # That process was killed, by want of memory perhaps.
                yield work(item)
    finally:
        for worker, receiver in zip(workers, receivers, strict=True):
            receiver.close()
            worker.kill()  # It has sent what it has, or no one waits for it.
            worker.join()


def _serve(items: Sequence[Item], work: Callable[[Item], Result], sender: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # A terminal interrupts all processes; the first one ends the others.
    for signal_ in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signal_, signal.SIG_DFL)
    with contextlib.suppress(BrokenPipeError):
        for item in items:
            sender.send(work(item))
    sender.close()
