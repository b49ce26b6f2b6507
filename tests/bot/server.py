"""A forge on loopback: repositories by git's own `http-backend` with basic auth, and an API that keeps state."""

from __future__ import annotations

import base64
import json
import os
import re
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, Protocol
from urllib.parse import parse_qs, urlsplit

import pytest

TOKEN = "t0ken-that-nobody-may-see"
BACKEND = Path(
    subprocess.run(["git", "--exec-path"], capture_output=True, text=True).stdout.strip(), "git-http-backend"
)


@dataclass(frozen=True)
class Call:
    """A request to the API: path below the API's base, query with one value each, JSON body."""

    method: str
    path: str
    query: dict[str, str]
    body: dict[str, Any]


@dataclass(frozen=True)
class Answer:
    status: int
    data: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    drop: bool = False
    carried_out: bool = False


class ForgeApi(Protocol):
    base: str

    def answer(self, call: Call, url: str) -> Answer: ...

    def authorised(self, headers: Any) -> bool: ...


@dataclass
class Faults:
    """What goes wrong next, each once: answers to requests whose `METHOD /path` holds a text (the request is carried
    out first where the answer says so), dropped git connections, and something that happens at the next request."""

    answers: list[tuple[str, Answer]] = field(default_factory=list)
    on_call: Callable[[], object] | None = None
    drop_before: list[str] = field(default_factory=list)
    drop_after: list[str] = field(default_factory=list)

    def take(self, text: str) -> Answer | None:
        for number, (part, answer) in enumerate(self.answers):
            if part in text:
                del self.answers[number]
                return answer
        return None


@dataclass
class Server:
    """A running forge. `repositories` is the folder of bare repositories."""

    url: str
    repositories: Path
    api: ForgeApi
    faults: Faults = field(default_factory=Faults)
    calls: list[Call] = field(default_factory=list)
    pushes_by: list[str] = field(default_factory=list)
    #: Paths of repositories for which git gets no answer before the server ends.
    hanging: set[str] = field(default_factory=set)
    ended: threading.Event = field(default_factory=threading.Event)

    def repository(self, project: str) -> Path:
        return self.repositories / f"{project}.git"


