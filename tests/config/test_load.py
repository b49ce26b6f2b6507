"""A configuration is read whole, and every mistake in it is one line that names the key."""

from __future__ import annotations

from pathlib import Path

import pytest

from rewriter.cilium.version import Version
from rewriter.config import ConfigError, find_config, load_config
from rewriter.config.lines import key_lines, line_of
from rewriter.config.reference import KEYS, Key
from rewriter.finding import Applicability

PASS_IDS = {
    name: name
    for name in ("cluster-entity", "internal-cidr", "implicit-cluster", "missing-namespace", "service-with-ports")
} | {"CNP004": "cluster-entity"}

DESIGN_EXAMPLE = """
from = "1.18"
to = "1.19"
exclude = ["vendor/**"]
internal_cidrs = ["10.0.0.0/8"]

[[clusters]]
name = "cluster-a"
local = ["clusters/a/**"]
pod_cidrs = ["10.0.0.0/16"]
node_cidrs = ["172.16.0.0/24"]
service_cidrs = ["10.96.0.0/12"]
[[clusters]]
name = "cluster-b"

[passes.cluster-entity]
remote = "all"
mode = "extend"
applicability = "evident"
[passes.implicit-cluster]
scope = ["cluster-a", "cluster-b"]
[passes.missing-namespace]
"app=monitoring-agent" = "monitoring"
[[per-path]]
paths = ["legacy/**"]
ignore = ["internal-cidr"]
"""


def _load(folder: Path, text: str) -> None:
    file = folder / "cnpfix.toml"
    file.write_text(text)
    load_config(file, PASS_IDS)


def test_reads_every_key_of_the_design(tmp_path: Path) -> None:
    file = tmp_path / "cnpfix.toml"
    file.write_text(DESIGN_EXAMPLE)
    config = load_config(file, PASS_IDS)
    assert (config.from_version, config.to_version) == (Version(1, 18), Version(1, 19))
    assert config.root == tmp_path
    assert config.exclude == ("vendor/**",)
    assert [cluster.name for cluster in config.clusters] == ["cluster-a", "cluster-b"]
    assert config.clusters[0].local_paths == ("clusters/a/**",)
    assert config.clusters[1].pod_cidrs is None, "what is not said is not known"
    assert config.cluster_entity.remote == "all"
    assert config.applicability == {"cluster-entity": Applicability.EVIDENT}
    assert config.implicit_cluster.scope == ("cluster-a", "cluster-b")
    assert config.missing_namespace.namespaces == {"app=monitoring-agent": "monitoring"}
    assert config.per_path[0].ignore == ("internal-cidr",)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('form = "1.18"', "form: unknown key; did you mean 'from'?"),
        ('to = "2.0"', "to: expected a Cilium version"),
        ("to = true", "to: expected a Cilium version"),
        ('exclude = "vendor"', "exclude: expected a list of texts"),
        ('internal_cidrs = ["10.0.0.0"]', "internal_cidrs: expected CIDRs such as 10.0.0.0/16, not '10.0.0.0'"),
        ('[[clusters]]\npod_cidrs = ["10.0.0.0/16"]', "clusters[0].name: expected the cluster's name"),
        ('[[clusters]]\nname = "a"\n[[clusters]]\nname = "a"', "clusters[1].name: expected a name of its own"),
        ('[[clusters]]\nname = "a"\npod_cidr = []', "clusters[0].pod_cidr: unknown key; did you mean 'pod_cidrs'?"),
        ('[[clusters]]\nname = "a"\nversion = "1.99"', "clusters[0].version: expected a Cilium version"),
        ('[[clusters]]\nname = "a"\nversion = "latest"', "clusters[0].version: expected a Cilium version"),
        ('clusters = ["a"]', "clusters: expected tables [[clusters]]"),
        ('[passes.cluster-entitty]\nmode = "extend"', "passes.cluster-entitty: unknown key; did you mean 'cluster-ent"),
        ('[passes.cluster-entity]\nmode = "widen"', "passes.cluster-entity.mode: expected one of extend, replace"),
        ('[passes.CNP004]\nremote = "some"', "passes.CNP004.remote: expected 'all' or a list of cluster names"),
        ("[passes.implicit-cluster]\nscope = []", "passes.implicit-cluster.scope: expected 'auto'"),
        ('[passes.service-with-ports]\nmode = "x"', "passes.service-with-ports.mode: unknown key"),
        ('[passes.service-with-ports]\napplicability = "sure"', "applicability: expected one of safe, evident"),
        ('[passes.missing-namespace]\n"app" = "x"', "passes.missing-namespace.app: expected a label and its namespace"),
        (
            '[passes.missing-namespace]\n"app=agent" = "Observability_East"',
            "expected the name of a namespace (small letters, digits and -), not 'Observability_East'; did you mean "
            "'observability-east'?",
        ),
        ('[passes.missing-namespace]\n"app=agent" = "a.b"', "did you mean 'a-b'?"),
        ('[passes.missing-namespace]\n"app@=agent" = "x"', "expected a label, and 'app@=agent' can be none: name part"),
        ('[passes.missing-namespace]\n"app=a b" = "x"', "expected a label, and 'app=a b' can be none: "),
        ('[facts]\ncomplete = ["Shop"]', "facts.complete: expected the name of a namespace"),
        ('[[per-path]]\nignore = ["internal-cidr"]', "per-path[0].paths: expected a list of globs"),
        ('ignore = ["internal-cdir"]', "ignore: expected pass ids or codes, not 'internal-cdir'; did you mean 'int"),
        ('exclude = ["*a*a*a*a*b"]', "exclude: expected globs of at most 3 stars in a name, not '*a*a*a*a*b'"),
        ('exclude = ["**/a/**/a/**/a/**/b"]', "exclude: expected globs of at most 3 stars"),
        ("to = ", "is not valid TOML"),
        ("a = " + "[" * 5000, "is not valid TOML"),
    ],
)
def test_mistakes_are_one_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        _load(tmp_path, text)
    message = str(caught.value)
    assert says in message
    assert message.startswith(str(tmp_path / "cnpfix.toml")), "the file is named first"
    assert "\n" not in message


