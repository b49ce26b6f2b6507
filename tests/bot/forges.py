"""The parts of three forges' APIs that pull requests need, with state, in the shapes that their documentation gives.

GitHub's is checked against its published description elsewhere (`test_github_description.py`). GitLab and Gitea
publish theirs in no registry; their shapes are written down here from their reference documentation.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from tests.bot.server import TOKEN, Answer, Call

PROJECT = "acme/policies"
PAGE = 2
"""Items a page, so that every listing has several."""


@dataclass
class Stored:
    number: int
    branch: str
    base: str
    title: str
    body: str
    draft: bool = False
    state: str = "open"
    merged: bool = False
    fork: bool = False
    labels: list[str] = field(default_factory=list)
    reviewers: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)

    def notes(self) -> list[dict[str, Any]]:
        return [{"id": self.number * 100 + at, "body": text} for at, text in enumerate(self.comments)]


@dataclass
class Stateful:
    """What the three have in common: the requests and how they are paged."""

    base: str = ""
    requests: list[Stored] = field(default_factory=list)
    refused_reviewers: set[str] = field(default_factory=set)
    label_ids: dict[str, int] = field(default_factory=dict)
    issues: list[Stored] = field(default_factory=list)

    def authorised(self, headers: Any) -> bool:
        raise NotImplementedError

    def answer(self, call: Call, url: str) -> Answer:
        raise NotImplementedError

    def request(self, branch: str) -> Stored:
        """The open request of a branch; there must be exactly one."""
        (found,) = [each for each in self.requests if each.branch == branch and each.state == "open"]
        return found

    def _note(self, identity: str, text: str) -> Answer:
        number, at = divmod(int(identity), 100)
        self.requests[number - 1].comments[at] = text
        return Answer(200, {"id": int(identity), "body": text})

    def _issue(self, number: str | None, fields: dict[str, Any]) -> Stored:
        if number is None:
            self.issues.append(Stored(len(self.issues) + 1, "", "", "", ""))
        stored = self.issues[int(number) - 1 if number else -1]
        for name, value in fields.items():
            setattr(stored, name, value)
        return stored

    def _new(self, branch: str, base: str, title: str, body: str, draft: bool) -> Stored | None:
        if any(each.branch == branch and each.state == "open" and not each.fork for each in self.requests):
            return None
        stored = Stored(len(self.requests) + 1, branch, base, title, body, draft)
        self.requests.append(stored)
        return stored

    def _page(self, items: list[Any], call: Call, url: str) -> Answer:
        page = int(call.query.get("page", 1))
        headers = {}
        if len(items) > page * PAGE:
            rest = "&".join(f"{name}={value}" for name, value in call.query.items() if name != "page")
            headers["Link"] = f'<{url}{self.base}{call.path}?{rest}&page={page + 1}>; rel="next"'
        return Answer(200, items[(page - 1) * PAGE : page * PAGE], headers)


def only(call: Call, *names: str) -> None:
    """Fails on a field that the forge does not know."""
    unknown = set(call.body) - set(names)
    assert not unknown, f"{call.method} {call.path}: unknown fields {unknown}"


@dataclass
class NumberedApi(Stateful):
    """What GitHub's API and Gitea's have alike: changes of pull requests, issues, and comments on both."""

    changed: int = 200

    def _alike(self, call: Call, parts: list[str], url: str) -> Answer | None:
        match call.method, parts:
            case "PATCH", ["pulls", number]:
                only(call, "title", "body", "state", "base")
                stored = self.requests[int(number) - 1]
                for name, value in call.body.items():
                    setattr(stored, name, value)
                return Answer(self.changed, self._json(stored, url))
            case "POST", ["issues", number, "comments"]:
                only(call, "body")
                self.requests[int(number) - 1].comments.append(call.body["body"])
                return Answer(201, {"id": 1, "body": call.body["body"]})
            case "GET", ["issues", number, "comments"]:
                return self._page(self.requests[int(number) - 1].notes(), call, url)
            case "PATCH", ["issues", "comments", identity]:
                only(call, "body")
                return self._note(identity, call.body["body"])
            case "GET", ["issues"]:
                assert call.query["state"] == "open"
                pulls = [self._json(each, url) | {"pull_request": {}} for each in self.requests]
                return self._page([*pulls, *(self._json(each, url) for each in self.issues)], call, url)
            case "POST", ["issues"]:
                only(call, "title", "body")
                return Answer(201, self._json(self._issue(None, call.body), url))
            case "PATCH", ["issues", number]:
                only(call, "title", "body")
                return Answer(200, self._json(self._issue(number, call.body), url))
        return None

    def _json(self, each: Stored, url: str) -> dict[str, Any]:
        raise NotImplementedError


@dataclass
class GitHubApi(NumberedApi):
    base: str = "/api/v3"

    def authorised(self, headers: Any) -> bool:
        return bool(headers.get("Authorization") == f"Bearer {TOKEN}")

    def answer(self, call: Call, url: str) -> Answer:
        parts = call.path.removeprefix(f"/repos/{PROJECT}").strip("/").split("/")
        match call.method, parts:
            case "GET", ["pulls"]:
                owner, _, branch = call.query["head"].partition(":")
                assert owner == "acme"
                states = {"all": ("open", "closed")}.get(call.query["state"], (call.query["state"],))
                found = [each for each in self.requests if each.branch == branch and each.state in states]
                return self._page([self._json(each, url) for each in reversed(found)], call, url)
            case "POST", ["pulls"]:
                only(call, "title", "head", "base", "body", "draft")
                body = call.body
                made = self._new(body["head"], body["base"], body["title"], body["body"], body["draft"])
                if made is None:
                    error = {"resource": "PullRequest", "code": "custom", "message": "A pull request already exists"}
                    return Answer(422, {"message": "Validation Failed", "errors": [error]})
                return Answer(201, self._json(made, url))
            case "POST", ["issues", number, "labels"]:
                only(call, "labels")
                self.requests[int(number) - 1].labels += call.body["labels"]
                return Answer(200, [{"name": name} for name in call.body["labels"]])
            case "POST", ["pulls", number, "requested_reviewers"]:
                only(call, "reviewers", "team_reviewers")
                names = [*call.body.get("reviewers", []), *call.body.get("team_reviewers", [])]
                if self.refused_reviewers & set(names):
                    return Answer(422, {"message": "Reviews may only be requested from collaborators."})
                self.requests[int(number) - 1].reviewers += names
                return Answer(201, self._json(self.requests[int(number) - 1], url))
        return self._alike(call, parts, url) or Answer(404, {"message": "Not Found"})

    def _json(self, each: Stored, url: str) -> dict[str, Any]:
        return {
            "number": each.number,
            "html_url": f"{url}/{PROJECT}/pull/{each.number}",
            "state": each.state,
            "title": each.title,
            "body": each.body,
            "draft": each.draft,
            "merged_at": "2030-01-01T00:00:00Z" if each.merged else None,
            "head": {
                "ref": each.branch,
                "sha": "0" * 40,
                "repo": {"full_name": "mallory/policies" if each.fork else PROJECT},
            },
            "base": {"ref": each.base, "repo": {"full_name": PROJECT}},
        }


@dataclass
class GitLabApi(Stateful):
    base: str = "/api/v4"
    users: dict[str, int] = field(default_factory=dict)

    def authorised(self, headers: Any) -> bool:
        return TOKEN in (headers.get("PRIVATE-TOKEN"), headers.get("JOB-TOKEN"))

    def answer(self, call: Call, url: str) -> Answer:
        if call.path == "/users":
            name = call.query["username"]
            return Answer(200, [{"id": self.users[name], "username": name}] if name in self.users else [])
        if issues := re.fullmatch(r"/projects/([^/]+)/issues(?:/(\d+))?", call.path):
            return self._issues(issues[2], call, url)
        if note := re.fullmatch(r"/projects/[^/]+/merge_requests/\d+/notes/(\d+)", call.path):
            only(call, "body")
            return self._note(note[1], call.body["body"])
        found = re.fullmatch(r"/projects/([^/]+)/merge_requests(?:/(\d+)(?:/(notes))?)?", call.path)
        if not found or unquote(found[1]) != PROJECT:
            return Answer(404, {"message": "404 Project Not Found"})
        stored = self.requests[int(found[2]) - 1] if found[2] else None
        match call.method, stored, found[3]:
            case "GET", None, None:
                listed = [each for each in self.requests if each.branch == call.query["source_branch"]]
                return self._gitlab_page([self._json(each, url) for each in reversed(listed)], call, url)
            case "POST", None, None:
                only(call, "source_branch", "target_branch", "title", "description", "remove_source_branch")
                body = call.body
                draft = body["title"].startswith("Draft: ")
                made = self._new(
                    body["source_branch"], body["target_branch"], body["title"], body["description"], draft
                )
                if made is None:
                    return Answer(
                        409, {"message": ["Another open merge request already exists for this source branch"]}
                    )
                return Answer(201, self._json(made, url))
            case "PUT", Stored(), None:
                only(call, "description", "target_branch", "state_event", "add_labels", "reviewer_ids", "title")
                self._put(stored, call.body)
                return Answer(200, self._json(stored, url))
            case "GET", Stored(), "notes":
                return self._gitlab_page(stored.notes(), call, url)
            case "POST", Stored(), "notes":
                only(call, "body")
                stored.comments.append(call.body["body"])
                return Answer(201, {"id": 1, "body": call.body["body"]})
        return Answer(405, {"error": "405 Not Allowed"})

    def _gitlab_page(self, items: list[Any], call: Call, url: str) -> Answer:
        answer = self._page(items, call, url)
        more = re.search(r"page=(\d+)>", answer.headers.pop("Link", ""))
        return Answer(200, answer.data, {"X-Next-Page": more[1] if more else ""})

    def _issues(self, number: str | None, call: Call, url: str) -> Answer:
        if call.method == "GET":
            assert call.query["state"] == "opened"
            return self._gitlab_page([self._json(each, url) for each in self.issues], call, url)
        only(call, "title", "description")
        stored = self._issue(number, {"title": call.body["title"], "body": call.body["description"]})
        return Answer(200, self._json(stored, url))

    def _put(self, stored: Stored, body: dict[str, Any]) -> None:
        stored.body = body.get("description", stored.body)
        stored.base = body.get("target_branch", stored.base)
        if body.get("state_event") == "close":
            stored.state = "closed"
        if "add_labels" in body:
            stored.labels += body["add_labels"].split(",")
        names = {number: name for name, number in self.users.items()}
        stored.reviewers += [names[number] for number in body.get("reviewer_ids", [])]

    def _json(self, each: Stored, url: str) -> dict[str, Any]:
        return {
            "iid": each.number,
            "web_url": f"{url}/{PROJECT}/-/merge_requests/{each.number}",
            "state": "merged" if each.merged else {"open": "opened"}.get(each.state, each.state),
            "title": each.title,
            "description": each.body,
            "draft": each.draft,
            "source_branch": each.branch,
            "target_branch": each.base,
            "source_project_id": 8 if each.fork else 7,
            "target_project_id": 7,
        }


@dataclass
class GiteaApi(NumberedApi):
    base: str = "/api/v1"
    changed: int = 201

    def authorised(self, headers: Any) -> bool:
        return bool(headers.get("Authorization") == f"token {TOKEN}")

    def answer(self, call: Call, url: str) -> Answer:
        parts = call.path.removeprefix(f"/repos/{PROJECT}").strip("/").split("/")
        match call.method, parts:
            case "GET", ["pulls"]:
                listed = [each for each in self.requests if each.state == call.query["state"]]
                return self._page([self._json(each, url) for each in reversed(listed)], call, url)
            case "POST", ["pulls"]:
                only(call, "title", "head", "base", "body")
                body = call.body
                draft = body["title"].startswith("WIP: ")
                made = self._new(body["head"], body["base"], body["title"], body["body"], draft)
                if made is None:
                    return Answer(409, {"message": "pull request already exists for these targets", "url": url})
                return Answer(201, self._json(made, url))
            case "GET", ["labels"]:
                return self._page([{"id": each, "name": name} for name, each in self.label_ids.items()], call, url)
            case "POST", ["labels"]:
                only(call, "name", "color")
                self.label_ids[call.body["name"]] = len(self.label_ids) + 1
                return Answer(201, {"id": self.label_ids[call.body["name"]], "name": call.body["name"]})
            case "POST", ["issues", number, "labels"]:
                only(call, "labels")
                names = {identity: name for name, identity in self.label_ids.items()}
                self.requests[int(number) - 1].labels += [names[each] for each in call.body["labels"]]
                return Answer(200, [])
            case "POST", ["pulls", number, "requested_reviewers"]:
                only(call, "reviewers", "team_reviewers")
                names_ = [*call.body.get("reviewers", []), *call.body.get("team_reviewers", [])]
                if self.refused_reviewers & set(names_):
                    return Answer(422, {"message": "Reviewer can't read the repository"})
                self.requests[int(number) - 1].reviewers += names_
                return Answer(201, [])
        return self._alike(call, parts, url) or Answer(404, {"message": "The target couldn't be found."})

    def _json(self, each: Stored, url: str) -> dict[str, Any]:
        return {
            "number": each.number,
            "html_url": f"{url}/{PROJECT}/pulls/{each.number}",
            "state": each.state,
            "title": each.title,
            "body": each.body,
            "merged": each.merged,
            "head": {"label": each.branch, "ref": each.branch, "repo_id": 8 if each.fork else 7},
            "base": {"label": each.base, "ref": each.base, "repo_id": 7},
        }
