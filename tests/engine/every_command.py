"""Every command that reads manifests, run in this process over a folder of them.

As a program it is the long form of `test_shapes.py`: so many manifests with values of another shape than their type,
laid into repositories with what brings them to a cluster, and each repository through every command.
"""

from __future__ import annotations

import argparse
import gc
import io
import json
import os
import random
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import yaml

from rewriter.server.analysis import Wishes
from rewriter.server.loop import serve
from tests.bot.server import git
from tests.cli.support import Ran, cnpfix
from tests.engine.delivery_shapes import DELIVERY
from tests.engine.shapes import FACTS, POLICIES, misshapen

_MESH = '[[clusters]]\nname = "a"\nlocal = ["**"]\n[[clusters]]\nname = "b"\n'
_FORMATS = ("text", "concise", "json", "sarif", "github", "gitlab", "markdown", "junit")
_ONE = ("-j", "1", ".")
_FLOW = ("--source", "shop/app=a", "--destination", "shop/app=b", "--port", "80/TCP")
_PR = ("pr", "--dry-run", "--offline", "--unsafe-fixes", "--group-by", "namespace", "-v", "-j", "1")
#: What a command may exit with beside 0 and 2.
_FINDINGS = ("--check", "validate")
#: What reads nothing but what cnpfix wrote.
_OWN = ("diff", "--inventory")


