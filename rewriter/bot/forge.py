"""What the bot asks of a forge. Each adapter is a file; all of them give these shapes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from rewriter.bot.http import ForgeError
from rewriter.records import dataclass


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pull or merge request of a branch of the project itself, never of a fork. `number` is as people see it."""

    number: int
    url: str
    branch: str
    base: str
    title: str
    body: str
    is_open: bool
    merged: bool = False


@dataclass(frozen=True, slots=True)
class NewRequest:
    """A request to open. `branch` is pushed already."""

    branch: str
    base: str
    title: str
    body: str
    draft: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """A comment on a request, by its id."""

    id: int
    body: str


@dataclass(frozen=True, slots=True)
class Issue:
    """An open issue of the project. `number` is as people see it."""

    number: int
    url: str
    title: str
    body: str


_Read = TypeVar("_Read")


def shaped(read: Callable[[Any], _Read], data: Any) -> _Read:
    """What is read from a forge's answer. Raises ForgeError where the answer has not the shape expected."""
    try:
        return read(data)
    except (KeyError, TypeError, AttributeError) as error:
        raise ForgeError(f"the forge answered with an unexpected shape ({error!r}); is --forge right?", 200) from None


def ask_all_or_each(ask: Callable[[Sequence[str]], None], names: Sequence[str]) -> list[str]:
    """Asks reviewers together, or each alone where the forge refuses them all for one; says who was refused.

    The author of a request and whoever may not read the project are refused, with status 422.
    """
    if not names:
        return []
    try:
        ask(names)
    except ForgeError as error:
        if error.status != 422:
            raise
        if len(names) > 1:
            return [note for name in names for note in ask_all_or_each(ask, [name])]
        return [f"{names[0]}: not asked for a review: {error.explanation or 'refused'}"]
    return []


class Forge(Protocol):
    """A forge's pull requests for one project. Every method raises ForgeError."""

    def of_branch(self, branch: str) -> Iterator[PullRequest]:
        """The requests of a branch, open and closed, the newest first."""
        ...

    def open(self, new: NewRequest) -> tuple[PullRequest, list[str]]:
        """Opens a request; it and what could not be done of it. Raises ForgeError where the branch has one."""
        ...

    def update(self, request: PullRequest, *, body: str, base: str) -> None:
        """Gives a request a new body, and another base if it has not that one."""
        ...

    def comment(self, request: PullRequest, text: str) -> None:
        """Says something on a request."""
        ...

    def notes(self, number: int) -> Iterator[Note]:
        """The comments on a request, the oldest first."""
        ...

    def write_note(self, number: int, text: str, note: Note | None) -> None:
        """Gives a comment a new text, or makes one on the request."""
        ...

    def issues(self) -> Iterator[Issue]:
        """The open issues of the project that the token's owner may see."""
        ...

    def write_issue(self, title: str, body: str, issue: Issue | None) -> Issue:
        """Gives an issue a new title and body, or makes one."""
        ...

    def close(self, request: PullRequest, *, body: str) -> None:
        """Closes a request, with its last body."""
        ...

    def label(self, request: PullRequest, labels: Sequence[str]) -> None:
        """Adds labels, made if need be."""
        ...

    def ask_review(self, request: PullRequest, reviewers: Sequence[str]) -> list[str]:
        """Asks owners as CODEOWNERS writes them to review; what could not be done, one line each."""
        ...


def bare(text: str) -> str:
    """A text without what forges change: line ends, and blanks before them."""
    return "\n".join(line.rstrip() for line in text.splitlines()).strip()


def note_of(data: Mapping[str, Any]) -> Note:
    """A comment as GitHub, Gitea and GitLab answer it."""
    return Note(data["id"], data.get("body") or "")
