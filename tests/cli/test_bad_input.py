"""Bad input, through the real process: one clear line a file, exit 2, and every other file is still done."""

from __future__ import annotations

import json
import os
import re
import resource
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.process import ENVIRONMENT, PROGRAM, bound_by_permissions, cnpfix
from tests.samples import MESH, POLICY

K = "kind: CiliumNetworkPolicy\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A folder with a config of a mesh and one policy that needs a fix."""
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "cnpfix.toml").write_text(MESH)
    (folder / "good.yaml").write_text(POLICY)
    return folder


def _bomb(levels: int) -> bytes:
    lines = ["a0: &a0 x", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels))]
    return (K + "\n".join(lines)).encode()


BAD: dict[str, tuple[bytes, str]] = {
    "truncated.yaml": (POLICY.encode()[:-30] + b"[", "truncated.yaml:10: is not valid YAML"),
    "truncated.json": (b'{"kind": "CiliumNetworkPolicy", "spec": {"a', "truncated.json:1: is not valid YAML"),
    "tab.yaml": (K.encode() + b"spec:\n\ta: 1\n", "tab.yaml:3: is not valid YAML"),
    "binary.yaml": (b"\x7fELF\0\0CiliumNetworkPolicy\xff\xfe", "binary.yaml:1: "),
    "nul.yaml": (
        K.encode() + b"spec: \0\n",
        "nul.yaml:2: holds NUL characters: not a manifest; leave binary files out",
    ),
    "latin1.yaml": (K.encode() + b"# caf\xe9\n", "latin1.yaml:2: is not UTF-8 text; save it as UTF-8"),
    "half.yaml": (K.encode() + b"name: \xf0\x9f\x98\n", "half.yaml:2: is not UTF-8 text"),
    "utf16.yaml": (POLICY.encode("utf-16"), "utf16.yaml:1: is UTF-16 text, not UTF-8; save it as UTF-8"),
    "deep.yaml": (K.encode() + b"spec: " + b"[" * 30_000, "deep.yaml:2: is nested more than 200 deep; flatten it"),
    "bomb.yaml": (_bomb(30), "grows too large when its aliases are expanded; write it out"),
    "self.yaml": (K.encode() + b"spec: &a [*a]\n", "self.yaml:2: contains itself through anchor 'a'"),
    "twice.yaml": (
        K.encode() + b"spec: 1\nspec: 2\n",
        "twice.yaml:3: has the key 'spec' twice in one mapping, on lines 2 and 3",
    ),
    "control.yaml": (K.encode() + b"spec: \x1b[31m\n", "control.yaml:2: is not valid YAML"),
    "escape.yaml": (K.encode() + b'spec: "\\z"\n', "escape.yaml:2: is not valid YAML"),
    "surrogate.json": (
        b'{"kind": "CiliumNetworkPolicy",\n "spec": "\\ud83d"}',
        r"surrogate.json:2: is not valid YAML: \ud83d is half of a surrogate pair, and no character; write both halves",
    ),
    "anchor.yaml": (K.encode() + b"spec: *nobody\n", "anchor.yaml:2: refers to unknown anchor 'nobody'"),
    "hostile-key.yaml": (K.encode() + b'"a\\x1b[2Jb": 1\n"a\\x1b[2Jb": 2\n', "hostile-key.yaml:3: has the key"),
}


@pytest.mark.parametrize("name", BAD)
def test_one_line_and_the_other_files_are_done(repository: Path, name: str) -> None:
    content, says = BAD[name]
    (repository / name).write_bytes(content)
    (repository / "z.yaml").write_text(POLICY)
    ran = cnpfix(repository, "--write")
    assert ran.returncode == 2
    [line] = ran.stderr.splitlines()
    assert line.startswith(f"cnpfix: {name}:")
    assert says in line
    assert "; " in line, "it says what to do"
    assert len(line) < 250
    assert "\x1b" not in ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr
    assert (repository / name).read_bytes() == content
    for good in ("good.yaml", "z.yaml"):
        assert "cluster-b" in (repository / good).read_text()


def test_all_of_them_at_once_in_a_report(repository: Path) -> None:
    for name, (content, _) in BAD.items():
        (repository / name).write_bytes(content)
    ran = cnpfix(repository, "--check", "--format", "json")
    assert ran.returncode == 2
    report = json.loads(ran.stdout)
    assert report["summary"]["errors"] == len(BAD) == len(ran.stderr.splitlines())
    assert {error["file"] for error in report["errors"]} == set(BAD)
    assert [item["path"] for item in report["files"]] == ["good.yaml"]


