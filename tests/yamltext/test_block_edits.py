"""Edits of block style, as somebody with care would make them by hand."""

from __future__ import annotations

import pytest

from tests.yamltext.support import Operation, add, check, move, remove, replace

Case = tuple[str, list[Operation], str]

ITEMS: dict[str, Case] = {
    "a variable that is plain stays plain": (
        "a:\n- ${X}.9 # c\n- '${X}.8'\n- 1.2.3.4\n",
        [replace("/a/0", "${X}.9/32"), replace("/a/1", "${X}.8/32"), replace("/a/2", "${X}.7/32")],
        "a:\n- ${X}.9/32 # c\n- '${X}.8/32'\n- '${X}.7/32'\n",
    ),
    "a variable in flow style needs quotes": (
        'a: ["${X}.9"]\nb: ${X}\n',
        [replace("/a/0", "${X}.9/32"), replace("/b", "${X}: y")],
        'a: ["${X}.9/32"]\nb: "${X}: y"\n',
    ),
    "append at the list's own indent": (
        "a:\n- x\n- y\nb:\n  - z\n",
        [add("/a/-", "q"), add("/b/-", "r")],
        "a:\n- x\n- y\n- q\nb:\n  - z\n  - r\n",
    ),
    "insert before the first, behind the comment of the list": (
        "a:\n  # why\n  - x\n",
        [add("/a/0", "q")],
        "a:\n  - q\n  # why\n  - x\n",
    ),
    "like the first item in front of it, and like the last behind it": (
        "a:\n-   b: 1\n    c: 2\n- b: 3\n  c: 4\n",
        [add("/a/0", {"b": 5, "c": 6}), add("/a/-", {"b": 7, "c": 8})],
        "a:\n-   b: 5\n    c: 6\n-   b: 1\n    c: 2\n- b: 3\n  c: 4\n- b: 7\n  c: 8\n",
    ),
    "in the quotes of the item beside it": (
        "a:\n- 'x'\n- \"y\"\n",
        [add("/a/0", "1"), add("/a/-", "2")],
        "a:\n- '1'\n- 'x'\n- \"y\"\n- \"2\"\n",
    ),
    "on one line, as below a block deeper comments would be its last item's": (
        "m:\n  a: {b: 1}\n# left\n    # deeper\n  c: 2\n",
        [replace("/m/a", [{"d": [1]}])],
        "m:\n  a: [{d: [1]}]\n# left\n    # deeper\n  c: 2\n",
    ),
    "as a block above comments that are no deeper": (
        "m:\n  a: {b: 1}\n\n  # same\n# left\n  c: 2\n",
        [replace("/m/a", [{"d": [1]}])],
        "m:\n  a:\n    - d:\n        - 1\n\n  # same\n# left\n  c: 2\n",
    ),
    "beside a neighbour with an anchor": (
        "a:\n  - b: &b 1\n    c: '2'\nd: *b\n",
        [add("/a/-", {"b": 1, "c": "2"})],
        "a:\n  - b: &b 1\n    c: '2'\n  - b: 1\n    c: '2'\nd: *b\n",
    ),
    "another name for a value that stays as it is written": (
        "a: [1,   2]  # of a\nb: 1\n",
        [remove("/a"), add("/c", [1, 2])],
        "c: [1,   2]  # of a\nb: 1\n",
    ),
    "beside an item whose anchor stands on the dash's line": (
        "a:\n  - &r   # one\n    b: [x]\n  - c: *r\n",
        [add("/a/1", {"d": [{"e": "f"}]})],
        "a:\n  - &r   # one\n    b: [x]\n  - d:\n      - e: f\n  - c: *r\n",
    ),
    "beside an item with a tag": (
        "a:\n- !!map   # one\n  b: [x]\n",
        [add("/a/-", {"d": [{"e": "f"}]})],
        "a:\n- !!map   # one\n  b: [x]\n- d:\n  - e: f\n",
    ),
    "insert in the middle": ("a:\n  - x # one\n  - y\n", [add("/a/1", "q")], "a:\n  - x # one\n  - q\n  - y\n"),
    "a mapping as its neighbour is written": (
        "a:\n-   name: 'x'   # one\n    ports: [1, 2]\n",
        [add("/a/-", {"name": "x", "ports": [3]})],
        "a:\n-   name: 'x'   # one\n    ports: [1, 2]\n-   name: 'x'\n    ports: [3]\n",
    ),
    "a requirement among requirements in braces": (
        "a:\n  - { key: 'x', operator: In, values: [ \"y\" ] } # one\nb:\n- {key: x}\n",
        [add("/a/-", {"key": "io.cilium/z", "operator": "Exists"}), add("/b/-", {"key": "w"})],
        "a:\n  - { key: 'x', operator: In, values: [ \"y\" ] } # one\n  - { key: io.cilium/z, operator: Exists }\n"
        "b:\n- {key: x}\n- {key: w}\n",
    ),
    "a mapping with a key that its neighbour in braces does not have": (
        "a:\n- {port: '80', protocol: TCP}\n",
        [add("/a/-", {"port": "53", "protocol": "UDP", "endPort": 60})],
        "a:\n- {port: '80', protocol: TCP}\n- port: '53'\n  protocol: UDP\n  endPort: 60\n",
    ),
    "a list in a list": ("- - x\n  - y\n- - z\n", [add("/0/-", "w")], "- - x\n  - y\n  - w\n- - z\n"),
    "the first of a list in a list": ("- - x\n  - y\n- - z\n", [add("/0/0", "w")], "- - w\n  - x\n  - y\n- - z\n"),
    "a whole list to a list of lists": (
        "- - x\n- - z\n",
        [add("/-", ["w", "u"])],
        "- - x\n- - z\n- - w\n  - u\n",
    ),
    "remove the first of a list in a list": ("- - x\n  - y\n- - z\n", [remove("/0/0")], "- - y\n- - z\n"),
    "remove one": ("a:\n- x\n- y\n", [remove("/a/0")], "a:\n- y\n"),
    "the last one leaves an empty list, not nothing": ("a:\n  - x\nb: 1\n", [remove("/a/0")], "a: []\nb: 1\n"),
    "the last one of a list in a list": ("- - z\n- x\n", [remove("/0/0")], "- []\n- x\n"),
    "an item that holds a comment only": ("a:\n- # todo\n- x\n", [replace("/a/0", "z")], "a:\n- z # todo\n- x\n"),
    "remove an item that holds a comment only": ("a:\n- # todo\n- x\n", [remove("/a/0")], "# todo\na:\n- x\n"),
    "fill an empty item": ("a:\n  - \n  - x\n", [replace("/a/0", {"b": 1, "c": 2})], "a:\n  - b: 1\n    c: 2\n  - x\n"),
    "a comment with a dash between dash and content": (
        "a:\n  - # b - c\n    name: y\n  - z\n",
        [replace("/a/0/name", "q")],
        "a:\n  - # b - c\n    name: q\n  - z\n",
    ),
    "remove behind such a comment": (
        "a:\n  - # b - c\n    name: y\n  - z\n",
        [remove("/a/0")],
        "# b - c\na:\n  - z\n",
    ),
    "add before an item below such a comment": (
        "a:\n  - # b - c\n    name: y\n  - z\n",
        [add("/a/1", {"name": "q"})],
        "a:\n  - # b - c\n    name: y\n  - name: q\n  - z\n",
    ),
    "a deeper comment after a removed item": (
        "a:\n  - x\n      # deeper\n  - y\n",
        [remove("/a/0")],
        "a:\n      # deeper\n  - y\n",
    ),
    "a deeper comment after the removed last item": (
        "a:\n  - x\n  - y\n      # deeper\nb: 1\n",
        [remove("/a/1")],
        "a:\n  - x\n      # deeper\nb: 1\n",
    ),
    "comments of a removed item go to the list": (
        "a:\n  - x\n  # about y\n  - y # y\n  - z\n",
        [remove("/a/1")],
        "# about y\n# y\na:\n  - x\n  - z\n",
    ),
    "an item of several lines": ("a:\n  - one\n    two\n  - b\n", [remove("/a/0")], "a:\n  - b\n"),
    "one item gives way to several": (
        "a:\n  - x # why\n  - z\n",
        [replace("/a", ["p", "q", "z"])],
        "a:\n  - p # why\n  - q\n  - z\n",
    ),
    "only what differs in a list is written": (
        "a:\n  - 'x' # one\n  - \"y\" # two\n  - z\n",
        [replace("/a", ["x", "q", "z"])],
        "a:\n  - 'x' # one\n  - \"q\" # two\n  - z\n",
    ),
    "blank lines stay where they are": (
        "a:\n\n  - x\n\n  - y\n\n  - z\n\nb: 1\n",
        [remove("/a/1")],
        "a:\n\n  - x\n\n\n  - z\n\nb: 1\n",
    ),
    "the dash style of the nearest list is taken": (
        "a:\n- x\nb:\n  c:\n    - y\n",
        [add("/b/d", ["z"])],
        "a:\n- x\nb:\n  c:\n    - y\n  d:\n    - z\n",
    ),
}

