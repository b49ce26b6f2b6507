"""What the APIs of GitHub and Gitea have in common: Gitea's follows GitHub's in its paths and fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rewriter.bot.forge import Issue, Note, PullRequest, ask_all_or_each, note_of, shaped
from rewriter.bot.http import Api, Query
from rewriter.records import dataclass


@dataclass(frozen=True, slots=True)
class Pulls:
    """The pull requests of a project, as far as both treat them alike."""

    api: Api
    project: str

    def update(self, request: PullRequest, *, body: str, base: str) -> None:
        fields = {"body": body} | ({"base": base} if request.base != base else {})
        self.api.send("PATCH", self.path("pulls", request.number), fields)

    def comment(self, request: PullRequest, text: str) -> None:
        self.api.send("POST", self.path("issues", request.number, "comments"), {"body": text})

    def notes(self, number: int) -> Iterator[Note]:
        query: Query = {"per_page": 100, "limit": 50}
        for data in self.api.pages(self.path("issues", number, "comments"), query):
            yield shaped(note_of, data)

    def write_note(self, number: int, text: str, note: Note | None) -> None:
        if note is None:
            self.api.send("POST", self.path("issues", number, "comments"), {"body": text})
        else:
            self.api.send("PATCH", self.path("issues", "comments", note.id), {"body": text})

    def issues(self) -> Iterator[Issue]:
        query: Query = {"state": "open", "per_page": 100, "limit": 50}
        for data in self.api.pages(self.path("issues"), query):
            if not (isinstance(data, dict) and data.get("pull_request")):  # Requests are listed among the issues.
                yield shaped(_issue, data)

    def write_issue(self, title: str, body: str, issue: Issue | None) -> Issue:
        fields = {"title": title, "body": body}
        if issue is None:
            return shaped(_issue, self.api.send("POST", self.path("issues"), fields))
        return shaped(_issue, self.api.send("PATCH", self.path("issues", issue.number), fields))

    def close(self, request: PullRequest, *, body: str) -> None:
        self.api.send("PATCH", self.path("pulls", request.number), {"body": body, "state": "closed"})

    def ask_each(self, request: PullRequest, names: Sequence[str]) -> list[str]:
        """Asks users and `org/team`s for a review; who was refused, one line each."""
        path = self.path("pulls", request.number, "requested_reviewers")
        return ask_all_or_each(lambda some: self.api.send("POST", path, _people_and_teams(some)), names)

    def path(self, *parts: str | int) -> str:
        return "/".join(("/repos", self.project, *map(str, parts)))


def by_name(reviewers: Sequence[str], forge: str) -> tuple[list[str], list[str]]:
    """The owners that can be asked, without their `@`; and a line for each address, which cannot."""
    plain = [name.removeprefix("@") for name in reviewers]
    notes = [f"{name}: {forge} asks users and teams for reviews, not addresses" for name in plain if "@" in name]
    return [name for name in plain if "@" not in name], notes


def read_request(data: Mapping[str, Any], *, merged: bool) -> PullRequest:
    """A request of an answer; only how it says `merged` differs."""
    return PullRequest(
        number=data["number"],
        url=data["html_url"],
        branch=data["head"]["ref"],
        base=data["base"]["ref"],
        title=data["title"],
        body=data.get("body") or "",
        is_open=data["state"] == "open",
        merged=merged,
    )


def _issue(data: Mapping[str, Any]) -> Issue:
    return Issue(data["number"], data["html_url"], data["title"], data.get("body") or "")


def _people_and_teams(names: Sequence[str]) -> dict[str, list[str]]:
    """The fields of a request for review: a team is named without its organisation."""
    people = [name for name in names if "/" not in name]
    teams = [name.split("/", 1)[1] for name in names if "/" in name]
    return ({"reviewers": people} if people else {}) | ({"team_reviewers": teams} if teams else {})
