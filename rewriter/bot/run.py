"""The bot's run: for each group, decide what has to be done to its branch and its pull request, and do it.

Deciding reads only, so that a dry run is the same run without the second half.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import field, replace
from enum import StrEnum
from functools import partial

from rewriter.bot.body import Surroundings, Words, words_for
from rewriter.bot.clone import Clone, RejectedError, StaleError
from rewriter.bot.errors import BotError
from rewriter.bot.forge import Forge, NewRequest, PullRequest
from rewriter.bot.groups import Group, branch_of, is_branch_of_run
from rewriter.bot.http import RATE_LIMIT, ForgeError
from rewriter.bot.marker import is_edited, marked_done, marker_in, replaced
from rewriter.records import dataclass

#: How often a group is begun again because another push, or another pull request, came in between.
_TRIES = 3
_RESTORED = "a person edited the text between cnpfix's marks; cnpfix writes it anew, and keeps what stands around it"
_CLOSING = (
    "Nothing is left to fix here: what this request proposed is in the base branch, or is part of another request now, "
    "or is no longer needed. cnpfix closes it and deletes its branch, and opens another one when there is something."
)


class Action(StrEnum):
    """What becomes of a group."""

    OPEN = "open"
    UPDATE = "update"
    UNCHANGED = "unchanged"
    CLOSE = "close"
    STOPPED = "stopped"
    DECLINED = "declined"
    WAITING = "waiting"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Settings:
    """How requests are made. `branch` is the run's, `scope` the digest of what it is over (see `body.Marker`).

    `limit` bounds how many of the run's requests may be open for one more to be opened.
    """

    branch: str
    scope: str
    from_version: str
    to_version: str
    labels: tuple[str, ...] = ()
    reviewers: tuple[str, ...] = ()
    ask_owners: bool = True
    draft: bool = False
    limit: int = 20
    unsafe: bool = False
    dry_run: bool = False
    around: Surroundings = field(default_factory=Surroundings)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done for a branch, or would be. `detail` says why it was not; `notes` what failed on the side."""

    action: Action
    branch: str
    group: Group | None = None
    words: Words | None = None
    reviewers: tuple[str, ...] = ()
    url: str = ""
    detail: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Plan:
    outcome: Outcome
    request: PullRequest | None = None
    commit: str | None = None


def run_bot(
    clone: Clone, forge: Forge | None, groups: list[Group], settings: Settings, *, complete: bool
) -> Iterator[Outcome]:
    """The outcome of each group, as soon as it is known, then those of requests without any change left.

    `complete` says that every file could be treated: otherwise nothing is closed, for what is left is not known.
    Without a forge (a dry run without a token) the forge is not asked what is open. Raises BotError when the rest of
    the run is of no use: the token is refused, the forge limits requests.
    """
    branches = {branch_of(group, settings.branch): group for group in groups}
    opened = 0
    # Those that have a branch come first, so that the limit counts what is open before anything is opened.
    for branch, group in sorted(branches.items(), key=lambda item: item[0] not in clone.heads):
        outcome = _guarded(branch, group, partial(_settle, clone, forge, group, branch, settings, opened))
        if outcome is not None:
            opened += outcome.action in (Action.OPEN, Action.UPDATE, Action.UNCHANGED)
            yield outcome
    if forge is None:
        return
    for branch in sorted(set(clone.heads) - set(branches)):
        if is_branch_of_run(branch, settings.branch):
            retired = _guarded(branch, None, partial(_retire, clone, forge, branch, settings, complete))
            if retired is not None:
                yield retired


def _guarded(branch: str, group: Group | None, work: Callable[[], Outcome | None]) -> Outcome | None:
    """What the work gives; an error is the outcome of its group, unless every other group would meet it too."""
    try:
        return work()
    except ForgeError as error:
        if error.status == 401 or error.explanation == RATE_LIMIT:
            raise
        return Outcome(Action.FAILED, branch, group, detail=str(error))
    except BotError as error:
        return Outcome(Action.FAILED, branch, group, detail=str(error))


def _settle(clone: Clone, forge: Forge | None, group: Group, branch: str, settings: Settings, opened: int) -> Outcome:
    for attempt in range(_TRIES):
        plan = _plan(clone, forge, group, branch, settings, opened)
        if settings.dry_run or forge is None or plan.outcome.action not in (Action.OPEN, Action.UPDATE):
            return plan.outcome
        try:
            return _carry_out(clone, forge, plan, settings)
        except StaleError:
            if attempt == _TRIES - 1:
                raise
            # Base stays as it was read; only the branches are looked at again.
            clone = clone.on(clone.branch)
    raise AssertionError("unreachable")


