"""A session with an editor: its documents and folders, and an answer to each message."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from rewriter import __version__
from rewriter.engine.results.result import FileResult
from rewriter.records import dataclass
from rewriter.server import answers, rpc
from rewriter.server.analysis import Folder, FolderError, Wishes, folder_for
from rewriter.server.text import changed_text, path_of

Send = Callable[[Mapping[str, Any]], None]
_INCREMENTAL = 2
_ERROR = 1


class AnswerError(Exception):
    """A request that has no answer; `code` is the protocol's."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(slots=True)
class Document:
    """A text that is open in the editor, and what was found in it as it is now."""

    uri: str
    path: Path
    version: int
    text: str
    result: FileResult | None = None
    judged: bool = False


@dataclass(slots=True)
class Session:
    """What the editor has open. `send` takes messages for it; `ended` is the exit code once it asks to exit."""

    wishes: Wishes
    send: Send
    folders: list[Folder] = field(default_factory=list)
    documents: dict[str, Document] = field(default_factory=dict)
    initialized: bool = False
    shut_down: bool = False
    ended: int | None = None
    _shown: set[str] = field(default_factory=set)

    def receive(self, message: rpc.Message) -> None:
        """Answers a request, or takes note of a notification. Whatever goes wrong with one is an answer to it."""
        method, identity = message.get("method"), message.get("id")
        if not isinstance(method, str):
            return  # An answer to something that was asked of the editor.
        params = message.get("params")
        try:
            answer = self._handle(method, params if isinstance(params, dict) else {})
        except AnswerError as error:
            if identity is not None:
                self.send({"id": identity, "error": {"code": error.code, "message": str(error)}})
            return
        except (KeyError, TypeError, ValueError) as error:
            if identity is not None:
                text = f"{method}: the parameters have not the shape of the protocol ({error!r})"
                self.send({"id": identity, "error": {"code": rpc.INVALID_PARAMS, "message": text}})
            return
        if identity is not None:
            self.send({"id": identity, "result": answer})

    def judge(self) -> None:
        """Looks at every document that changed, and reports what it finds to the editor."""
        for document in list(self.documents.values()):
            if not document.judged:
                self._look_at(document)
                found = answers.diagnostics(document.result) if document.result else []
                self._publish(document.uri, found, document.version)

    def _handle(self, method: str, params: dict[str, Any]) -> Any:
        if method == "exit":
            self.ended = 0 if self.shut_down else 1
            return None
        if method == "initialize":
            return self._initialize(params)
        if not self.initialized:
            raise AnswerError(rpc.NOT_INITIALIZED, "initialize comes first")
        handler = _HANDLERS.get(method)
        if handler is None:
            if method.startswith("$/") or method in _IGNORED:
                return None
            raise AnswerError(rpc.METHOD_NOT_FOUND, f"{method}: not known to cnpfix")
        return handler(self, params)

    def _initialize(self, params: dict[str, Any]) -> dict[str, Any]:
        self.initialized = True
        given = params.get("workspaceFolders") or []
        uris = [folder["uri"] for folder in given] or [params.get("rootUri") or ""]
        for uri in uris:
            self._add_folder(uri)
        return {
            "capabilities": {
                "positionEncoding": "utf-16",
                "textDocumentSync": {"openClose": True, "change": _INCREMENTAL, "save": True},
                "hoverProvider": True,
                "codeActionProvider": {"codeActionKinds": ["quickfix", answers.FIX_ALL]},
                "workspace": {"workspaceFolders": {"supported": True, "changeNotifications": True}},
            },
            "serverInfo": {"name": "cnpfix", "version": __version__},
        }

    def _add_folder(self, uri: str) -> None:
        path = path_of(uri)
        if path is not None and path.is_dir() and all(folder.root != path for folder in self.folders):
            self.folders.append(Folder(path, self.wishes))

    def _shutdown(self, _params: dict[str, Any]) -> None:
        self.shut_down = True

    def _opened(self, params: dict[str, Any]) -> None:
        item = params["textDocument"]
        path = path_of(item["uri"])
        if path is not None:
            self.documents[item["uri"]] = Document(item["uri"], path, item.get("version", 0), item["text"])

    def _changed(self, params: dict[str, Any]) -> None:
        document = self.documents.get(params["textDocument"]["uri"])
        if document is None:
            return
        for change in params["contentChanges"]:
            document.text = changed_text(document.text, change)
        document.version = params["textDocument"].get("version", document.version)
        document.judged = False

    def _saved(self, _params: dict[str, Any]) -> None:
        self._files_changed({})

    def _closed(self, params: dict[str, Any]) -> None:
        uri = params["textDocument"]["uri"]
        if self.documents.pop(uri, None) is not None:
            self._publish(uri, [], None)

    def _files_changed(self, _params: dict[str, Any]) -> None:
        """Facts are in files: once one of them changed, all that is open is looked at anew."""
        for folder in self.folders:
            folder.stale = True
        self._shown.clear()
        for document in self.documents.values():
            document.judged = False

    def _folders_changed(self, params: dict[str, Any]) -> None:
        event = params["event"]
        gone = {path_of(folder["uri"]) for folder in event.get("removed", [])}
        self.folders = [folder for folder in self.folders if folder.root not in gone]
        for folder in event.get("added", []):
            self._add_folder(folder["uri"])

    def _hover(self, params: dict[str, Any]) -> dict[str, Any] | None:
        document = self._looked_at(params)
        return answers.hover(document.result, params["position"]) if document and document.result else None

    def _actions(self, params: dict[str, Any]) -> list[dict[str, Any]]:
        document = self._looked_at(params)
        if document is None or document.result is None:
            return []
        only = (params.get("context") or {}).get("only") or []
        return answers.actions(document.result, document.uri, params["range"], only)

    def _looked_at(self, params: dict[str, Any]) -> Document | None:
        document = self.documents.get(params["textDocument"]["uri"])
        if document is not None and not document.judged:
            self._look_at(document)
            found = answers.diagnostics(document.result) if document.result else []
            self._publish(document.uri, found, document.version)
        return document

    def _look_at(self, document: Document) -> None:
        folder = folder_for(self.folders, document.path)
        if folder is None:  # A file alone: its own folder is all that is known.
            folder = Folder(document.path.parent, self.wishes)
            self.folders.append(folder)
        document.judged = True
        try:
            document.result = folder.result(document.path, document.text)
        except FolderError as error:
            document.result = None
            self._tell(str(error))

    def _publish(self, uri: str, found: list[dict[str, Any]], version: int | None) -> None:
        params: dict[str, Any] = {"uri": uri, "diagnostics": found}
        if version is not None:
            params["version"] = version
        self.send({"method": "textDocument/publishDiagnostics", "params": params})

    def _tell(self, text: str) -> None:
        """Shows an error to the person, once until files change."""
        if text not in self._shown:
            self._shown.add(text)
            self.send({"method": "window/showMessage", "params": {"type": _ERROR, "message": f"cnpfix: {text}"}})


_HANDLERS: Mapping[str, Callable[[Session, dict[str, Any]], Any]] = {
    "shutdown": Session._shutdown,
    "textDocument/didOpen": Session._opened,
    "textDocument/didChange": Session._changed,
    "textDocument/didSave": Session._saved,
    "textDocument/didClose": Session._closed,
    "textDocument/hover": Session._hover,
    "textDocument/codeAction": Session._actions,
    "workspace/didChangeWatchedFiles": Session._files_changed,
    "workspace/didChangeWorkspaceFolders": Session._folders_changed,
}
#: Notifications that call for nothing.
_IGNORED = frozenset({"initialized", "workspace/didChangeConfiguration", "textDocument/willSave"})
