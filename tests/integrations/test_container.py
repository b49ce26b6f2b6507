"""The container image, as the user that it runs as, on repositories that belong to somebody else.

`make container` builds it and runs this. buildah starts the commands in a chroot with the host's network: what is
tested are the image's files, settings and user, not how an engine confines it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.bot.conftest import FILES
from tests.bot.forges import PROJECT, GitHubApi
from tests.bot.server import TOKEN, Server, git, new_project, serving

IMAGE = os.environ.get("CNPFIX_CONTAINER_IMAGE", "")
MESH = Path(__file__).parent.parent.parent / "examples" / "mesh"
CNPFIX = Path(sys.executable).with_name("cnpfix")
OWNER = 12345
NOBODY = 65532
BRANCH = "cnpfix/1.19"

pytestmark = pytest.mark.skipif(
    not IMAGE, reason="NOT TESTED: the container image; run `make container` (needs buildah and root)"
)


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Image:
    """A container of the image. `config` is that of OCI's image specification."""

    name: str
    config: dict[str, object]

    def run(self, folder: Path, *arguments: str, user: int | None = None, options: str = "", **variables: str) -> Ran:
        """What the entry point does with a folder mounted where the image works, as its own user if none is given."""
        entry_point = self.config["Entrypoint"]
        assert isinstance(entry_point, list)
        mount = f"--volume={folder}:{self.config['WorkingDir']}{options}"
        return self.command(*entry_point, *arguments, mount=mount, user=user, **variables)

    def command(self, *command: str, mount: str = "", user: int | None = None, **variables: str) -> Ran:
        options = [f"--env={name}={value}" for name, value in variables.items()]
        options += [mount] if mount else []
        options += [f"--user={user}:{user}"] if user is not None else []
        done = subprocess.run(
            ["buildah", "run", "--network=host", *options, self.name, "--", *command],
            capture_output=True,
            text=True,
            check=False,
        )
        # buildah's own words about a command that fails.
        noise = ("subprocess exited with status", "process exited with status", "Error: exit status", 'time="')
        said = [line for line in done.stderr.splitlines(keepends=True) if not line.startswith(noise)]
        return Ran(done.returncode, done.stdout, "".join(said))


#: What a run over the bundled mesh says at its end.
_COUNTED = "5 findings: 5 would be fixed"


def _inspected(image: str) -> dict[str, object]:
    done = subprocess.run(["buildah", "inspect", "--type=image", image], capture_output=True, check=True)
    described = json.loads(done.stdout)
    return {"config": described["OCIv1"]["config"], "layers": json.loads(described["Manifest"])["layers"]}


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    done = subprocess.run(["buildah", "from", "--pull-never", IMAGE], capture_output=True, text=True, check=True)
    name = done.stdout.strip()
    config = _inspected(IMAGE)["config"]
    assert isinstance(config, dict)
    yield Image(name, config)
    subprocess.run(["buildah", "rm", name], capture_output=True, check=True)


@pytest.fixture
def mesh(tmp_path: Path) -> Path:
    """The bundled mesh as a repository of another user, with a folder of generated manifests that git ignores."""
    folder = tmp_path / "mesh"
    shutil.copytree(MESH, folder)
    git(folder, "init", "--quiet", "--initial-branch=main", ".")
    (folder / ".gitignore").write_text("generated/\n")
    shutil.copytree(folder / "clusters" / "a" / "shop", folder / "generated" / "shop")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "-m", "Begin")
    _give(folder, OWNER)
    return folder


def _give(folder: Path, user: int) -> None:
    for path in (folder, *folder.rglob("*")):
        os.chown(path, user, user, follow_symlinks=False)


