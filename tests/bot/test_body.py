"""The words of a request: parts, bounds, markers, and nothing in them that a manifest could make a forge obey."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape

import pytest
from markdown_it import MarkdownIt

from rewriter.bot.body import Surroundings, words_for
from rewriter.bot.groups import Group, branch_of, is_branch_of_run
from rewriter.bot.marker import MAX_BODY, marked_done, marker_in, replaced
from rewriter.bot.seal import is_ours, sealed
from rewriter.engine.results.result import Change, FileResult, LineChange, Location, NotChecked, Reported
from rewriter.finding import Applicability, Finding, Flows, Severity
from rewriter.output.links import Links
from tests.output.test_mermaid import picture

_MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable("table")


def reported(
    file: str,
    name: str = "api",
    *,
    fixed: bool = True,
    message: str = "wrong",
    flows: Flows | None = None,
    change: tuple[LineChange, ...] = (),
) -> Reported:
    applicability = Applicability.EVIDENT if fixed else Applicability.MANUAL
    finding = Finding(
        Severity.WARNING, applicability, "/spec", message, advice="decide", code="CNP004", id="cluster-entity"
    )
    place = Location(file, 1, 1, 1, 4, 0, "CiliumNetworkPolicy", "shop", name)
    return Reported(finding, place, fixed, "", flows or Flows(), change=change)


def result(
    path: str, before: str = "old\n", after: str = "new\n", name: str = "api", flows: Flows | None = None
) -> FileResult:
    change = (LineChange(0, tuple(before.split("\n")[:-1]), tuple(after.split("\n")[:-1])),)
    item = reported(path, name, flows=flows, change=change)
    return FileResult(path, before, (Change(0, len(before), after),), (item,), 1)


def body_of(group: Group) -> str:
    return words_for(group, "1.18", "1.19", "0" * 16).body


def test_the_parts() -> None:
    flows = Flows(opened=("shop/web may reach prod/db on 3306/TCP",), closed=("world may reach prod/db",))
    group = Group("shop", "namespace shop", (result("a.yaml", flows=flows),), (reported("a.yaml", fixed=False),))
    words = words_for(group, "1.18", "1.19", "0" * 16)
    assert words.title == "Prepare Cilium network policies for 1.19: namespace shop"
    assert words.message.splitlines()[0] == words.title
    assert "    opens shop/web may reach prod/db on 3306/TCP" in words.message
    assert "### Cilium 1.18 → 1.19: 1 fix in 1 policy" in words.body
    assert "**Opens 1 flow, closes 1.** Each fix is proved" in words.body
    assert "| ⬆&nbsp;opens | shop/api (a.yaml:1) | CNP004 cluster-entity | **opens** shop/web may reach" in words.body
    assert "<br>**closes** world may reach prod/db |" in words.body
    assert "<details><summary>⬆ opens · shop/api — CNP004 cluster-entity, evident</summary>" in words.body
    assert "```diff\n@@ -1,1 +1,1 @@\n-old\n+new\n```" in words.body
    assert "### Left to people (1)\n\n- **warning** CNP004 cluster-entity: shop/api (a.yaml:1): wrong" in words.body
    assert "to do: decide" in words.body


def test_the_picture_says_which_releases_it_compares() -> None:
    """The upgrade is in it, beside the fixes, while the table is of the fixes alone."""
    group = Group("shop", "namespace shop", (result("a.yaml"),), (), pictures=(picture(opened=1),))
    words = "What these policies allow on 1.18 today, and with the fixes on 1.19:"
    assert f"{words}\n\n```mermaid\n" in body_of(group)
    assert words not in words_for(group, "1.19", "1.19", "0" * 16).body
    assert words not in body_of(replace(group, pictures=()))


def test_what_opens_stands_first() -> None:
    files = (
        result("a.yaml", name="same"),
        result("b.yaml", name="shuts", flows=Flows(closed=("b",))),
        result("c.yaml", name="keeps", flows=Flows(upgrade=Flows(closed=("c",)), kept=("c",))),
        result("d.yaml", name="opens", flows=Flows(opened=("d",))),
    )
    text = body_of(Group("", "", files))
    places = [text.index(f"shop/{name}") for name in ("opens", "shuts", "keeps", "same")]
    assert places == sorted(places)
    assert "**Opens 1 flow, closes 1, keeps 1 that the upgrade would break.**" in text
    assert (
        "| =&nbsp;keeps | shop/keeps (c.yaml:1) | CNP004 cluster-entity | **keeps** c, which the upgrade would break"
        in text
    )


def test_lines_and_evidence_are_links() -> None:
    links = Links(lambda path, line: f"https://forge.example/blob/c0ffee/{path}#L{line}" if path != "x.yaml" else "")
    item = result("a.yaml").findings[0]
    facts = ("Deployment shop/web, apps/web.yaml:12", "elsewhere, x.yaml:3")
    item = replace(item, finding=replace(item.finding, evidence=facts))
    group = Group("", "", (replace(result("a.yaml"), findings=(item,)),))
    around = Surroundings(links, (NotChecked("CNP004", "no mesh known", "run `cnpfix init`"),))
    text = words_for(group, "1.18", "1.19", "0" * 16, around).body
    assert "[shop/api](https://forge.example/blob/c0ffee/a.yaml#L1)" in text
    assert "- Deployment shop/web, [apps/web.yaml:12](https://forge.example/blob/c0ffee/apps/web.yaml#L12)" in text
    assert "- elsewhere, x.yaml:3" in text
    assert "### Not checked\n\n- CNP004 (no mesh known; run" in text


def test_a_title_from_the_configuration() -> None:
    group = Group("shop", "namespace shop", (result("a.yaml"),))

    def title(template: str) -> str:
        return words_for(group, "1.18", "1.19", "0" * 16, Surroundings(title=template)).title

    assert title("chore(net): Cilium {from} to {to}") == "chore(net): Cilium 1.18 to 1.19: namespace shop"
    assert title("[{group}] policies for {to}") == "[namespace shop] policies for 1.19"


def test_the_body_is_well_formed_markdown() -> None:
    flows = Flows(opened=("a",))
    group = Group(
        "", "", (result("a.yaml", flows=flows), result("b.yaml", name="web")), (reported("a.yaml", fixed=False),)
    )
    html = _MARKDOWN.render(body_of(group))
    assert html.count("<details>") == html.count("</details>") == 2
    assert html.count("<table>") == 1 and html.count("<tr>") == 3
    assert html.count('<code class="language-diff">') == 2


@pytest.mark.parametrize("count", [1, 40, 3000])
def test_no_body_is_longer_than_a_forge_takes(count: int) -> None:
    """A few large files, many small ones, thousands of findings: within GitHub's 65,536 characters."""
    lines = 90_000 // count // 4 + 1
    files = tuple(
        result(f"folder/{n}.yaml", "old\n" * lines, name=f"p{n}", flows=Flows(opened=(f"pods of {n} to anybody",)))
        for n in range(count)
    )
    left = tuple(reported(f"folder/{n}.yaml", name=f"p{n}", message=f"wrong {n}", fixed=False) for n in range(count))
    words = words_for(Group("", "", files, left), "1.18", "1.19", "0" * 16)
    text = words.body
    assert len(text.encode()) <= MAX_BODY < 65_536
    assert text.rstrip().endswith("<!-- /cnpfix -->")
    assert marker_in(text) is not None
    assert text.count("<details>") == text.count("</details>")
    if count == 3000:
        first = text.splitlines()[1]
        assert "of the 3000 fixes that open traffic are not in this text" in first, "what opens is never cut silently"
        assert all(f"opens pods of {n} to anybody" in words.message for n in range(count))
        assert "more: the commit message names each" in text
        assert "more lines; `cnpfix` shows them all" in text
        assert "not shown in full here" in text