def lay(folder: Path, manifests: list[dict[str, Any]]) -> None:
    """Writes each manifest to a file of its own, with a configuration that knows two clusters."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, manifest in enumerate(manifests):
        (folder / f"m{number}.yaml").write_text(_text(manifest), encoding="utf-8")
    (folder / "cnpfix.toml").write_text(_MESH)


def every_command(folder: Path, apart: Path, *, all_options: bool = True) -> Iterator[str]:
    """Runs all of them in `folder`, a git repository of two commits, and yields one line for each that fails.

    Files that commands write go to `apart`. The last of them writes the fixes. Without `all_options` those are left
    out that do what another command does, with less or more of it shown.
    """
    apart.mkdir(exist_ok=True)
    reports = [word for name in _FORMATS for word in ("--format", name, "--output", str(apart / f"out.{name}"))]
    facts = str(apart / "facts.json")
    commands = (
        ("--dry-run", *reports, *_ONE),
        ("--dry-run", "--unsafe-fixes", "--from", "1.15", "--to", "1.20", "-v", *_ONE),
        ("--check", "--statistics", *_ONE),
        ("impact", "--format", "json", *_ONE),
        ("validate", "--format", "json", "."),
        ("verdict", *_FLOW, "--format", "json", "."),
        ("report", "--unsafe-fixes", "--output", "-", *_ONE),
        ("init", "--output", "-", "."),
        ("snapshot", "--repository", ".", "--output", facts),
        ("snapshot", "diff", facts, facts),
        _PR,
        ("comment", "--dry-run", "--base", "HEAD~1", "-j", "1"),
    )
    baseline = ("--baseline", str(apart / "baseline.json"))
    others = (
        ("impact", "--unsafe-fixes", "--format", "markdown", *_ONE),
        ("--dry-run", "--inventory", facts, "--format", "json", *_ONE),
        ("--dry-run", "--write-baseline", *baseline, *_ONE),
        ("--check", *baseline, *_ONE),
    )
    write = ("--write", "--unsafe-fixes", *_ONE)
    stream = "---\n".join(path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.yaml"))).encode()
    yield from _failures(("--dry-run", "--format", "json", "-"), stream)
    if all_options:
        yield from _failures(("--write", "-"), stream, text=True)
    yield from _server(folder)
    for command in (*commands, *(others if all_options else ()), write):
        yield from _failures(command)


def _failures(command: tuple[str, ...], stdin: bytes = b"", *, text: bool = False) -> Iterator[str]:
    try:
        ran = cnpfix(*command, stdin=stdin)
    except Exception:
        yield f"{command}: {traceback.format_exc()}"
        return
    if "report it" in ran.err or "Traceback" in ran.err or (not text and "Traceback" in ran.out):
        yield f"{command}: {ran.err[:3000]}"
    elif ran.code not in (0, 2) and not (ran.code == 1 and any(word in command for word in _FINDINGS)):
        yield f"{command}: exit {ran.code}: {ran.err[:600]}"
    elif ran.code and "facts.json: " in ran.err and any(word in command for word in _OWN):
        yield f"{command}: its own file is not read: {ran.err[:600]}"
    elif not text and "json" in command and "--output" not in command and not _is_json(ran):
        yield f"{command}: no JSON: {ran.out[:200]} {ran.err[:600]}"


def _is_json(ran: Ran) -> bool:
    try:
        json.loads(ran.out)
    except ValueError:
        return ran.code == 2 and bool(ran.err)
    return True


def _server(folder: Path) -> Iterator[str]:
    """What an editor asks for the first files: diagnostics, quick fixes, a hover."""
    span = {"start": {"line": 0, "character": 0}, "end": {"line": 400, "character": 0}}
    messages: list[dict[str, Any]] = [
        {"id": 1, "method": "initialize", "params": {"rootUri": folder.as_uri(), "capabilities": {}}},
        {"method": "initialized", "params": {}},
    ]
    for path in sorted(folder.rglob("m*.yaml"))[:6]:
        where = {"uri": path.as_uri()}
        opened = {**where, "languageId": "yaml", "version": 1, "text": path.read_text(encoding="utf-8")}
        asked = {"textDocument": where, "range": span, "context": {"diagnostics": []}}
        messages += [
            {"method": "textDocument/didOpen", "params": {"textDocument": opened}},
            {"id": len(messages), "method": "textDocument/codeAction", "params": asked},
            {"id": len(messages) + 1, "method": "textDocument/hover", "params": {**asked, "position": span["start"]}},
        ]
    messages += [{"id": 0, "method": "shutdown"}, {"method": "exit"}]
    bodies = [json.dumps({"jsonrpc": "2.0", **message}).encode() for message in messages]
    source = io.BytesIO(b"".join(b"Content-Length: %d\r\n\r\n%s" % (len(body), body) for body in bodies))
    target, log = io.BytesIO(), io.StringIO()
    try:
        with redirect_stderr(log), redirect_stdout(log):
            code = serve(source, target, Wishes())
    except Exception:
        yield f"server: {traceback.format_exc()}"
        return
    answers = target.getvalue().decode()
    if code or "Traceback" in log.getvalue() or "report it" in log.getvalue() or "InternalError" in answers:
        yield f"server: exit {code}: {log.getvalue()[:3000]}"


def repository(folder: Path, count: int, seed: int) -> None:
    """A repository of so many misshapen manifests in two commits, in folders that something of any shape delivers."""
    chance = random.Random(seed)
    # Those with every kind of rule cost the most: one in so many.
    kinds = (*POLICIES[2:] * 3, *POLICIES[:2], *FACTS * 3)
    manifests = list(misshapen(count - count // 20, seed, kinds))
    delivering = list(DELIVERY)
    folder.mkdir(exist_ok=True)
    places = [folder / "clusters" / f"f{number}" for number in range(max(1, count // 20))]
    for number, place in enumerate(places):
        lay(place, manifests[number :: len(places)])
        (place / "cnpfix.toml").unlink()
        name = chance.choice(delivering)
        (changed,) = misshapen(1, seed * 1000 + number, (DELIVERY[name],))
        (place / name).write_text(_text(changed), encoding="utf-8")
    (folder / "cnpfix.toml").write_text(_MESH)
    git(folder, "init", "--quiet", "--initial-branch=main")
    (folder / ".gitignore").write_text("*.tmp\n")
    _commit(folder, places[: len(places) // 2])
    _commit(folder, [folder])


def _commit(folder: Path, places: list[Path]) -> None:
    git(folder, "add", "-A", ".gitignore", *(str(place) for place in places))
    git(folder, "commit", "--quiet", "-m", "More")


def _text(manifest: dict[str, Any]) -> str:
    return str(yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True))


def main() -> int:
    """Exit code 1 where a manifest escaped; each failure is printed with the seed that makes its repository again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=100_000, help="manifests in all")
    parser.add_argument("--batch", type=int, default=200, help="manifests of one repository")
    asked = parser.parse_args()
    os.environ["GIT_CONFIG_GLOBAL"] = "/dev/null"
    gc.set_threshold(200_000, 50, 50)  # As the command line has it.
    home, began, escaped, slowest = Path.cwd(), time.monotonic(), 0, 0.0
    for number in range(-(-asked.count // asked.batch)):
        started = time.monotonic()
        with tempfile.TemporaryDirectory() as scratch:
            os.environ["XDG_CACHE_HOME"] = f"{scratch}/cache"
            folder = Path(scratch, "tree")
            repository(folder, asked.batch, asked.seed + number)
            os.chdir(folder)
            for line in every_command(folder, Path(scratch, "apart"), all_options=number % 8 == 0):
                escaped += 1
                print(f"seed {asked.seed + number}: {line}", flush=True)
            os.chdir(home)
        slowest = max(slowest, time.monotonic() - started)
        done, took = (number + 1) * asked.batch, time.monotonic() - began
        print(f"{done} manifests, {escaped} escaped, {took:.0f} s, slowest repository {slowest:.0f} s", flush=True)
    return 1 if escaped else 0


if __name__ == "__main__":
    raise SystemExit(main())