def _manifests(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*.yaml")}


def test_it_runs_as_nobody(image: Image) -> None:
    ran = image.command("sh", "-c", "id -u; id -g; touch /opt/cnpfix/x x 2>/dev/null || echo refused")
    assert ran.out.split() == [str(NOBODY), str(NOBODY), "refused"]


def test_without_arguments_it_helps(image: Image, mesh: Path) -> None:
    command = image.config["Cmd"]
    assert isinstance(command, list)
    ran = image.run(mesh, *command)
    assert (ran.code, ran.err) == (0, "")
    assert "Usage: cnpfix" in ran.out


def test_a_dry_run_says_what_it_says_outside(image: Image, mesh: Path) -> None:
    """What git ignores included, which git tells for a repository of somebody else only if it is allowed to."""
    ran = image.run(mesh, "--dry-run")
    _give(mesh, os.geteuid())
    outside = subprocess.run([CNPFIX, "--dry-run"], cwd=mesh, capture_output=True, text=True, check=True)
    assert (ran.code, ran.out, ran.err) == (0, outside.stdout, outside.stderr)
    assert _COUNTED in ran.out


def test_a_repository_in_the_mounted_folder(image: Image, mesh: Path) -> None:
    mesh.parent.chmod(0o755)
    ran = image.run(mesh.parent, "--dry-run", "mesh")
    assert (ran.code, ran.err) == (0, "")
    assert _COUNTED in ran.out


def test_a_pipelines_checkout_lies_where_the_pipeline_wants(image: Image, mesh: Path) -> None:
    """GitLab starts a shell in the image, after a helper of its own has made a checkout that everybody may write."""
    mesh.chmod(0o777)
    script = "cd /builds/mesh && cnpfix --check --format gitlab --output report.json"
    ran = image.command("sh", "-c", script, mount=f"--volume={mesh}:/builds/mesh")
    assert ran.code == 1
    assert "cnpfix: 5 findings" in ran.err
    assert len(json.loads((mesh / "report.json").read_text())) == 5


def test_check_fails_and_writes_nothing(image: Image, mesh: Path) -> None:
    before = _manifests(mesh)
    ran = image.run(mesh, "--check", options=":ro")
    assert ran.code == 1
    assert "cnpfix: 5 findings: 5 would be fixed" in ran.err
    assert _manifests(mesh) == before


def test_what_it_may_not_write_it_names(image: Image, mesh: Path) -> None:
    before = _manifests(mesh)
    ran = image.run(mesh, "--write")
    assert ran.code == 2
    assert ran.err.splitlines() == [
        f"cnpfix: clusters/a/{name}: belongs to user {OWNER}, and user {NOBODY} may not write it; nothing written; "
        "the file is left as it was"
        for name in ("default/myclient.yaml", "shop/policies.yaml")
    ]
    assert _manifests(mesh) == before


def test_a_read_only_mount_is_named(image: Image, mesh: Path) -> None:
    ran = image.run(mesh, "--write", user=OWNER, options=":ro")
    assert ran.code == 2
    assert "clusters/a/shop/policies.yaml: is on a read-only file system; nothing written" in ran.err


def test_an_owner_is_never_changed(image: Image, mesh: Path) -> None:
    """A checkout that everybody may write, as some pipelines make it."""
    before = _manifests(mesh)
    for path in (mesh, *mesh.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)
    ran = image.run(mesh, "--write")
    assert ran.code == 2
    assert f"belongs to user {OWNER}, and user {NOBODY} cannot leave it so; nothing written" in ran.err
    assert _manifests(mesh) == before


def test_the_owner_writes(image: Image, mesh: Path) -> None:
    before = _manifests(mesh)
    ran = image.run(mesh, "--write", user=OWNER)
    assert (ran.code, ran.err) == (0, "")
    changed = [str(path.relative_to(mesh)) for path, content in _manifests(mesh).items() if content != before[path]]
    assert sorted(changed) == ["clusters/a/default/myclient.yaml", "clusters/a/shop/policies.yaml"]
    assert {path.stat().st_uid for path in mesh.rglob("*")} == {OWNER}
    again = image.run(mesh, "--check")
    assert (again.code, again.err) == (0, "cnpfix: 5 policies in 2 files, nothing to report\n")


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[tuple[Server, Path]]:
    """A forge on loopback, and a checkout of its project that belongs to another user."""
    new_project(tmp_path / "repositories", PROJECT, FILES, tmp_path / "person")
    with serving(tmp_path / "repositories", GitHubApi()) as server:
        checkout = tmp_path / "checkout"
        git(tmp_path, "clone", "--quiet", str(server.repository(PROJECT)), str(checkout))
        git(checkout, "remote", "set-url", "origin", f"{server.url}/{PROJECT}.git")
        _give(checkout, OWNER)
        yield server, checkout


def test_the_bot_proposes(image: Image, forge: tuple[Server, Path]) -> None:
    server, checkout = forge
    planned = image.run(checkout, "pr", "--dry-run", "--forge=github", options=":ro", CNPFIX_TOKEN=TOKEN)
    assert (planned.code, planned.err) == (0, "")
    assert BRANCH in planned.out and "cluster-b" in planned.out
    assert git(server.repository(PROJECT), "branch", "--list") == "* main"
    ran = image.run(checkout, "pr", "--forge=github", options=":ro", CNPFIX_TOKEN=TOKEN)
    assert (ran.code, ran.err) == (0, "")
    assert git(server.repository(PROJECT), "rev-list", "--count", f"main..{BRANCH}") == "1"
    assert TOKEN not in planned.out + ran.out


def test_clusters_can_be_asked(image: Image, mesh: Path) -> None:
    """The client is there, whole: it is the missing kubeconfig that is the error."""
    ran = image.run(mesh, "snapshot", "--context=prod", "--output=-")
    assert ran.code == 2
    assert "kubeconfig" in ran.err and "pip install" not in ran.err


def test_nothing_of_the_build_is_left(image: Image) -> None:
    ran = image.command(
        "sh", "-c", "ls -d /source /var/lib/apt/lists/*; find /opt/cnpfix -name '__pycache__' -o -name pip"
    )
    assert ran.out == ""
    assert image.command("apt-get", "check", user=0).code == 0, "its packages are as Debian's tools want them"


def test_its_size(image: Image) -> None:
    """Printed, not judged: the libraries decide it."""
    layers = _inspected(IMAGE)["layers"]
    base = _inspected(os.environ["CNPFIX_CONTAINER_BASE"])["layers"]
    assert isinstance(layers, list) and isinstance(base, list)
    assert layers[: len(base)] == base
    added = sum(layer["size"] for layer in layers[len(base) :])
    print(f"\nthe image adds {added / 1e6:.0f} MB to its base of {sum(layer['size'] for layer in base) / 1e6:.0f} MB")
