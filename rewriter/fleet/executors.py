"""Where the steps of a fleet run: on this machine, or on the workers of a Dask cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from rewriter.fleet.settings import FleetError
from rewriter.records import dataclass

Given = TypeVar("Given")
Made = TypeVar("Made")


class Executor(Protocol):
    """Where the steps run: threads of this machine, or the workers of a Dask cluster."""

    def each(self, work: Callable[[Given], Made], items: Iterable[Given]) -> Iterator[Made]:
        """What the work makes of each item, in the order in which they end."""
        ...


@dataclass(frozen=True, slots=True)
class Threads:
    """Steps on this machine, `count` at a time; each is a process of its own."""

    count: int

    def each(self, work: Callable[[Given], Made], items: Iterable[Given]) -> Iterator[Made]:
        """What the work makes of each item, in the order in which they end."""
        with ThreadPoolExecutor(self.count) as pool:
            waiting: set[Future[Made]] = set()
            try:
                for item in items:
                    waiting.add(pool.submit(work, item))
                    if len(waiting) >= 2 * self.count:
                        done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                        yield from (future.result() for future in done)
                while waiting:
                    done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in done)
            finally:
                for future in waiting:
                    future.cancel()


@dataclass(frozen=True, slots=True)
class Dask:
    """Steps on the workers of a Dask cluster, which see the fleet's folder under the same path."""

    client: Any

    def each(self, work: Callable[[Given], Made], items: Iterable[Given]) -> Iterator[Made]:
        """What the work makes of each item, in the order in which they end; a worker that is lost is replaced."""
        import distributed

        module: Any = distributed  # Its types stop half way.
        # Never pure: a step that was done once may have another outcome now.
        futures = self.client.map(work, list(items), pure=False, retries=2)
        for _, made in module.as_completed(futures, loop=self.client.loop, with_results=True):
            yield made


@contextmanager
def dask_at(address: str) -> Iterator[Dask]:
    """The cluster of a scheduler. Raises FleetError where Dask is not installed, or the scheduler does not answer."""
    try:
        import distributed
    except ImportError:
        raise FleetError("--dask needs dask.distributed: pip install 'cnpfix[fleet]'") from None
    module: Any = distributed
    try:
        client = module.Client(address, timeout="20s", set_as_default=False)
    except (OSError, ValueError) as error:
        raise FleetError(f"--dask {address}: the scheduler does not answer: {error}") from None
    try:
        yield Dask(client)
    finally:
        client.close()
