"""Commands in the documentation name commands and options that exist."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rewriter.cli.app import FIX, application
from rewriter.cli.commands import COMMANDS
from tests.cli.support import cnpfix

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
#: A command on a line of its own, or in backquotes.
_COMMAND = re.compile(r"(?:^\$ (?:cd \S+ && )?|`)cnpfix( [^`\n#<|]*)", re.MULTILINE)


def commands() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for found in _COMMAND.finditer(page.read_text("utf-8")):
            yield page.name, found[1].strip().rstrip("\\")


def option_names(command: Any) -> set[str]:
    return {"--help", "-h"} | {
        name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)
    }


@pytest.mark.parametrize(("page", "text"), sorted(set(commands())))
def test_a_documented_command_exists(page: str, text: str) -> None:
    group: Any = application((*COMMANDS, FIX))
    words = shlex.split(text)
    command = group.commands[FIX]
    while words and words[0] in getattr(command, "commands", group.commands):
        command = getattr(command, "commands", group.commands)[words.pop(0)]
    group_options = {"--version", "--install-completion", "--show-completion"}
    options = {word.split("=")[0] for word in words if word.startswith("-") and word != "-"}
    assert options <= option_names(command) | group_options


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A git repository that holds what the documentation's commands name."""
    folder = tmp_path_factory.mktemp("documented") / "repository"
    shutil.copytree(ROOT / "examples" / "mesh", folder)
    for part in (ROOT / "examples" / "four-mistakes").iterdir():
        if part.is_dir():
            shutil.copytree(part, folder / part.name)
    for name in ("OLD", "NEW"):
        shutil.copy(folder / "other-namespace" / "before.yaml", folder / f"{name}.yaml")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for arguments in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "all"]):
        subprocess.run([*git, *arguments], cwd=folder, check=True)
    return folder


#: Named without what they need in a sentence, or run by tests of their own: the server, and fleets.
_OTHERWISE = {"explain", "server", "fleet", "fleet fleet.toml", "fleet merge"}
#: These need a cluster or a forge, of which there is none here: one clear line says so.
_ELSEWHERE = re.compile(r"snapshot(?! diff| --repository)|pr(?!.*--dry-run)|comment$|--live")


@pytest.mark.parametrize("text", sorted({text for _, text in commands() if "[" not in text and text not in _OTHERWISE}))
def test_a_documented_command_runs(
    text: str, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = shutil.copytree(repository, tmp_path / "here", symlinks=True)
    monkeypatch.chdir(here)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    words = shlex.split(re.sub(r"\b(OLD|NEW)\b", r"\1.yaml", text) if "--before" in text else text)
    words = [{"OLD": "1.18", "NEW": "1.19"}.get(word, word) for word in words]
    if words == ["verdict"]:
        words.append("--help")
    if words[:1] == ["init"]:
        (here / "cnpfix.toml").unlink()
    if "known.json" in words and "--write-baseline" not in words:
        assert cnpfix("--write-baseline", "--baseline", "known.json").code == 0
    policy = (here / "clusters/a/shop/policies.yaml").read_bytes() if "-" in words else b""
    ran = cnpfix(*words, stdin=policy)
    assert "Traceback" not in ran.err and "no such option" not in ran.err
    if _ELSEWHERE.match(text) or "--live" in words:
        assert ran.code == 2 and len(ran.err.strip().splitlines()) == 1, ran.err
    else:
        assert ran.code in (0, 1), ran.err