def test_wide_characters_count_as_what_they_weigh() -> None:
    text = body_of(Group("", "", (result("a.yaml", "x\n", "😀" * 59_000 + "\n"),)))
    assert len(text.encode()) < 65_536


HOSTILE = "</details> <!-- /cnpfix --> <script>x</script> | `x` [a](javascript:b) ![i](http://t.invalid/p.png) **b**"


def test_names_and_contents_cannot_leave_their_place() -> None:
    evil = HOSTILE + "\n```\n</details>\n<!-- cnpfix:1 scope=0000000000000000 change=0 body=0 -->\n~~~~\n`````\n"
    item = result(HOSTILE.replace("/", "∕"), "old\n", evil, name=HOSTILE, flows=Flows(opened=(HOSTILE,)))
    group = Group("x", HOSTILE, (item,), (reported("a.yaml", message=HOSTILE, fixed=False),))
    text = body_of(group)
    marker = marker_in(text)
    assert marker is not None and marker.scope == "0" * 16
    html = _MARKDOWN.render(text)
    assert "<script>" not in html
    assert "<img" not in html and 'href="javascript' not in html
    assert html.count("<details>") == html.count("</details>") == 1
    assert html.count("<tr>") == 2
    assert "\n" not in words_for(group, "1.18", "1.19", "0" * 16).title


