"""Patterns over texts of others: right, and in time that a hostile text cannot stretch."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from itertools import product
from pathlib import Path

import pytest

import rewriter
from rewriter import patterns
from rewriter.bot import clone, codeowners, remote, token
from rewriter.cilium.fqdn import fqdn_term
from rewriter.cilium.version import parse_version
from rewriter.inventory.delivery import generators, patches
from rewriter.inventory.delivery.program_changes import program_changes
from rewriter.inventory.delivery.substitution import substituted
from rewriter.inventory.files.cilium_commands import cilium_commands
from rewriter.inventory.files.commands import commands_in
from rewriter.inventory.hubble import agent_log
from rewriter.inventory.texts.namespace_names import namespaces_in_commands
from rewriter.inventory.texts.policies_in_text import policies_in
from rewriter.yamltext import has_substitution, template_markup

MANY = 50_000
NEW = parse_version("1.19")


@contextmanager
def _quick() -> Iterator[None]:
    start = time.process_time()
    yield
    assert time.process_time() - start < 2


def _script(line: str) -> None:
    text = f"cilium kubectl helm policies gress\n{line}\n"
    data = text.encode()
    list(commands_in("a.sh", data))
    list(cilium_commands("a.sh", data))
    list(policies_in("a.sh", data))
    list(program_changes("a.sh", "a.sh", data, ["a/policy.yaml"]))
    list(namespaces_in_commands(data))


HOSTILE: dict[str, Callable[[], object]] = {
    "a DNS pattern": lambda: fqdn_term({"matchPattern": "*a" * 60 + "*b"}, NEW).covers("a" * 250),
    "a target of a Kustomize patch": lambda: patches.matches_pattern(".*a" * 30 + "b", "a" * 63),
    "a label selector of a Kustomize patch": lambda: patches.matches_selector("(" * MANY + ",x" * MANY, {}),
    "a placeholder of an ApplicationSet": lambda: generators.fill_placeholders("{{" + " " * MANY + "x", {}),
    "an open substitution": lambda: has_substitution("${" * MANY),
    "open substitutions of Flux": lambda: substituted("${a:-" * MANY, {}, True),
    "a line of an agent's log": lambda: agent_log.PAIR.findall("a" * MANY),
    "an author": lambda: clone.IDENTITY.fullmatch("a" + " " * MANY + "a<"),
    "a remote": lambda: remote.SCP.match("@" * MANY),
    "a password in a log": lambda: token.USERINFO.sub("", "://" + "a" * MANY + "://"),
    "a section of CODEOWNERS": lambda: codeowners.SECTION.match("[" + "a" * MANY),
    "a script with one line": lambda: _script("kubectl patch " * MANY),
    "options of helm": lambda: _script("helm --a " * MANY),
    "pipes": lambda: _script("|kubectl apply -f x " * MANY),
    "addresses in a pipe": lambda: _script("https://a.example|kubectl " * MANY),
    "what a pipe begins with": lambda: _script("'" * 60 + " % | kubectl apply -f -"),
    "post-renderers": lambda: _script("helm --post-renderer " * (MANY // 3)),
    "a list of rules": lambda: _script("del(" * MANY),
    "overlays of ytt": lambda: _script("#@overlay/match " * MANY),
    "namespaces of Terraform": lambda: _script('"kubernetes_namespace" ' * (MANY // 3)),
    "thousands of commands": lambda: _script("kubectl apply -f https://example.com/policies\n" * (MANY // 3)),
    "thousands of pipes": lambda: _script("x | kubectl apply -f -\n" * (MANY // 3)),
    "tasks that install Cilium": lambda: list(
        cilium_commands("t.yml", b"- command: cilium install\n  when: a == b\n" * 500)
    ),
    "markup in a comment": lambda: template_markup("# " + "{{ " * MANY * 10),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_text_takes_for_ever(name: str) -> None:
    with _quick():
        HOSTILE[name]()


def _texts(alphabet: str, longest: int) -> Iterator[str]:
    for length in range(longest + 1):
        yield from map("".join, product(alphabet, repeat=length))


@pytest.mark.parametrize("version", ["1.18", "1.19"])
def test_dns_patterns_match_what_they_matched(version: str) -> None:
    """Against the plain expression: each star any number of characters of a label."""
    names = list(_texts("ab.", 5))
    for pattern in _texts("a*.", 4):
        if not pattern or (version == "1.19" and pattern.startswith("**")) or not pattern.strip("*."):
            continue
        plain = "[-a-z0-9_]*".join(map(re.escape, re.split(r"\*+", pattern.removesuffix(".") + ".")))
        term = fqdn_term({"matchPattern": pattern}, parse_version(version))
        for name in names:
            assert term.covers(name) == bool(re.fullmatch(plain, name.removesuffix(".") + ".")), (pattern, name)


def test_targets_of_patches_match_what_they_matched() -> None:
    names = list(_texts("ab", 5))
    for pattern in _texts("ab*", 4):
        if pattern:
            plain = pattern.replace("*", ".*")
            for name in names:
                assert patches.matches_pattern(plain, name) == bool(re.fullmatch(plain, name)), (plain, name)


@pytest.mark.parametrize(
    ("text", "filled"),
    [("{{a}}-{{ a }}", "1-1"), ("{{- a -}}", "1"), ("{{b}}", "{{b}}"), ("{{ a", "{{ a"), ("{{{a}}}", "{1}")],
)
def test_placeholders_of_an_application_set(text: str, filled: str) -> None:
    assert generators.fill_placeholders(text, {"a": "1"}) == filled


@pytest.mark.parametrize(
    ("text", "holds"), [("${a}", True), ("}${", False), ("x}${a}", True), ("$a}", False), ("${", False), ("", False)]
)
def test_substitutions(text: str, holds: bool) -> None:
    assert has_substitution(text) is holds


def test_markup_counts_outside_of_comments_only() -> None:
    assert template_markup("# {{ a }} {{ b }}\nx: 1\n") is None
    span = template_markup("# {{ a }}\nx: {{ b }} # {{ c }}\n")
    assert span is not None
    assert span.start == len("# {{ a }}\nx: ")


def test_every_pattern_that_is_compiled_later_compiles() -> None:
    found = 0
    package = Path(rewriter.__file__).parent
    for path in package.rglob("*.py"):
        if "from rewriter import patterns as re" in path.read_text():
            name = ".".join(path.relative_to(package.parent).with_suffix("").parts)
            for value in vars(import_module(name)).values():
                if type(value).__module__ == "rewriter.patterns":
                    found += 1
                    assert value.groups >= 0
    assert found > 100


def test_a_pattern_that_is_compiled_later_is_one() -> None:
    later, now = patterns.compile(r"a(b)?", patterns.IGNORECASE), re.compile(r"a(b)?", re.IGNORECASE)
    for ask in ("search", "match", "fullmatch", "findall", "split"):
        answers = [getattr(each, ask)("xABa") for each in (later, later, now)]
        assert len({str(answer) for answer in answers}) == 1
    assert (later.sub("-", "xAB"), later.pattern, later.flags, later.groups) == ("x-", r"a(b)?", now.flags, 1)