def test_what_is_no_file_is_not_opened(repository: Path) -> None:
    os.mkfifo(repository / "pipe.yaml")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(repository / "socket.yaml"))
    (repository / "null.yaml").symlink_to("/dev/null")
    (repository / "zero.yaml").symlink_to("/dev/zero")
    (repository / "loop").symlink_to(".")
    (repository / "up").symlink_to("..")
    (repository / "self.yaml").symlink_to("self.yaml")
    ran = cnpfix(repository, "--write")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "cluster-b" in (repository / "good.yaml").read_text()
    for name in ("pipe.yaml", "socket.yaml", "/dev/zero"):
        ran = cnpfix(repository, name)
        assert ran.returncode == 2
        assert ran.stderr == (
            f"cnpfix: {name}: is neither a file nor a folder; name a manifest or a folder of manifests\n"
        )
    ran = cnpfix(repository, "self.yaml")
    assert ran.returncode == 2
    assert ran.stderr.startswith("cnpfix: self.yaml: cannot be read: ")


def test_files_of_others(repository: Path) -> None:
    prefix = bound_by_permissions()
    if prefix is None:
        pytest.skip("permissions do not bind root here")
    (repository / "closed.yaml").write_text(POLICY)
    (repository / "closed.yaml").chmod(0)
    (repository / "shut").mkdir()
    (repository / "shut" / "in.yaml").write_text(POLICY)
    (repository / "shut").chmod(0)
    (repository / "readonly.yaml").write_text(POLICY)
    (repository / "readonly.yaml").chmod(0o444)
    (repository / "fixed").mkdir()
    (repository / "fixed" / "in.yaml").write_text(POLICY)
    (repository / "fixed").chmod(0o555)
    ran = cnpfix(repository, "--write", prefix=prefix)
    (repository / "shut").chmod(0o755)
    (repository / "fixed").chmod(0o755)
    assert ran.returncode == 2
    assert sorted(ran.stderr.splitlines()) == [
        "cnpfix: closed.yaml: cannot be read: permission denied; check its permissions",
        "cnpfix: fixed/in.yaml: cannot be written: Permission denied; nothing written; the file is left as it was",
        "cnpfix: readonly.yaml: is read-only; nothing written; the file is left as it was",
        "cnpfix: shut: cannot be read: permission denied; check its permissions",
    ]
    assert "cluster-b" in (repository / "good.yaml").read_text()
    assert (repository / "readonly.yaml").read_text() == POLICY
    assert os.listdir(repository / "fixed") == ["in.yaml"]


def test_a_full_disk_leaves_the_old_file(repository: Path) -> None:
    """A limit on file sizes fails a write as a full disk does, in the middle of it."""
    (repository / "large.yaml").write_text(POLICY + "# filler\n" * 1000)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    ran = cnpfix(repository, "--write", limit=limit)
    assert ran.returncode == 2
    assert ran.stderr == (
        "cnpfix: large.yaml: cannot be written: File too large; nothing written; the file is left as it was\n"
    )
    assert "cluster-b" not in (repository / "large.yaml").read_text()
    assert "cluster-b" in (repository / "good.yaml").read_text()
    assert sorted(os.listdir(repository)) == ["cnpfix.toml", "good.yaml", "large.yaml"]


