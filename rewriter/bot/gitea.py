"""Gitea and Forgejo: the REST API v1, which both share in what is asked here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rewriter.bot.forge import NewRequest, PullRequest, ask_all_or_each, people_and_teams, shaped
from rewriter.bot.http import Api
from rewriter.bot.token import Token

#: Requests that are looked through for a closed one of a branch: the listing has no filter by branch.
_MAX_CLOSED = 200
_LABEL_COLOR = "#1d76db"


def headers(token: Token | None) -> dict[str, str]:
    return {"Authorization": f"token {token.value}"} if token else {}


@dataclass(frozen=True, slots=True)
class Gitea:
    api: Api
    project: str

    def of_branch(self, branch: str) -> Iterator[PullRequest]:
        found = list(self._listed(branch, "open", None)) + list(self._listed(branch, "closed", _MAX_CLOSED))
        yield from sorted(found, key=lambda request: request.number, reverse=True)

    def _listed(self, branch: str, state: str, most: int | None) -> Iterator[PullRequest]:
        listing = self.api.pages(self._path("pulls"), {"state": state, "sort": "recentupdate", "limit": 50, "page": 1})
        for number, data in enumerate(listing):
            if number == most:
                return
            request = shaped(_request, data)
            # Of a branch that is gone, `ref` is the request's own; `label` still has its name.
            if branch in (request.branch, data["head"].get("label")) and data["head"].get("repo_id") == data[
                "base"
            ].get("repo_id"):
                yield request

    def open(self, new: NewRequest) -> tuple[PullRequest, list[str]]:
        title = f"WIP: {new.title}" if new.draft else new.title
        fields = {"title": title, "head": new.branch, "base": new.base, "body": new.body}
        return shaped(_request, self.api.send("POST", self._path("pulls"), fields)), []

    def update(self, request: PullRequest, *, body: str, base: str) -> None:
        fields = {"body": body} | ({"base": base} if request.base != base else {})
        self.api.send("PATCH", self._path("pulls", request.number), fields)

    def comment(self, request: PullRequest, text: str) -> None:
        self.api.send("POST", self._path("issues", request.number, "comments"), {"body": text})

    def close(self, request: PullRequest, *, body: str) -> None:
        self.api.send("PATCH", self._path("pulls", request.number), {"body": body, "state": "closed"})

    def label(self, request: PullRequest, labels: Sequence[str]) -> None:
        known = {data["name"]: data["id"] for data in self.api.pages(self._path("labels"), {"limit": 50, "page": 1})}
        for name in labels:
            if name not in known:
                made = self.api.send("POST", self._path("labels"), {"name": name, "color": _LABEL_COLOR})
                known[name] = made["id"]
        numbers = [known[name] for name in labels]
        self.api.send("POST", self._path("issues", request.number, "labels"), {"labels": numbers})

    def ask_review(self, request: PullRequest, reviewers: Sequence[str]) -> list[str]:
        plain = [name.removeprefix("@") for name in reviewers]
        notes = [f"{name}: the forge asks users and teams for reviews, not addresses" for name in plain if "@" in name]
        names = [name for name in plain if "@" not in name]
        return notes + ask_all_or_each(lambda some: self._ask(request, some), names)

    def _ask(self, request: PullRequest, names: Sequence[str]) -> None:
        self.api.send("POST", self._path("pulls", request.number, "requested_reviewers"), people_and_teams(names))

    def _path(self, *parts: str | int) -> str:
        return "/".join(("/repos", self.project, *map(str, parts)))


def _request(data: Mapping[str, Any]) -> PullRequest:
    return PullRequest(
        number=data["number"],
        url=data["html_url"],
        branch=data["head"]["ref"],
        base=data["base"]["ref"],
        title=data["title"],
        body=data.get("body") or "",
        is_open=data["state"] == "open",
        merged=bool(data.get("merged")),
    )
