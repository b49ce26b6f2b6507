"""The picture of a small change: arrows that say what they are without colour, names that cannot become markup."""

from __future__ import annotations

from rewriter.engine.run.pictures import Picture
from rewriter.output.mermaid import flowchart
from rewriter.reach.difference import FlowStatement
from rewriter.reach.permitted import Permitted


def statement(change: str, peer: str = "pods of web", *more: str, subject: str = "pods of db") -> FlowStatement:
    return FlowStatement(change, "ingress", subject, (peer, *more), "80/TCP")


def picture(*, kept: int = 0, opened: int = 0, closed: int = 0) -> Picture:
    def made(change: str, number: int) -> tuple[FlowStatement, ...]:
        return tuple(statement(change, f"{change} {n}") for n in range(number))

    flows = Permitted(made("kept", kept), made("opened", opened), made("closed", closed))
    return Picture("a.yaml", 0, "shop", "db", 1, 9, flows)


def test_what_opens_and_closes_is_drawn_and_named() -> None:
    lines = flowchart([picture(opened=1, closed=1)])
    assert (lines[0], lines[1], lines[-1]) == ("```mermaid", "flowchart LR", "```")
    nodes = dict(line.strip().rstrip('"]').split('["') for line in lines if '["' in line)
    named = {label: node for node, label in nodes.items()}
    assert f'  {named["opened 0"]} ==>|"opens 80/TCP"| {named["pods of db"]}' in lines
    assert f'  {named["closed 0"]} -.-x|"closes 80/TCP"| {named["pods of db"]}' in lines


def test_a_policy_that_changes_nothing_has_no_picture() -> None:
    assert flowchart([picture(kept=3)]) == []
    assert flowchart([]) == []


def test_what_is_too_much_for_a_picture_has_none() -> None:
    assert flowchart([picture(opened=8)]) != []
    assert flowchart([picture(opened=9)]) == []


def test_many_peers_of_one_flow_share_a_box() -> None:
    flows = Permitted((), (statement("opened", "a", "b", "c", "d"),))
    lines = flowchart([Picture("a.yaml", 0, "shop", "db", 1, 9, flows)])
    assert sum("==>" in line for line in lines) == 1
    assert any('["a, b, c and d"]' in line for line in lines)


def test_names_are_never_markup() -> None:
    evil = 'x"] --> y["<img src=q onerror=1>```'
    lines = flowchart([Picture("a.yaml", 0, "s", "db", 1, 9, Permitted((), (statement("opened", evil),)))])
    text = "\n".join(lines)
    assert text.count("```") == 2 and text.count('["') == 2
    assert "<img" not in text