def _plan(clone: Clone, forge: Forge | None, group: Group, branch: str, settings: Settings, opened: int) -> _Plan:
    words = words_for(group, settings.from_version, settings.to_version, settings.scope, settings.around)
    owners = group.owners if settings.ask_owners else ()
    reviewers = tuple(dict.fromkeys((*settings.reviewers, *owners)))
    known = Outcome(Action.OPEN, branch, group, words, reviewers)

    def stopped(action: Action, detail: str, request: PullRequest | None = None) -> _Plan:
        return _Plan(replace(known, action=action, detail=detail, url=request.url if request else ""), request)

    requests = list(forge.of_branch(branch)) if forge else []
    request = next((request for request in requests if request.is_open), None)
    marker = marker_in(request.body) if request else None
    if request and marker is None:
        return stopped(Action.STOPPED, f"request {request.number} of this branch is not cnpfix's; close it", request)
    if request and marker and marker.scope != settings.scope:
        return stopped(
            Action.STOPPED, "the request is of a run over other paths; give each run a --branch of its own", request
        )
    last = next((request for request in requests if not request.is_open and not request.merged), None)
    if request is None and last is not None and last is requests[0]:
        refused = marker_in(last.body)
        if refused and not refused.done and refused.change == words.marker.change:
            return stopped(Action.DECLINED, "a person closed this very change; reopen the request to have it", last)
    if request is None and opened >= settings.limit:
        return stopped(Action.WAITING, f"{settings.limit} requests are open (--limit)")
    head = clone.heads.get(branch)
    stranger = clone.strangers_commit(head) if head else None
    if stranger:
        return stopped(
            Action.STOPPED,
            f"commit {stranger} is not as cnpfix made it; take it off the branch, or delete the branch, to go on",
            request,
        )
    content = {result.path: result.after.encode("utf-8") for result in group.files}
    commit = clone.commit(content, words.message)
    if request is None:
        return _Plan(known, None, commit)
    edited = is_edited(request.body)
    same = commit == head and marker == words.marker and request.base == clone.base_branch and not edited
    action = Action.UNCHANGED if same else Action.UPDATE
    notes = (_RESTORED,) if edited else ()
    return _Plan(replace(known, action=action, url=request.url, notes=notes), request, commit)


def _carry_out(clone: Clone, forge: Forge, plan: _Plan, settings: Settings) -> Outcome:
    outcome, words, branch = plan.outcome, plan.outcome.words, plan.outcome.branch
    assert words is not None
    if plan.commit != clone.heads.get(branch):
        clone.push(branch, plan.commit)
    if plan.request is None:
        return _open(clone, forge, outcome, words, settings)
    _update(clone, forge, plan.request, words)
    return outcome


def _update(clone: Clone, forge: Forge, request: PullRequest, words: Words) -> None:
    changed = marker_in(request.body) != words.marker or is_edited(request.body)
    if changed or request.base != clone.base_branch:
        forge.update(request, body=replaced(request.body, words.body), base=clone.base_branch)


def _open(clone: Clone, forge: Forge, outcome: Outcome, words: Words, settings: Settings) -> Outcome:
    new = NewRequest(outcome.branch, clone.base_branch, words.title, words.body, settings.draft)
    attempt = 0
    while True:
        try:
            request, notes = forge.open(new)
            break
        except ForgeError as error:
            # Another run was faster, or the answer was lost on its way: there is one now, or there is none.
            there = next((request for request in forge.of_branch(outcome.branch) if request.is_open), None)
            if there is not None and marker_in(there.body):
                _update(clone, forge, there, words)
                return replace(outcome, action=Action.UPDATE, url=there.url)
            attempt += 1
            if not error.unsure or attempt == _TRIES:
                raise
    if settings.labels:
        notes += _aside("labels", lambda: forge.label(request, settings.labels))
    if outcome.reviewers:
        notes += _aside("reviewers", lambda: forge.ask_review(request, outcome.reviewers))
    return replace(outcome, url=request.url, notes=tuple(notes))


def _aside(what: str, work: Callable[[], list[str] | None]) -> list[str]:
    """A note on something that the request can do without."""
    try:
        return work() or []
    except ForgeError as error:
        return [f"{what} not set: {error}"]


def _retire(clone: Clone, forge: Forge, branch: str, settings: Settings, complete: bool) -> Outcome | None:
    """Closes the open request of a branch that no group has any more; None where there is none to close."""
    if branch.removeprefix(settings.branch).startswith(".unsafe") and not settings.unsafe:
        return None  # This run did not look for unsafe fixes, so it does not know whether any are left.
    request = next((request for request in forge.of_branch(branch) if request.is_open), None)
    marker = marker_in(request.body) if request else None
    if request is None or marker is None or marker.scope != settings.scope:
        return None
    known = Outcome(Action.CLOSE, branch, url=request.url, detail="nothing is left to fix")
    if not complete:
        return replace(known, action=Action.STOPPED, detail="kept: not every file could be read, so some may be left")
    head = clone.heads[branch]
    stranger = clone.strangers_commit(head)
    if stranger:
        return replace(
            known, action=Action.STOPPED, detail=f"nothing is left to fix, but commit {stranger} is not cnpfix's"
        )
    if settings.dry_run:
        return known
    forge.comment(request, _CLOSING)
    forge.close(request, body=marked_done(request.body))
    try:
        clone.push(branch, None)
    except (StaleError, RejectedError) as error:
        return replace(known, notes=(f"the branch stays: {error}",))
    return known