#: Values of which each is of the wrong type, or empty, for most keys.
HOSTILE = ("5", "1.5", "-1", "true", '"x\\ny"', '"\\u0000"', '""', "[5]", '[""]', "{a = 1}", "[{a = 1}]", "2025-01-01")
#: Those of them that a key takes all the same.
TAKEN = {
    "true or false": {"true"},
    "number": {"5"},
    "text or list of texts": {'""'},
}


@pytest.mark.parametrize("name", ["cnpfix.toml", "pyproject.toml"])
@pytest.mark.parametrize("key", KEYS, ids=lambda key: f"{key.table}{key.name}")
def test_a_wrong_value_is_refused_at_its_line(tmp_path: Path, key: Key, name: str) -> None:
    brackets, table = key.table[: key.table.count("[")], key.table.strip("[]").replace("<id>", "CNP004")
    top = "tool.cnpfix" if name == "pyproject.toml" else ""
    header = brackets + ".".join(filter(None, (top, table))) + brackets.replace("[", "]")
    needed = {"[[clusters]]": 'name = "a"\n', "[[per-path]]": 'paths = ["a/**"]\n'}.get(key.table, "")
    needed = "" if needed.startswith(key.name) else needed
    written = '"app=web"' if key.name.startswith('"') else key.name
    for value in HOSTILE:
        if value in TAKEN.get(key.kind, ()):
            continue
        header = f"[{top}]" if top and not table else header
        text = f"# One\n{header}\n{needed}{written} = {value}\n"
        (tmp_path / name).write_text(text)
        with pytest.raises(ConfigError) as caught:
            load_config(tmp_path / name, PASS_IDS)
        message, line = str(caught.value), len(text.splitlines())
        assert message.startswith(f"{tmp_path / name}:{line}: "), message
        assert "expected " in message
        assert len(message.splitlines()) == 1