MEMBERS: dict[str, Case] = {
    "add at the end, before trailing comments": ("a: 1\n# end\n", [add("/b", 2)], "a: 1\nb: 2\n# end\n"),
    "add below a nested list": ("a:\n- x\n", [add("/b", {"c": ["d"]})], "a:\n- x\nb:\n  c:\n  - d\n"),
    "four columns stay four": (
        "a:\n    b: 1\n",
        [add("/c", {"d": {"e": 1}})],
        "a:\n    b: 1\nc:\n    d:\n        e: 1\n",
    ),
    "remove with its comment kept": ("a: 1 # one\nb: 2\n", [remove("/a")], "# one\nb: 2\n"),
    "remove what a list item begins with": ("- a: 1\n  b: 2\n- c: 3\n", [remove("/0/a")], "- b: 2\n- c: 3\n"),
    "the last member leaves an empty mapping": ("a:\n  b: 1\nc: 2\n", [remove("/a/b")], "a: {}\nc: 2\n"),
    "a number keeps the comment": ("a: 1   # one\n", [replace("/a", 2)], "a: 2   # one\n"),
    "a tab before a comment": ("a: 1\t# one\nb: 2\n", [replace("/a", {"x": 1})], "a:\t# one\n  x: 1\nb: 2\n"),
    "quotes stay as they are": (
        "a: 'x'\nb: \"y\"\nc: z\n",
        [replace("/a", "p"), replace("/b", "q"), replace("/c", "r")],
        "a: 'p'\nb: \"q\"\nc: r\n",
    ),
    "a string that needs quotes gets the file's": ("a: 'x'\nb: y\n", [replace("/b", "on")], "a: 'x'\nb: 'on'\n"),
    "a quoted key stays quoted": ("\"a\": 1\n'b': 2\n", [replace("/b", {"x": 1})], "\"a\": 1\n'b':\n  x: 1\n"),
    "one name gives way to another": (
        "x:\n  a: 1 # one\n  b: 2\n",
        [remove("/x/a"), add("/x/c", [3])],
        "x:\n  c: # one\n    - 3\n  b: 2\n",
    ),
    "several lines of plain text": ("a: one\n  two\n  three\nb: 1\n", [replace("/a", "z")], "a: z\nb: 1\n"),
    "several lines of quoted text": ("a: 'one\n\n  two'\nb: 1\n", [remove("/a")], "b: 1\n"),
    "a comment of a member stays with it though its line is repeated inside": (
        "a: {}  # why\nb: 1\n",
        [replace("/a", {"v": {"a": {}}})],
        "a:  # why\n  v:\n    a: {}\nb: 1\n",
    ),
    "null becomes a list": ("a:\nb: # why\nc: 1\n", [replace("/b", ["x"])], "a:\nb: # why\n  - x\nc: 1\n"),
    "an empty list gets an item": (
        "a:\n  b: [] # why\n",
        [add("/a/b/-", {"c": ["d"]})],
        "a:\n  b: # why\n    - c:\n        - d\n",
    ),
    "an empty mapping gets a member": ("a:\n  b: {}\n", [add("/a/b/c", "d")], "a:\n  b:\n    c: d\n"),
    "a quoted key gets another name": (
        "'a/b': 1 # one\nb: 2\n",
        [remove("/a~1b"), add("/c~1d", 1)],
        "'c/d': 1 # one\nb: 2\n",
    ),
    "a first item is written like the one behind it": (
        "- {a: 1}\n- a: 2\n",
        [add("/0", {"a": 3})],
        "- {a: 3}\n- {a: 1}\n- a: 2\n",
    ),
    "a list gives way to a text": ("a:\n  - x # one\nb: 1\n", [replace("/a", "t")], "# one\na: t\nb: 1\n"),
    "a move takes lines and comments": (
        "- a: x\n  # about b\n  b: # two\n  - 1\n  c: 2\n",
        [add("/1", {"b": [1], "c": 2}), move("/0/b", "/1/b")],
        "- a: x\n  c: 2\n# about b\n- b: # two\n  - 1\n  c: 2\n",
    ),
}

