"""GitHub and GitHub Enterprise Server: the REST API of version 2022-11-28."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rewriter.bot.forge import NewRequest, PullRequest, shaped
from rewriter.bot.http import ForgeError, Query
from rewriter.bot.pulls import Pulls, by_name, read_request
from rewriter.bot.token import Token
from rewriter.records import dataclass

#: Of requested reviewers of one pull request, GitHub takes this many.
MAX_REVIEWERS = 15


def headers(token: Token | None) -> dict[str, str]:
    fixed = {"Accept": "application/vnd.github+json, application/json;q=0.9", "X-GitHub-Api-Version": "2022-11-28"}
    return fixed | ({"Authorization": f"Bearer {token.value}"} if token else {})


@dataclass(frozen=True, slots=True)
class GitHub(Pulls):
    def of_branch(self, branch: str) -> Iterator[PullRequest]:
        owner = self.project.split("/")[0]
        query: Query = {
            "head": f"{owner}:{branch}",
            "state": "all",
            "sort": "created",
            "direction": "desc",
            "per_page": 100,
        }
        for data in self.api.pages(self.path("pulls"), query):
            # A server that does not know the filter gives all requests, those of forks too.
            if shaped(_request, data).branch == branch and _head_project(data) == self.project.lower():
                yield shaped(_request, data)

    def open(self, new: NewRequest) -> tuple[PullRequest, list[str]]:
        fields = {"title": new.title, "head": new.branch, "base": new.base, "body": new.body}
        try:
            return self._created({**fields, "draft": new.draft}), []
        except ForgeError as error:
            if not (new.draft and error.status == 422 and "draft" in error.explanation.lower()):
                raise
        return self._created({**fields, "draft": False}), [
            "GitHub has no drafts for this project; the request is opened as an ordinary one"
        ]

    def _created(self, fields: Mapping[str, Any]) -> PullRequest:
        return shaped(_request, self.api.send("POST", self.path("pulls"), fields))

    def label(self, request: PullRequest, labels: Sequence[str]) -> None:
        self.api.send("POST", self.path("issues", request.number, "labels"), {"labels": list(labels)})

    def ask_review(self, request: PullRequest, reviewers: Sequence[str]) -> list[str]:
        names, notes = by_name(reviewers, "GitHub")
        left = names[MAX_REVIEWERS:]
        notes += [f"{name}: not asked, GitHub takes at most {MAX_REVIEWERS} reviewers" for name in left]
        return notes + self.ask_each(request, names[:MAX_REVIEWERS])


def _head_project(data: Mapping[str, Any]) -> str:
    """The project of a request's branch, in lower case; "" where the fork is gone."""
    return str((data["head"].get("repo") or {}).get("full_name", "")).lower()


def _request(data: Mapping[str, Any]) -> PullRequest:
    return read_request(data, merged=bool(data.get("merged_at")))
