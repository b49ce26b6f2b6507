"""The language server as an editor uses it: a process, messages over its stdin and stdout."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.samples import ADDED, MESH, POLICY

_PATIENCE = 60.0


class Editor:
    """An editor with a folder open. Answers and notifications are waited for, never slept for."""

    def __init__(self, root: Path, *arguments: str) -> None:
        self.root = root
        self.process = subprocess.Popen(
            [sys.executable, "-m", "rewriter", "server", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=root,
        )
        self.inbox: queue.Queue[dict[str, Any]] = queue.Queue()
        self.number = 0
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def close(self) -> None:
        """Ends the process, whatever it does."""
        self.process.kill()
        self.process.wait()
        self.reader.join()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        while line := self.process.stdout.readline():
            length = int(line.split(b":")[1])
            assert self.process.stdout.readline() == b"\r\n"
            self.inbox.put(json.loads(self.process.stdout.read(length)))

    def send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.process.stdin.flush()

    def notify(self, method: str, **params: Any) -> None:
        self.send({"method": method, "params": params})

    def ask(self, method: str, **params: Any) -> Any:
        """The result of a request."""
        answer = self.answer(method, **params)
        assert "error" not in answer, answer
        return answer["result"]

    def answer(self, method: str, **params: Any) -> dict[str, Any]:
        self.number += 1
        self.send({"id": self.number, "method": method, "params": params})
        return self.until(lambda message: message.get("id") == self.number)

    def until(self, wanted: Any) -> dict[str, Any]:
        """The next message that is wanted; those before it are dropped."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            message = self.inbox.get(timeout=max(0.1, deadline - time.monotonic()))
            if wanted(message):
                return message

    def start(self) -> dict[str, Any]:
        found: dict[str, Any] = self.ask(
            "initialize",
            processId=None,
            rootUri=None,
            capabilities={},
            workspaceFolders=[{"uri": self.root.as_uri(), "name": "x"}],
        )
        self.notify("initialized")
        return found

    def uri(self, name: str) -> str:
        return (self.root / name).as_uri()

    def open(self, name: str, text: str | None = None) -> list[dict[str, Any]]:
        """Opens a file and returns its diagnostics."""
        content = (self.root / name).read_text() if text is None else text
        self.notify(
            "textDocument/didOpen",
            textDocument={"uri": self.uri(name), "languageId": "yaml", "version": 1, "text": content},
        )
        return self.diagnostics(name)

    def change(self, name: str, version: int, *changes: dict[str, Any]) -> None:
        self.notify(
            "textDocument/didChange",
            textDocument={"uri": self.uri(name), "version": version},
            contentChanges=list(changes),
        )

    def diagnostics(self, name: str) -> list[dict[str, Any]]:
        message = self.until(
            lambda each: (
                each.get("method") == "textDocument/publishDiagnostics" and each["params"]["uri"] == self.uri(name)
            )
        )
        found: list[dict[str, Any]] = message["params"]["diagnostics"]
        return found

    def hover(self, name: str, line: int, character: int) -> Any:
        return self.ask(
            "textDocument/hover",
            textDocument={"uri": self.uri(name)},
            position={"line": line, "character": character},
        )

    def actions(self, name: str, line: int, only: list[str] | None = None) -> list[dict[str, Any]]:
        place = {"start": {"line": line, "character": 0}, "end": {"line": line, "character": 99}}
        context: dict[str, Any] = {"diagnostics": []} | ({"only": only} if only else {})
        found: list[dict[str, Any]] = self.ask(
            "textDocument/codeAction", textDocument={"uri": self.uri(name)}, range=place, context=context
        )
        return found

    def stop(self) -> int:
        self.ask("shutdown")
        self.notify("exit")
        return self.process.wait(timeout=_PATIENCE)