def test_lines_of_keys() -> None:
    text = (
        'from = "1.18"\n[pr]\ntitle = """\nbranch = "no key"\n"""\nbranch = "b"\n[[clusters]]\nname = "a"\n'
        '[[ "clusters" ]]  # the second\n"name" = "b"\n[passes]\ncluster-entity.mode = "extend"\n'
        '[passes.missing-namespace]\n"app.example.com/x=y" = "z"\nlist = [\n  "a = b",\n]\n'
    )
    lines = key_lines(text)
    assert lines["from"] == 1
    assert (lines["pr.title"], lines["pr.branch"]) == (3, 6)
    assert (lines["clusters"], lines["clusters[0].name"], lines["clusters[1].name"]) == (7, 8, 10)
    assert lines["passes.cluster-entity.mode"] == 12
    assert lines["passes.missing-namespace.app.example.com/x=y"] == 14
    assert line_of("clusters[1].pod_cidrs", lines) == 9, "a key that is not there is at its table"
    assert line_of("clusters[7].name", lines) == 7
    assert line_of("nothing", lines) is None
    assert key_lines("[tool.cnpfix]\nfrom = 5\n", "tool.cnpfix.") == {"from": 2}


@pytest.mark.parametrize("version", ["1.18", "v1.18.4", "1.18.x", "1.18.0-rc.1", "1.18.4+build"])
def test_the_release_of_a_cluster(tmp_path: Path, version: str) -> None:
    file = tmp_path / "cnpfix.toml"
    file.write_text(f'[[clusters]]\nname = "a"\nversion = "{version}"\n')
    assert load_config(file, PASS_IDS).clusters[0].version == version


def test_cluster_may_mean_no_other_cluster(tmp_path: Path) -> None:
    file = tmp_path / "cnpfix.toml"
    file.write_text("[passes.cluster-entity]\nremote = []")
    assert load_config(file, PASS_IDS).cluster_entity.remote == ()


def test_binary_config_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "cnpfix.toml"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        load_config(file, PASS_IDS)


def test_nearest_file_upward_wins(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "cnpfix.toml").write_text("")
    assert find_config(inner) == tmp_path / "cnpfix.toml"
    (tmp_path / "a" / "pyproject.toml").write_text("[tool.other]\n")
    assert find_config(inner) == tmp_path / "cnpfix.toml", "a pyproject.toml without our table does not count"
    (tmp_path / "a" / "pyproject.toml").write_text('[tool.cnpfix]\nto = "1.20"\n')
    found = find_config(inner)
    assert found == tmp_path / "a" / "pyproject.toml"
    assert found is not None
    assert load_config(found, PASS_IDS).to_version == Version(1, 20)


CITED = """\
# clusters
[[clusters]]
name = "a"
local = [
  "policy_audit_mode = true",
]
[[ clusters ]] # b
name = "b"
"policy_enforcement_mode" = "never"
  host_firewall=true
pod_cidrs = ["10.0.0.0/16"]
[passes.cluster-entity]
mode = "extend"
"""


@pytest.mark.parametrize("name", ["cnpfix.toml", "pyproject.toml"])
def test_settings_of_a_cluster_are_cited_at_their_lines(tmp_path: Path, name: str) -> None:
    text = CITED
    if name == "pyproject.toml":
        text = text.replace("[[clusters", "[[tool.cnpfix.clusters").replace("[[ clusters", "[[ tool . cnpfix.clusters")
        text = text.replace("[passes", "[tool.cnpfix.passes")
    file = tmp_path / name
    file.write_text(text)
    first, second = load_config(file, PASS_IDS).clusters
    assert first.cited == ()
    places = {field: str(second.source_of(field)) for field in ("enforcement", "host_firewall", "pod_cidrs", "audit")}
    assert places == {
        "enforcement": f"{name}:9",
        "host_firewall": f"{name}:10",
        "pod_cidrs": f"{name}:11",
        "audit": name,
    }