def test_names_notify_nobody_and_link_to_nothing() -> None:
    text = body_of(Group("x", "@acme/all, #12", (result("charts/@acme/#7.yaml", name="@jane"),)))
    outside = text.partition("```diff")[0] + text.rpartition("```")[2]
    html = unescape(_MARKDOWN.render(outside))
    assert "@\u200bjane" in html and "#\u200b7.yaml" in html
    assert not re.search(r"[@#][a-z0-9]", html)


def test_a_body_is_replaced_within_what_people_wrote() -> None:
    old = body_of(Group("", "", (result("a.yaml"),)))
    new = body_of(Group("", "", (result("b.yaml"),)))
    mixed = f"Above\n\n{old}\nBelow\n"
    after = replaced(mixed, new)
    assert after == f"Above\n\n{new}\nBelow\n"
    assert replaced(after, new) == after
    assert replaced("nothing of ours", new) == new
    assert replaced(f"Above\n{old.replace('<!-- /cnpfix -->', '')}", new) == f"Above\n{new}"
    assert len(replaced("x" * 70_000 + old, new)) <= 65_536


def test_the_marker_knows_the_change_wherever_it_stands() -> None:
    def change_of(before: str, after: str) -> str:
        marker = words_for(Group("", "", (result("a.yaml", before, after),)), "1.18", "1.19", "0" * 16).marker
        return marker.change

    assert change_of("x\nold\n", "x\nnew\n") == change_of("x\ny\nz\nold\n", "x\ny\nz\nnew\n")
    assert change_of("old\n", "new\n") != change_of("old\n", "newer\n")


def test_a_marker_that_says_done() -> None:
    text = body_of(Group("", "", (result("a.yaml"),)))
    done = marker_in(marked_done(text))
    assert done is not None and done.done
    undone = marker_in(text)
    assert undone is not None and not undone.done
    assert marked_done("nothing") == "nothing"


def test_branches_of_groups_never_meet() -> None:
    names = [
        branch_of(Group(slug, "", (), unsafe=unsafe), "cnpfix/1.19")
        for slug in ("", "shop", "unsafe", "unsafe-shop")
        for unsafe in (False, True)
    ]
    assert len(set(names)) == len(names)
    assert all(is_branch_of_run(name, "cnpfix/1.19") for name in names)
    assert not is_branch_of_run("cnpfix/1.190", "cnpfix/1.19")
    assert not is_branch_of_run("cnpfix/1.1", "cnpfix/1.19")
    assert not is_branch_of_run("cnpfix/1.19.1", "cnpfix/1.19")


def test_a_seal_holds_for_the_commit_as_it_was_made() -> None:
    tree, parent = "1" * 40, "2" * 40
    message = sealed("Title\n\nbody — ünïcode", tree, parent)

    def commit(tree: str = tree, parents: tuple[str, ...] = (parent,), message: str = message) -> bytes:
        lines = [
            f"tree {tree}",
            *(f"parent {each}" for each in parents),
            "author A <a> 1 +0000",
            "committer B <b> 2 +0000",
        ]
        return ("\n".join(lines) + "\n\n" + message).encode()

    assert is_ours(commit())
    assert not is_ours(commit(tree="3" * 40))
    assert not is_ours(commit(parents=("3" * 40,)))
    assert not is_ours(commit(parents=(parent, "3" * 40)))
    assert not is_ours(commit(parents=()))
    assert not is_ours(commit(message=message.replace("Title", "Other")))
    assert not is_ours(commit(message=message + "\nSigned-off-by: Jane\n"))
    assert not is_ours(commit(message="Title\n"))
    assert not is_ours(b"")