@contextmanager
def serving(repositories: Path, api: ForgeApi, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """A forge for the time of a test."""
    listener = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    listener.daemon_threads = True
    if tls is not None:
        listener.socket = tls.wrap_socket(listener.socket, server_side=True)
    server = Server(f"{'https' if tls else 'http'}://127.0.0.1:{listener.server_port}", repositories, api)
    _Handler.servers[listener.server_port] = server
    thread = threading.Thread(target=lambda: listener.serve_forever(poll_interval=0.02), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.ended.set()
        listener.shutdown()
        listener.server_close()
        thread.join()
        del _Handler.servers[listener.server_port]


class _Handler(BaseHTTPRequestHandler):
    servers: ClassVar[dict[int, Server]] = {}
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    lock = threading.Lock()

    @property
    def forge(self) -> Server:
        assert isinstance(self.server, ThreadingHTTPServer)
        return self.servers[self.server.server_port]

    def do_GET(self) -> None:
        self._handle()

    do_POST = do_PATCH = do_PUT = do_DELETE = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Quiet."""

    def _handle(self) -> None:
        body = self._body()
        if re.search(r"\.git/(info/refs|git-upload-pack|git-receive-pack|HEAD|objects)", self.path):
            self._git(body)
        else:
            self._api(body)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _drop(self) -> None:
        """An answer that breaks off: on a connection that closes before one, curl tries again by itself."""
        self.send_response(200)
        self.send_header("Content-Type", "application/x-git-receive-pack-result")
        self.send_header("Content-Length", "100")
        self.end_headers()
        self.wfile.write(b"00")
        self.close_connection = True

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _api(self, body: bytes) -> None:
        parts = urlsplit(self.path)
        forge = self.forge
        with self.lock:
            base = forge.api.base
            if not parts.path.startswith(base):
                self._send(404, {}, b"{}")
                return
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            call = Call(self.command, parts.path.removeprefix(base), query, json.loads(body) if body else {})
            forge.calls.append(call)
            happening, forge.faults.on_call = forge.faults.on_call, None
            if happening is not None:
                happening()
            fault = forge.faults.take(f"{call.method} {call.path}")
            if fault is not None and fault.carried_out:
                forge.api.answer(call, forge.url)
            if fault is not None and fault.drop:
                self._drop()
                return
            if fault is None and not forge.api.authorised(self.headers):
                fault = Answer(401, {"message": "Bad credentials"})
            answer = fault or forge.api.answer(call, forge.url)
        data = b"" if answer.data is None else json.dumps(answer.data).encode()
        self._send(answer.status, {"Content-Type": "application/json", **answer.headers}, data)

    def _git(self, body: bytes) -> None:
        parts = urlsplit(self.path)
        forge = self.forge
        given = self.headers.get("Authorization", "")
        user, _, password = base64.b64decode(given.removeprefix("Basic ")).decode().partition(":")
        if password != TOKEN:
            self._send(401, {"WWW-Authenticate": 'Basic realm="forge"'}, b"")
            return
        if any(parts.path.startswith(f"{path}/") for path in forge.hanging):
            forge.ended.wait()
            return
        service = parts.path.rsplit("/", 1)[-1]
        if service in forge.faults.drop_before:
            forge.faults.drop_before.remove(service)
            self._drop()
            return
        status, headers, output = self._backend(parts.path, parts.query, body, user)
        if service == "git-receive-pack":
            forge.pushes_by.append(user)
        if service in forge.faults.drop_after:
            forge.faults.drop_after.remove(service)
            self._drop()
            return
        self._send(status, headers, output)

    def _backend(self, path: str, query: str, body: bytes, user: str) -> tuple[int, dict[str, str], bytes]:
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.forge.repositories),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "REMOTE_USER": user,
            "REMOTE_ADDR": "127.0.0.1",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
        }
        done = subprocess.run([str(BACKEND)], input=body, capture_output=True, env=environment, check=False)
        head, _, output = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines() if ": " in line)
        status = int(headers.pop("Status", "200").split()[0])
        return status, headers, output


def git(folder: Path, *arguments: str, **variables: str) -> str:
    """A git command of a person, with settings of nobody."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_AUTHOR_NAME": "Jane Doe",
        "GIT_AUTHOR_EMAIL": "jane@example.org",
        "GIT_COMMITTER_NAME": "Jane Doe",
        "GIT_COMMITTER_EMAIL": "jane@example.org",
        **variables,
    }
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, f"git {' '.join(arguments)}: {done.stderr}"
    return done.stdout.strip()


def authority(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A self-signed certificate for loopback as a bundle of authorities, and a server's side of it."""
    certificate, key = folder / "ca.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=loopback", "-addext", "subjectAltName=IP:127.0.0.1"]
    try:
        subprocess.run([*command, "-out", str(certificate), "-keyout", str(key)], capture_output=True, check=True)
    except FileNotFoundError:
        pytest.skip("NOT TESTED: bundles of certificate authorities, because openssl is not installed")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return certificate, context


def new_project(repositories: Path, project: str, files: dict[str, str], work: Path) -> Path:
    """A bare repository with one commit on main, and a checkout of it by file; returns the checkout."""
    bare = repositories / f"{project}.git"
    bare.mkdir(parents=True)
    git(bare, "init", "--quiet", "--bare", "--template=", "--initial-branch=main", ".")
    with (bare / "config").open("a") as config:  # A push starts no clearing up in the background.
        config.write("[http]\n\treceivepack = true\n[receive]\n\tautogc = false\n[gc]\n\tauto = 0\n")
    work.mkdir()
    git(work, "clone", "--quiet", "--template=", "--config", "maintenance.auto=false", str(bare), ".")
    change(work, files, "Begin")
    return work


def change(work: Path, files: Mapping[str, str | None], message: str, branch: str = "main") -> str:
    """A person's commit, pushed: files with new content, or None for those to remove. Returns the commit."""
    for name, content in files.items():
        path = work / name
        if content is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
    git(work, "add", "--all")
    git(work, "commit", "--quiet", "-m", message)
    git(work, "push", "--quiet", "origin", f"HEAD:refs/heads/{branch}")
    return git(work, "rev-parse", "HEAD")
