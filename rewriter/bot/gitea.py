"""Gitea and Forgejo: the REST API v1, which both share in what is asked here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rewriter.bot.forge import NewRequest, PullRequest, shaped
from rewriter.bot.pulls import Pulls, by_name, read_request
from rewriter.bot.token import Token
from rewriter.records import dataclass

#: Requests that are looked through for a closed one of a branch: the listing has no filter by branch.
_MAX_CLOSED = 200
_LABEL_COLOR = "#1d76db"


def headers(token: Token | None) -> dict[str, str]:
    return {"Authorization": f"token {token.value}"} if token else {}


@dataclass(frozen=True, slots=True)
class Gitea(Pulls):
    def of_branch(self, branch: str) -> Iterator[PullRequest]:
        found = list(self._listed(branch, "open", None)) + list(self._listed(branch, "closed", _MAX_CLOSED))
        yield from sorted(found, key=lambda request: request.number, reverse=True)

    def _listed(self, branch: str, state: str, most: int | None) -> Iterator[PullRequest]:
        listing = self.api.pages(self.path("pulls"), {"state": state, "sort": "recentupdate", "limit": 50, "page": 1})
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
        return shaped(_request, self.api.send("POST", self.path("pulls"), fields)), []

    def label(self, request: PullRequest, labels: Sequence[str]) -> None:
        known = {data["name"]: data["id"] for data in self.api.pages(self.path("labels"), {"limit": 50, "page": 1})}
        for name in labels:
            if name not in known:
                made = self.api.send("POST", self.path("labels"), {"name": name, "color": _LABEL_COLOR})
                known[name] = made["id"]
        numbers = [known[name] for name in labels]
        self.api.send("POST", self.path("issues", request.number, "labels"), {"labels": numbers})

    def ask_review(self, request: PullRequest, reviewers: Sequence[str]) -> list[str]:
        names, notes = by_name(reviewers, "the forge")
        return notes + self.ask_each(request, names)


def _request(data: Mapping[str, Any]) -> PullRequest:
    return read_request(data, merged=bool(data.get("merged")))