def applied(text: str, edits: list[dict[str, Any]]) -> str:
    """A text after an editor's edits, as an editor makes them: from the end backwards."""
    lines = text.split("\n")

    def offset(position: dict[str, int]) -> int:
        before = sum(len(line) + 1 for line in lines[: position["line"]])
        return before + position["character"]

    for edit in sorted(edits, key=lambda each: -offset(each["range"]["start"])):
        start, end = offset(edit["range"]["start"]), offset(edit["range"]["end"])
        text = text[:start] + edit["newText"] + text[end:]
    return text


@pytest.fixture
def editor(tmp_path: Path) -> Iterator[Editor]:
    (tmp_path / "cnpfix.toml").write_text(MESH)
    (tmp_path / "api.yaml").write_text(POLICY)
    made = Editor(tmp_path)
    yield made
    made.close()


LINE = next(number for number, line in enumerate(POLICY.split("\n")) if "- cluster " in line)


def test_it_says_what_it_can(editor: Editor) -> None:
    capabilities = editor.start()["capabilities"]
    assert capabilities["hoverProvider"] is True
    assert "source.fixAll.cnpfix" in capabilities["codeActionProvider"]["codeActionKinds"]
    assert editor.stop() == 0


def test_diagnostics_stand_at_the_culprit(editor: Editor) -> None:
    editor.start()
    (found,) = editor.open("api.yaml")
    assert (found["code"], found["source"], found["severity"]) == ("CNP004", "cnpfix", 2)
    assert found["range"] == {"start": {"line": LINE, "character": 10}, "end": {"line": LINE, "character": 17}}
    assert "allows no pods of cluster-b" in found["message"]


def test_a_hover_explains(editor: Editor) -> None:
    editor.start()
    editor.open("api.yaml")
    shown = editor.hover("api.yaml", LINE, 12)["contents"]
    assert shown["kind"] == "markdown"
    for part in (
        "**CNP004 cluster-entity**",
        "⬆ **opens** ingress to any pod of namespace shop",
        "cluster-b",
        "explain",
    ):
        assert part in shown["value"]
    assert editor.hover("api.yaml", 0, 0) is None


def test_a_quick_fix_is_the_fix(editor: Editor) -> None:
    editor.start()
    editor.open("api.yaml")
    quick, whole = editor.actions("api.yaml", LINE)
    assert quick["title"].startswith("Fix cluster-entity: opens 1 (evident)")
    assert (quick["kind"], whole["kind"]) == ("quickfix", "source.fixAll.cnpfix")
    for action in (quick, whole):
        edits = action["edit"]["changes"][editor.uri("api.yaml")]
        assert applied(POLICY, edits) == POLICY + ADDED
    assert editor.actions("api.yaml", 0, only=["quickfix"]) == []
    assert [each["kind"] for each in editor.actions("api.yaml", 0, only=["source.fixAll"])] == ["source.fixAll.cnpfix"]
    assert (editor.root / "api.yaml").read_text() == POLICY, "the editor makes the edits"


def test_what_is_typed_counts_and_not_what_is_saved(editor: Editor) -> None:
    editor.start()
    editor.open("api.yaml")
    place = {"start": {"line": LINE, "character": 10}, "end": {"line": LINE, "character": 17}}
    editor.change("api.yaml", 2, {"range": place, "text": "world"})
    assert editor.diagnostics("api.yaml") == []
    editor.change("api.yaml", 3, {"text": POLICY})
    assert [each["code"] for each in editor.diagnostics("api.yaml")] == ["CNP004"]


def test_a_text_that_does_not_parse_says_where(editor: Editor) -> None:
    editor.start()
    (found,) = editor.open("api.yaml", POLICY + "  x: [\n")
    assert found["severity"] == 1
    editor.change("api.yaml", 2, {"text": POLICY})
    assert [each["code"] for each in editor.diagnostics("api.yaml")] == ["CNP004"]


