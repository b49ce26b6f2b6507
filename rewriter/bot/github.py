"""GitHub and GitHub Enterprise Server: the REST API of version 2022-11-28."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rewriter.bot.forge import NewRequest, PullRequest, ask_all_or_each, people_and_teams, shaped
from rewriter.bot.http import Api, ForgeError, Query
from rewriter.bot.token import Token

#: Of requested reviewers of one pull request, GitHub takes this many.
MAX_REVIEWERS = 15


def headers(token: Token | None) -> dict[str, str]:
    fixed = {"Accept": "application/vnd.github+json, application/json;q=0.9", "X-GitHub-Api-Version": "2022-11-28"}
    return fixed | ({"Authorization": f"Bearer {token.value}"} if token else {})


@dataclass(frozen=True, slots=True)
class GitHub:
    api: Api
    project: str

    def of_branch(self, branch: str) -> Iterator[PullRequest]:
        owner = self.project.split("/")[0]
        query: Query = {
            "head": f"{owner}:{branch}",
            "state": "all",
            "sort": "created",
            "direction": "desc",
            "per_page": 100,
        }
        for data in self.api.pages(self._path("pulls"), query):
            # A server that does not know the filter gives all requests, those of forks too.
            if shaped(_request, data).branch == branch and _head_project(data) == self.project.lower():
                yield shaped(_request, data)

    def open(self, new: NewRequest) -> tuple[PullRequest, list[str]]:
        fields = {"title": new.title, "head": new.branch, "base": new.base, "body": new.body}
        try:
            return self._created({**fields, "draft": new.draft}), []
        except ForgeError as error:
            if not (new.draft and error.status == 422 and "draft" in error.said.lower()):
                raise
        return self._created({**fields, "draft": False}), [
            "GitHub has no drafts for this project; the request is not one"
        ]

    def _created(self, fields: Mapping[str, Any]) -> PullRequest:
        return shaped(_request, self.api.send("POST", self._path("pulls"), fields))

    def update(self, request: PullRequest, *, body: str, base: str) -> None:
        fields = {"body": body} | ({"base": base} if request.base != base else {})
        self.api.send("PATCH", self._path("pulls", request.number), fields)

    def comment(self, request: PullRequest, text: str) -> None:
        self.api.send("POST", self._path("issues", request.number, "comments"), {"body": text})

    def close(self, request: PullRequest, *, body: str) -> None:
        self.api.send("PATCH", self._path("pulls", request.number), {"body": body, "state": "closed"})

    def label(self, request: PullRequest, labels: Sequence[str]) -> None:
        self.api.send("POST", self._path("issues", request.number, "labels"), {"labels": list(labels)})

    def ask_review(self, request: PullRequest, reviewers: Sequence[str]) -> list[str]:
        plain = [name.removeprefix("@") for name in reviewers]
        notes = [f"{name}: GitHub asks users and teams for reviews, not addresses" for name in plain if "@" in name]
        names = [name for name in plain if "@" not in name]
        notes += [f"{name}: not asked, GitHub takes {MAX_REVIEWERS} reviewers" for name in names[MAX_REVIEWERS:]]
        return notes + ask_all_or_each(lambda some: self._ask(request, some), names[:MAX_REVIEWERS])

    def _ask(self, request: PullRequest, names: Sequence[str]) -> None:
        self.api.send("POST", self._path("pulls", request.number, "requested_reviewers"), people_and_teams(names))

    def _path(self, *parts: str | int) -> str:
        return "/".join(("/repos", self.project, *map(str, parts)))


def _head_project(data: Mapping[str, Any]) -> str:
    """The project of a request's branch, in lower case; "" where the fork is gone."""
    return str((data["head"].get("repo") or {}).get("full_name", "")).lower()


def _request(data: Mapping[str, Any]) -> PullRequest:
    return PullRequest(
        number=data["number"],
        url=data["html_url"],
        branch=data["head"]["ref"],
        base=data["base"]["ref"],
        title=data["title"],
        body=data.get("body") or "",
        is_open=data["state"] == "open",
        merged=bool(data.get("merged_at")),
    )