def test_huge_files(repository: Path) -> None:
    with (repository / "huge.yaml").open("wb") as stream:
        stream.write(POLICY.encode())
        stream.truncate(5 << 30)
    with (repository / "huge-other.json").open("wb") as stream:
        stream.truncate(65 << 20)
    ran = cnpfix(repository, "--write")
    assert ran.returncode == 2
    assert ran.stderr == "cnpfix: huge.yaml: holds 5,368,709,120 bytes, more than 64 MiB; split the file\n"
    assert "cluster-b" in (repository / "good.yaml").read_text()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--wirte",), "no such option: --wirte"),
        (("--select",), "requires an argument"),
        (("-j", "x"), "'x' is not"),
        (("nowhere/",), "nowhere: no such file or folder; this folder holds cnpfix.toml, good.yaml"),
        (("god.yaml",), "god.yaml: no such file or folder; did you mean good.yaml?"),
        (("good.yaml/x",), "good.yaml/x: "),
        (("--values", "/dev/zero"), "--values /dev/zero: cannot be read: it is a device, not a file"),
        (("--inventory", "/dev/zero"), "/dev/zero: cannot be read: it is a device, not a file"),
        (("--baseline", "/dev/zero"), "/dev/zero: cannot be read: it is a device, not a file"),
        (("--hubble", "/dev/zero"), "/dev/zero: cannot be read: it is a device, not a file"),
        (("--agent-log", "/dev/zero"), "/dev/zero: cannot be read: it is a device, not a file"),
        (("verdict", "--cases", "/dev/zero"), "/dev/zero: cannot be read: it is a device, not a file"),
        (("fleet", "/dev/zero"), "/dev/zero: cannot be read: it is a device, not a file"),
        (("n" * 300,), "cannot be read: File name too long"),
        (("--from", "one"), "Cilium version 'one' is not known"),
        (("--output", "nowhere/report.txt"), "nowhere/report.txt: cannot be written: No such file"),
        (("--output", "."), "cnpfix: .: cannot be written: Is a directory"),
        (("--stdin-filename", "a\nb", "--wirte"), "no such option"),
        (("a\x1b[31mb\nc.yaml",), "a\\x1b[31mb"),
    ],
)
def test_wrong_use_is_one_line(repository: Path, arguments: tuple[str, ...], says: str) -> None:
    ran = cnpfix(repository, *arguments)
    assert ran.returncode == 2
    [line] = ran.stderr.splitlines()
    assert line.startswith("cnpfix: ")
    assert says in line
    assert "\x1b" not in line


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ("clusterz = []\n", "cnpfix.toml:1: clusterz: unknown key; did you mean 'clusters'?"),
        ('to = "1.99"\n', "cnpfix.toml:1: to: "),
        ("[[clusters]\n", "cnpfix.toml"),
        ('exclude = "x"\n', "cnpfix.toml:1: exclude: "),
        ('"a\\u001b[31m" = 1\n', "cnpfix.toml:1: a\\x1b[31m"),
        ('"a\\nb" = 1\n', "cnpfix.toml:1: 'a\\nb': unknown key"),
        ("from = 5\n", 'cnpfix.toml:1: from: expected a Cilium version as a text, such as "1.19", not 5'),
        ("from = 1.20\n", '(a version is a text: "1.20")'),
        ("a = 1\0\n", "cnpfix.toml"),
    ],
)
def test_a_bad_config_is_one_line(repository: Path, config: str, says: str) -> None:
    (repository / "cnpfix.toml").write_text(config)
    ran = cnpfix(repository)
    assert (ran.returncode, ran.stdout) == (2, "")
    [line] = ran.stderr.splitlines()
    assert line.startswith("cnpfix: ")
    assert says in line
    assert "\x1b" not in line


def test_a_config_that_is_not_utf8(repository: Path) -> None:
    (repository / "cnpfix.toml").write_bytes(b'from = "\xff"\n')
    ran = cnpfix(repository)
    assert ran.returncode == 2
    assert len(ran.stderr.splitlines()) == 1


CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@pytest.mark.parametrize("format_", ["text", "json", "github", "gitlab", "markdown", "junit", "sarif"])
def test_nothing_that_a_terminal_obeys_is_printed(repository: Path, format_: str) -> None:
    evil = "e\x1b[31m\u202e\x9b\r"
    (repository / f"{evil}.yaml").write_text(POLICY.replace("name: api", 'name: "a\\e[2J\\u202E\\x9b\\r\\n::error::x"'))
    (repository / f"{evil}bad.yaml").write_text(K + "spec: [\n")
    (repository / os.fsdecode(b"caf\xe9.yaml")).write_text(POLICY)
    ran = cnpfix(repository, "--format", format_)
    assert ran.returncode == 2
    assert "Traceback" not in ran.stderr
    assert CONTROL.search(ran.stderr) is None, repr(ran.stderr)
    if format_ == "text":
        assert CONTROL.search(ran.stdout) is None, repr(ran.stdout)
    else:
        assert "\x1b" not in ran.stdout
        assert "\x9b" not in ran.stdout
        assert "\n::error::x" not in ran.stdout


def test_a_reader_that_goes_away_is_no_error(repository: Path) -> None:
    for number in range(300):
        (repository / f"p{number}.yaml").write_text(POLICY)
    with subprocess.Popen(
        [*PROGRAM, "--format", "json"],
        cwd=repository,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(timeout=60) == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_stdout_is_one_line(repository: Path) -> None:
    for arguments in ((), ("--format", "json"), ("passes",), ("--version",)):
        with Path("/dev/full").open("w") as full:
            ran = subprocess.run(
                [*PROGRAM, *arguments], cwd=repository, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60
            )
        assert ran.returncode == 2
        assert ran.stderr == "cnpfix: stdout: cannot be written: No space left on device\n"


def test_a_working_folder_that_is_gone(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    code = f"import os,sys; os.rmdir(os.getcwd()); os.execv(sys.executable, {[*PROGRAM, '.']!r})"
    ran = subprocess.run([sys.executable, "-c", code], cwd=gone, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 2
    assert "Traceback" not in ran.stderr
    assert len(ran.stderr.splitlines()) == 1
