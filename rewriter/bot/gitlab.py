"""GitLab, gitlab.com and self-hosted: the REST API v4, merge requests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from rewriter.bot.forge import Issue, NewRequest, Note, PullRequest, note_of, shaped
from rewriter.bot.http import Api, Query
from rewriter.bot.token import Token
from rewriter.records import dataclass


def headers(token: Token | None) -> dict[str, str]:
    if token is None:
        return {}
    return {"JOB-TOKEN" if token.is_job_token else "PRIVATE-TOKEN": token.value}


@dataclass(frozen=True, slots=True)
class GitLab:
    api: Api
    project: str

    def of_branch(self, branch: str) -> Iterator[PullRequest]:
        query: Query = {
            "source_branch": branch,
            "state": "all",
            "order_by": "created_at",
            "sort": "desc",
            "per_page": 100,
        }
        for data in self.api.pages(self._path(), query):
            request = shaped(_request, data)
            # Merge requests of forks are listed too.
            if request.branch == branch and data.get("source_project_id") == data.get("target_project_id"):
                yield request

    def open(self, new: NewRequest) -> tuple[PullRequest, list[str]]:
        fields = {
            "source_branch": new.branch,
            "target_branch": new.base,
            "title": f"Draft: {new.title}" if new.draft else new.title,
            "description": new.body,
            "remove_source_branch": True,
        }
        return shaped(_request, self.api.send("POST", self._path(), fields)), []

    def update(self, request: PullRequest, *, body: str, base: str) -> None:
        fields = {"description": body} | ({"target_branch": base} if request.base != base else {})
        self.api.send("PUT", self._path(request.number), fields)

    def comment(self, request: PullRequest, text: str) -> None:
        self.api.send("POST", self._path(request.number, "notes"), {"body": text})

    def notes(self, number: int) -> Iterator[Note]:
        query: Query = {"sort": "asc", "order_by": "created_at", "per_page": 100}
        for data in self.api.pages(self._path(number, "notes"), query):
            yield shaped(note_of, data)

    def write_note(self, number: int, text: str, note: Note | None) -> None:
        if note is None:
            self.api.send("POST", self._path(number, "notes"), {"body": text})
        else:
            self.api.send("PUT", self._path(number, "notes", note.id), {"body": text})

    def issues(self) -> Iterator[Issue]:
        for data in self.api.pages(self._issues(), {"state": "opened", "per_page": 100}):
            yield shaped(_issue, data)

    def write_issue(self, title: str, body: str, issue: Issue | None) -> Issue:
        fields = {"title": title, "description": body}
        if issue is None:
            return shaped(_issue, self.api.send("POST", self._issues(), fields))
        return shaped(_issue, self.api.send("PUT", self._issues(issue.number), fields))

    def close(self, request: PullRequest, *, body: str) -> None:
        self.api.send("PUT", self._path(request.number), {"description": body, "state_event": "close"})

    def label(self, request: PullRequest, labels: Sequence[str]) -> None:
        self.api.send("PUT", self._path(request.number), {"add_labels": ",".join(labels)})

    def ask_review(self, request: PullRequest, reviewers: Sequence[str]) -> list[str]:
        notes = []
        numbers = []
        for name in (reviewer.removeprefix("@") for reviewer in reviewers):
            if "/" in name or "@" in name:
                notes.append(f"{name}: GitLab asks users for reviews, not groups or addresses")
                continue
            users = self.api.get("/users", {"username": name})
            if isinstance(users, list) and users and isinstance(users[0], dict) and "id" in users[0]:
                numbers.append(users[0]["id"])
            else:
                notes.append(f"{name}: no such user on GitLab (a group, perhaps)")
        if numbers:
            self.api.send("PUT", self._path(request.number), {"reviewer_ids": numbers})
        return notes

    def _path(self, *parts: str | int) -> str:
        return self._below("merge_requests", *parts)

    def _issues(self, *parts: str | int) -> str:
        return self._below("issues", *parts)

    def _below(self, *parts: str | int) -> str:
        return "/".join(("/projects", quote(self.project, safe=""), *map(str, parts)))


def _issue(data: Mapping[str, Any]) -> Issue:
    return Issue(data["iid"], data["web_url"], data["title"], data.get("description") or "")


def _request(data: Mapping[str, Any]) -> PullRequest:
    return PullRequest(
        number=data["iid"],
        url=data["web_url"],
        branch=data["source_branch"],
        base=data["target_branch"],
        title=data["title"],
        body=data.get("description") or "",
        is_open=data["state"] in ("opened", "locked"),
        merged=data["state"] == "merged",
    )
