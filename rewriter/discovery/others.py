"""Files of no known kind: of any language, tool or service that may run commands on a cluster, or hold its objects.

There are more of these than any list has. So each is looked into, but for those that are documents, pictures, data or
copies, and counts where it names a tool for clusters.
"""

from __future__ import annotations

from rewriter import patterns as re
from rewriter.discovery.plain import beginning_of
from rewriter.discovery.projects import PROJECT_SUFFIXES, is_left_out, is_read_as_program

#: What people read, what no program runs, and what is kept beside the file that counts.
_DOCUMENTS = (
    *(".md", ".mdx", ".markdown", ".rst", ".adoc", ".asciidoc", ".txt", ".org", ".tex", ".pdf", ".html", ".htm"),
    *(".rtf", ".svg", ".png", ".jpg", ".jpeg", ".gif", ".webp", ".ico", ".drawio", ".excalidraw", ".puml", ".mmd"),
    *(".css", ".scss", ".less", ".map", ".woff", ".woff2", ".ttf", ".eot", ".otf", ".mp4", ".webm", ".mp3", ".wav"),
    *(".csv", ".tsv", ".log", ".sql", ".db", ".sqlite", ".parquet", ".pb", ".proto", ".graphql", ".cast", ".ipynb"),
    *(".zip", ".gz", ".bz2", ".xz", ".zst", ".tar", ".7z", ".jar", ".war", ".whl", ".rpm", ".deb", ".iso", ".img"),
    *(".exe", ".dll", ".so", ".a", ".o", ".dylib", ".class", ".pyc", ".wasm", ".bin"),
    *(".pem", ".crt", ".cer", ".key", ".pub", ".asc", ".sig", ".gpg", ".age", ".p12", ".jks", ".enc", ".sha256"),
    *(".lock", ".sum", ".mod", ".snap", ".golden", ".diff", ".patch", ".rej"),
    *(".bak", ".backup", ".orig", ".old", ".save", ".disabled", ".off", ".skip", ".unused", ".deprecated", ".tmp"),
    *(".example", ".sample", ".dist", ".swp", "~", ".helmignore", ".gitignore", ".gitattributes", ".dockerignore"),
)
#: The same by their whole name, in any case; some have the name of a language behind it.
_NAMES = frozenset(
    {"authors", "codeowners", "contributing", "copying", "faq", "history", "install", "maintainers", "news", "notes"}
    | {"notice", "owners", "security", "thanks", "todo", "upgrading"}
)
_NAMED = ("readme", "license", "licence", "changelog", "changes")
#: What such a file names that runs commands on a cluster, or holds objects of one.
_SIGNS = (
    *(b"kubectl", b"helm", b"Helm", b"istioctl", b"timoni", b"argocd", b"flux", b"velero", b"glooctl", b"arkade"),
    *(b"kapp", b"operator-sdk", b"consul-k8s", b"k8s", b"ubernetes", b"apiVersion", b"containers", b"oc "),
    *(b'"oc"', b"'oc'", b"'apps/", b"anifest(", b"[apps.", b"/namespaces/"),
)
#: A program that calls such a tool with its words one by one.
_CALLS = re.compile(rb"""["'](?:[\w/.-]{0,200}/)?(?:kubectl|helm|oc)["'][ \t]*,""")
_TOOLS = (b"kubectl", b"helm", b"oc")
#: Programs in JavaScript and TypeScript that run commands as a shell does.
_SHELL_SUFFIXES = (".ts", ".js", ".mjs", ".cjs", ".mts")
_RUNS_COMMANDS = re.compile(
    rb"""\A\#!|["'](?:npm:)?(?:zx|execa|dax|@david/dax|shelljs|bun)\b|child_process|\bDeno\.(?:Command|run)\b|\$`"""
)
#: How reports begin that a run of cnpfix wrote to a file: they name commands and manifests, and run none.
_REPORT = re.compile(rb"\s*(?:[\[{]|<\?xml|::\w|Cilium \d|\S+:\d+:\d+: CNP)")
#: Of a larger file the rest is not looked into: few that a person writes are as long.
_MOST = 8 << 20


def may_be_program(name: str) -> bool:
    """Whether a file of this name, of which nothing else is known, may be a program or configure one."""
    lower = name.lower()
    return not lower.endswith(_DOCUMENTS) and lower not in _NAMES and not lower.startswith(_NAMED)


def names_tools(path: str) -> bool:
    """Whether such a file begins as scripts do, or names what runs commands on a cluster or holds objects of one."""
    return names_tools_in(path, beginning_of(path, _MOST))


def names_tools_in(path: str, data: bytes) -> bool:
    """The same of its bytes."""
    if data.startswith(b"#!") and "." not in path.rpartition("/")[2]:
        return True
    if b"CNP0" in data and _REPORT.match(data) is not None:
        return False
    return b"\0" not in data and any(sign in data for sign in _SIGNS)


def is_read_alone(folder: str, name: str, path: str) -> bool:
    """Whether a program in a language of projects is read though no project asks for a client: it calls the tools."""
    if not is_read_as_program(name, PROJECT_SUFFIXES):
        return False
    data = beginning_of(path, _MOST)
    return calls_tools(name, data) and not any(is_left_out(part, ()) for part in folder.split("/"))


def calls_tools(name: str, data: bytes) -> bool:
    """Whether a program in a language of projects runs kubectl, oc or helm."""
    if not any(tool in data for tool in _TOOLS):
        return False
    return _CALLS.search(data) is not None or runs_commands(name, data)


def runs_commands(name: str, data: bytes) -> bool:
    """Whether a program runs what its texts say as a shell does."""
    return name.endswith(_SHELL_SUFFIXES) and _RUNS_COMMANDS.search(data) is not None
