"""A pass, a proof or a reader that fails on one policy: an error of its own, beside which everything else is done."""

from __future__ import annotations

import traceback

from rewriter.discovery import InputError
from rewriter.records import dataclass

_REQUEST = "everything else is done; please report it with the traceback that -v prints"


@dataclass(frozen=True, slots=True)
class Failure:
    """What failed (`CNP014 rejected`), on which policy of its document by position, why, and Python's traceback."""

    what: str
    policy: int
    reason: str
    details: str


class PartFailedError(Exception):
    """A pass or proof raised what it must not; `fixing` says whether the fix of a finding failed, or its search."""

    def __init__(self, failure: Failure, pass_id: str, *, fixing: bool) -> None:
        super().__init__(failure.reason)
        self.failure = failure
        self.pass_id = pass_id
        self.fixing = fixing


def failure_of(error: Exception, what: str, policy: int = 0) -> Failure:
    """The failure that an exception is, in one line with its traceback apart."""
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    return Failure(what, policy, f"{reason:.160}", "".join(traceback.format_exception(error)))


def as_error(failure: Failure, path: str, line: int | None, policy: str = "") -> InputError:
    """The error that people read: file and line, what failed on which policy, and the request to report it."""
    on = f" on {policy}" if policy else ""
    return InputError(path, f"{failure.what} failed{on} ({failure.reason})", line, _REQUEST, failure.details)