def test_places_count_as_editors_count(editor: Editor) -> None:
    """UTF-16 code units: a sign beyond the first plane counts twice."""
    editor.start()
    text = POLICY.replace("    - fromEntities:\n        - cluster", '    - fromEntities: ["😀", cluster]')
    found = [each for each in editor.open("api.yaml", text) if each["code"] == "CNP004"]
    line = next(number for number, line in enumerate(text.split("\n")) if "😀" in line)
    content = text.split("\n")[line]
    start = len(content[: content.index("cluster]")].encode("utf-16-le")) // 2
    assert all(each["range"]["start"] == {"line": line, "character": start} for each in found)
    editor.change(
        "api.yaml",
        2,
        {
            "range": {"start": {"line": line, "character": start}, "end": {"line": line, "character": start + 7}},
            "text": "world",
        },
    )
    assert all(each["code"] != "CNP004" for each in editor.diagnostics("api.yaml"))


def test_facts_are_read_anew_when_a_file_is_saved(editor: Editor) -> None:
    editor.start()
    assert len(editor.open("api.yaml")) == 1
    (editor.root / "cnpfix.toml").write_text(MESH.replace('"all"', "[]"))
    editor.notify("textDocument/didSave", textDocument={"uri": editor.uri("cnpfix.toml")})
    assert editor.diagnostics("api.yaml") == []


def test_a_broken_configuration_is_shown_and_ends_nothing(editor: Editor) -> None:
    (editor.root / "cnpfix.toml").write_text("remot = 1\n")
    editor.start()
    editor.notify(
        "textDocument/didOpen",
        textDocument={"uri": editor.uri("api.yaml"), "languageId": "yaml", "version": 1, "text": POLICY},
    )
    shown = editor.until(lambda each: each.get("method") == "window/showMessage")
    assert "cnpfix.toml" in shown["params"]["message"] and "unknown key" in shown["params"]["message"]
    (editor.root / "cnpfix.toml").write_text(MESH)
    editor.notify("workspace/didChangeWatchedFiles", changes=[])
    while not editor.diagnostics("api.yaml"):
        pass


def test_other_files_are_no_business_of_it(editor: Editor) -> None:
    editor.start()
    assert editor.open("values.yaml", "a: 1\n") == []
    assert editor.hover("values.yaml", 0, 0) is None
    assert editor.actions("values.yaml", 0) == []


def test_what_it_does_not_know_it_refuses(editor: Editor) -> None:
    assert editor.answer("textDocument/hover")["error"]["code"] == -32002, "before initialize"
    editor.start()
    assert editor.answer("textDocument/rename")["error"]["code"] == -32601
    assert editor.answer("textDocument/hover")["error"]["code"] == -32602
    editor.notify("$/setTrace", value="off")
    editor.notify("textDocument/unknown")
    assert editor.stop() == 0


def test_exit_without_shutdown_is_a_failure(editor: Editor) -> None:
    editor.start()
    editor.notify("exit")
    assert editor.process.wait(timeout=_PATIENCE) == 1


def test_an_editor_that_goes_away_ends_it(editor: Editor) -> None:
    editor.start()
    assert editor.process.stdin is not None
    editor.process.stdin.close()
    assert editor.process.wait(timeout=_PATIENCE) == 1


def test_closing_takes_the_diagnostics_away(editor: Editor) -> None:
    editor.start()
    editor.open("api.yaml")
    editor.notify("textDocument/didClose", textDocument={"uri": editor.uri("api.yaml")})
    assert editor.diagnostics("api.yaml") == []


def test_warm_answers_are_fast(editor: Editor) -> None:
    """A median of 150 ms; measured with much room, for a machine that is busy."""
    editor.start()
    editor.open("api.yaml")
    times = []
    for version in range(2, 13):
        start = time.monotonic()
        editor.change("api.yaml", version, {"text": POLICY + f"# {version}\n"})
        editor.diagnostics("api.yaml")
        times.append(time.monotonic() - start)
    assert sorted(times)[len(times) // 2] < 0.6
