"""Contexts of a kubeconfig as one snapshot."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rewriter.inventory.facts.model import Source
from rewriter.inventory.live.client import READ, open_context
from rewriter.inventory.live.errors import ClusterError
from rewriter.inventory.live.listing import Api, Reader
from rewriter.inventory.live.reading import ClusterReading, read_cluster
from rewriter.inventory.live.resources import DEFAULT_NAMESPACE
from rewriter.inventory.snapshots.form import Snapshot, snapshot_of
from rewriter.inventory.snapshots.write import snapshot_as_json
from rewriter.records import dataclass


@dataclass(frozen=True, slots=True)
class LiveRequest:
    """Which clusters to read and how. `read_timeout` is in seconds, for one page."""

    contexts: tuple[str, ...]
    kubeconfig: Path | None = None
    cilium_namespace: str = DEFAULT_NAMESPACE
    read_timeout: float = READ


@dataclass(frozen=True, slots=True)
class LiveReading:
    """The content of a snapshot of the contexts, and what could not be read, one line each."""

    content: dict[str, Any]
    failures: tuple[str, ...]


def read_contexts(request: LiveRequest, step: Callable[[int], None] = lambda _count: None) -> LiveReading:
    """Reads every context. Raises ClusterError for one that cannot be read at all, or two that are one cluster."""
    readings: dict[str, tuple[str, ClusterReading]] = {}
    failures: list[str] = []
    for context in dict.fromkeys(request.contexts):
        api: Api = open_context(context, kubeconfig=request.kubeconfig, read_timeout=request.read_timeout)
        with _quiet_client():
            reading = read_cluster(Reader(api, step), request.cilium_namespace)
        if reading.name in readings:
            raise ClusterError(
                f"contexts {readings[reading.name][0]} and {context} are both cluster {reading.name!r} "
                "(cluster-name in cilium-config): clusters of one snapshot need names of their own"
            )
        readings[reading.name] = (context, reading)
        failures += [f"context {context}: {reason}" for reason in reading.failures.values()]
    entries = [reading.entry for _, reading in readings.values()]
    return LiveReading(snapshot_as_json(entries, datetime.now(UTC)), tuple(failures))


def live_snapshots(request: LiveRequest, step: Callable[[int], None] = lambda _count: None) -> Sequence[Snapshot]:
    """The contexts as snapshots, one each, for use at once. Raises ClusterError also where a list is not whole."""
    snapshots = []
    for context in dict.fromkeys(request.contexts):
        one = LiveRequest((context,), request.kubeconfig, request.cilium_namespace, request.read_timeout)
        reading = read_contexts(one, step)
        if reading.failures:
            raise ClusterError(reading.failures[0])
        snapshots.append(snapshot_of(reading.content, Source(f"context {context}")))
    return snapshots


@contextmanager
def _quiet_client() -> Iterator[None]:
    """Keeps what HTTP libraries log, which holds addresses, off our stderr."""
    import logging

    logger = logging.getLogger("urllib3")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