BLOCKS: dict[str, Case] = {
    "add below a literal": ("x:\n  k: |\n    one\n", [add("/x/m", 1)], "x:\n  k: |\n    one\n  m: 1\n"),
    "add below a literal that keeps blank lines": (
        "x:\n  k: |+\n    one\n\n\n",
        [add("/x/m", 1)],
        "x:\n  k: |+\n    one\n\n\n  m: 1\n",
    ),
    "add below a stripped literal at the end of the text": (
        "x:\n  k: |-\n    one",
        [add("/x/m", 1)],
        "x:\n  k: |-\n    one\n  m: 1",
    ),
    "add below a literal of blank lines": (
        "x:\n  k: |+\n\n\ny: 1\n",
        [add("/x/m", 1)],
        "x:\n  k: |+\n\n\n  m: 1\ny: 1\n",
    ),
    "remove a literal, blank lines that are not its own stay": (
        "x:\n  k: |\n    one\n\n  m: 1\n",
        [remove("/x/k")],
        "x:\n\n  m: 1\n",
    ),
    "remove a literal with the blank lines it keeps": (
        "x:\n  k: |+\n    one\n\n  # about m\n  m: 1\n",
        [remove("/x/k")],
        "x:\n  # about m\n  m: 1\n",
    ),
    "remove a folded item": ("x:\n  - >-\n    one\n    two\n  - b\n", [remove("/x/0")], "x:\n  - b\n"),
    "insert below a literal item": (
        "x:\n  - |\n    one\n  - b\n",
        [add("/x/1", "q")],
        "x:\n  - |\n    one\n  - q\n  - b\n",
    ),
    "text that looks like comments is not one": (
        "x:\n  k: |\n    # no comment\n    - no item\n  m: 1 # comment\n",
        [remove("/x/m")],
        "# comment\nx:\n  k: |\n    # no comment\n    - no item\n",
    ),
    "an indentation indicator": (
        "x:\n  k: |2\n      one\n  m: 1\n",
        [replace("/x/m", 2)],
        "x:\n  k: |2\n      one\n  m: 2\n",
    ),
    "a literal gives way to one line": (
        "x:\n  k: | # why\n    one\n  m: 1\n",
        [replace("/x/k", "q")],
        "x:\n  k: q # why\n  m: 1\n",
    ),
    "a literal stays a literal": (
        "x:\n  k: | # why\n      one\n      two\n  m: 1\n",
        [replace("/x/k", "one\n  three\n")],
        "x:\n  k: | # why\n      one\n        three\n  m: 1\n",
    ),
    "a stripped literal stays one": ("k: |-\n  one\nm: 1\n", [replace("/k", "p\nq")], "k: |-\n  p\n  q\nm: 1\n"),
    "a literal cannot show blanks alone": (
        "k: |\n  one\nm: 1\n",
        [replace("/k", "p\n   \nq\n")],
        'k: "p\\n   \\nq\\n"\nm: 1\n',
    ),
    "a literal cannot show a tab": (
        "k: |\n  one\nm: 1\n",
        [replace("/k", "p\n\tq\n")],
        'k: "p\\n\\tq\\n"\nm: 1\n',
    ),
    "a literal cannot say it": ("k: |\n  one\nm: 1\n", [replace("/k", "p\nq")], 'k: "p\\nq"\nm: 1\n'),
}

