"""Whole lists out of pages: retries, expired pages, missing rights. Knows HTTP answers, not how they are got."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from rewriter.inventory.live.errors import ClusterError, ListError, LostError
from rewriter.inventory.live.resources import Resource
from rewriter.records import dataclass

PAGE = 500
#: Tries for one request, and how often a list is begun again because its pages expired.
TRIES = 5
RESTARTS = 3
#: Seconds that a server may make us wait (Retry-After); longer, and the list counts as failed.
LONGEST_WAIT = 30.0
_FIRST_WAIT = 0.5
_AGAIN = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; `retry_after` in seconds where the server says so."""

    status: int
    body: bytes = b""
    retry_after: float | None = None


class Api(Protocol):
    """One cluster's API, read-only. `get` raises LostError."""

    @property
    def context(self) -> str: ...

    def get(self, path: str, query: Mapping[str, str]) -> Answer: ...


@dataclass(frozen=True, slots=True)
class Reader:
    """Gets objects and lists, with bounded retries. `step` gets the number of objects read since its last call."""

    api: Api
    step: Callable[[int], None] = lambda _count: None

    def one(self, path: str) -> dict[str, Any] | None:
        """One object; None where there is none. Raises ListError and ClusterError."""
        status, value = self._ask(path, {})
        if status == 404:
            return None
        if status != 200:
            raise ListError(_refusal(status))
        return value

    def whole(self, resource: Resource, keep: Callable[[dict[str, Any]], Any]) -> list[Any]:
        """What `keep` makes of each object of a resource; never a part of the list. Raises ListError and ClusterError.

        Objects get the `apiVersion` and `kind` that a list leaves out. A resource that the cluster lacks is an empty
        list if it may lack it.
        """
        for path in resource.paths:
            found = self._at(path, resource, keep)
            if found is not None:
                return found
        if resource.optional:
            return []
        raise ListError(f"the API has no {resource.name} ({resource.paths[0]} answers 404)")

    def _at(self, path: str, resource: Resource, keep: Callable[[dict[str, Any]], Any]) -> list[Any] | None:
        """The list at a path; None where there is nothing. Pages that expire (410) make it begin again."""
        for _ in range(RESTARTS + 1):
            try:
                kept: list[Any] = []
                for page in self._pages(path, resource):
                    identity = {"apiVersion": resource.api_version(path), "kind": resource.kind}
                    kept += [keep({**item, **identity}) for item in page]
                    self.step(len(page))
                return kept
            except _ExpiredError:
                continue
            except _AbsentError:
                return None
        raise ListError(f"its pages expired {RESTARTS + 1} times before the list was read (410)")

    def _pages(self, path: str, resource: Resource) -> Iterator[list[dict[str, Any]]]:
        query = {"limit": str(PAGE)}
        while True:
            status, value = self._ask(path, query)
            match status:
                case 200:
                    pass
                case 410:
                    raise _ExpiredError
                case 404 if "continue" not in query:
                    raise _AbsentError
                case 403:
                    raise ListError(f"not allowed (403): it needs {resource.right}")
                case _:
                    raise ListError(_refusal(status))
            items, metadata = value.get("items"), value.get("metadata")
            # A list of none is null in Go.
            items = [] if items is None and "metadata" in value else items
            if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
                raise ListError("the answer is not a list of objects")
            yield items
            following = metadata.get("continue") if isinstance(metadata, dict) else None
            if not following:
                return
            query = {"limit": str(PAGE), "continue": str(following)}

    def _ask(self, path: str, query: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        """Status and JSON object of a request, asked again while that may help."""
        for number in range(TRIES):
            last = number == TRIES - 1
            try:
                answer = self.api.get(path, query)
                if answer.status == 401:
                    raise ClusterError(
                        f"context {self.api.context}: the cluster does not accept its credentials (401); log in again"
                    )
                if answer.status not in _AGAIN:
                    return answer.status, _json(answer) if answer.status == 200 else {}
                if last or (answer.retry_after or 0) > LONGEST_WAIT:
                    raise ListError(_refusal(answer.status))
                wait(answer.retry_after if answer.retry_after is not None else _pause(number))
            except LostError as error:
                if last or error.final:
                    raise ListError(str(error)) from None
                wait(_pause(number))
        raise AssertionError("the last try returns or raises")


def _json(answer: Answer) -> dict[str, Any]:
    """A body that is cut short or not JSON counts as a broken connection."""
    try:
        value = json.loads(answer.body)
    except (ValueError, RecursionError):
        raise LostError("the answer is not whole") from None
    if not isinstance(value, dict):
        raise LostError("the answer is not an object")
    return value


def _pause(number: int) -> float:
    """Seconds before the next try: doubling, with a spread so that many clients do not come back at once."""
    return float(_FIRST_WAIT * 2**number * random.uniform(0.8, 1.2))


def wait(seconds: float) -> None:
    """Waits before another try."""
    time.sleep(seconds)


def _refusal(status: int) -> str:
    reasons = {403: "not allowed", 429: "too many requests", 410: "expired"}
    return f"the API answers {status}" + (f", {reasons[status]}" if status in reasons else "")


class _ExpiredError(Exception):
    pass


class _AbsentError(Exception):
    pass
