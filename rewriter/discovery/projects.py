"""Which folders hold programs that make objects of Kubernetes, by the files that describe their projects.

Programs in most languages are read in such folders alone: elsewhere nearly all of them are about something else.
"""

from __future__ import annotations

from collections.abc import Iterator

from rewriter.discovery.plain import beginning_of

#: Projects of Pulumi, cdk8s, CDKTF and the AWS CDK by the name of their file: their programs may be in any language.
_PROJECTS = frozenset({"Pulumi.yaml", "Pulumi.yml", "cdk8s.yaml", "cdktf.json", "cdk.json"})
PROJECT_SUFFIXES = (
    *(".ts", ".js", ".mjs", ".cjs", ".mts", ".go", ".cs", ".fs", ".java", ".kt", ".scala", ".groovy", ".rs"),
)
_JVM = (".java", ".kt", ".scala", ".groovy")
_JVM_CLIENTS = (b"kubernetes", b"io.fabric8", b"javaoperatorsdk", b"skuber")
_DOTNET = ((".cs", ".fs"), (b"KubernetesClient", b"KubeOps"))
#: The files that describe a project, with the suffixes of its programs, and what it asks for that speaks to a cluster.
_DESCRIPTIONS = {
    "go.mod": ((".go",), (b"k8s.io/client-go", b"sigs.k8s.io/controller-runtime")),
    "package.json": ((".ts", ".js", ".mjs", ".cjs", ".mts"), (b"kubernetes", b'"pepr"')),
    "Cargo.toml": ((".rs",), (b"kube", b"k8s-openapi")),
    "Directory.Packages.props": _DOTNET,
    **dict.fromkeys(
        ("pom.xml", "build.gradle", "build.gradle.kts", "libs.versions.toml", "build.sbt", "build.sc"),
        (_JVM, _JVM_CLIENTS),
    ),
    **dict.fromkeys((".csproj", ".fsproj"), _DOTNET),
}
#: Where Gradle keeps the names of what its projects ask for.
_CATALOGUE = "gradle/libs.versions.toml"
_MOST_OF_DESCRIPTION = 1 << 20
#: Folders of such a project that hold what other people wrote, or what tests alone use.
_NOT_OF_PROJECT = frozenset({"vendor", "testdata", "test", "tests", "e2e", "third_party", "__tests__"})
_TESTS = ("_test.go", "Test.java", "Tests.java", "IT.java", "Test.kt", "Spec.scala", "Tests.cs")
_TEST_PARTS = (".test.", ".spec.")


def program_suffixes(folder: str, names: frozenset[str], above: tuple[str, ...]) -> tuple[str, ...]:
    """The suffixes of the programs that are read in a folder with such entries; `above` are those of its parent."""
    if names & _PROJECTS:
        return PROJECT_SUFFIXES
    found = dict.fromkeys(above)
    for name, (suffixes, clients) in _described(names):
        if not found.keys() >= set(suffixes) and _asks_for(f"{folder}/{name}", clients):
            found |= dict.fromkeys(suffixes)
    return tuple(found)


def is_read_as_program(name: str, suffixes: tuple[str, ...]) -> bool:
    """Whether a file is a program of its project: one in a language that is read there, and no test."""
    return name.endswith(suffixes) and not name.endswith(_TESTS) and not any(part in name for part in _TEST_PARTS)


def is_left_out(folder: str, suffixes: tuple[str, ...]) -> bool:
    """Whether programs in a folder of this name are no part of a project with programs of these suffixes."""
    return folder in _NOT_OF_PROJECT and suffixes != PROJECT_SUFFIXES


def _described(names: frozenset[str]) -> Iterator[tuple[str, tuple[tuple[str, ...], tuple[bytes, ...]]]]:
    for name in names:
        described = _DESCRIPTIONS.get(name) or _DESCRIPTIONS.get(
            name[name.rfind(".") :] if name[-5:] == "sproj" else ""
        )
        if described is not None:
            yield name, described
    if "gradle" in names:
        yield _CATALOGUE, _DESCRIPTIONS["libs.versions.toml"]


def _asks_for(path: str, clients: tuple[bytes, ...]) -> bool:
    text = beginning_of(path, _MOST_OF_DESCRIPTION)
    return any(client in text for client in clients)