FILES: dict[str, Case] = {
    "crlf": ("a: 1\r\nb:\r\n- x\r\n", [add("/b/-", {"c": [1]})], "a: 1\r\nb:\r\n- x\r\n- c:\r\n  - 1\r\n"),
    "crlf, remove": ("a: 1 # one\r\nb: 2\r\nc: 3\r\n", [remove("/b")], "a: 1 # one\r\nc: 3\r\n"),
    "no final newline, add": ("a:\n- x\n- y", [add("/a/-", "z")], "a:\n- x\n- y\n- z"),
    "no final newline, remove": ("a:\n- x\n- y", [remove("/a/1")], "a:\n- x"),
    "no final newline, remove with its comment": ("a:\n- x\n- y # y", [remove("/a/1")], "# y\na:\n- x"),
    "no final newline, crlf": ("a: 1\r\nb: 2", [remove("/b")], "a: 1"),
    "bom": ("\ufeffa: 1\nb: 2\n", [replace("/a", {"x": 1})], "\ufeffa:\n  x: 1\nb: 2\n"),
    "bom, remove the first line": ("\ufeff- a\n- b\n", [remove("/0")], "\ufeff- b\n"),
    "bom, insert before the first line": ("\ufeff- a\n", [add("/0", "z")], "\ufeff- z\n- a\n"),
    "a line break inside quotes": ('a: "x\u0085y\u2028z"\nb: 1\n', [replace("/b", 2)], 'a: "x\u0085y\u2028z"\nb: 2\n'),
    "characters beyond the basic plane": ("a: 😀 # 😀\nb: 1\n", [replace("/b", "é😀")], 'a: 😀 # 😀\nb: "é😀"\n'),
}


@pytest.mark.parametrize("name", ITEMS)
def test_items(name: str) -> None:
    check(*ITEMS[name])


@pytest.mark.parametrize("name", MEMBERS)
def test_members(name: str) -> None:
    check(*MEMBERS[name])


@pytest.mark.parametrize("name", BLOCKS)
def test_block_scalars(name: str) -> None:
    check(*BLOCKS[name])


@pytest.mark.parametrize("name", FILES)
def test_line_ends(name: str) -> None:
    check(*FILES[name])
