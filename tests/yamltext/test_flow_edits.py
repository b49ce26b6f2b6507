"""Edits of flow style: on one line, over several, KYAML and JSON."""

from __future__ import annotations

import pytest

from tests.yamltext.support import Operation, add, check, move, remove, replace

Case = tuple[str, list[Operation], str]

LINES: dict[str, Case] = {
    "append": ("x: [a, b]\n", [add("/x/-", "c")], "x: [a, b, c]\n"),
    "append behind a trailing comma": ("x: [a, b,]\n", [add("/x/-", "c")], "x: [a, b, c,]\n"),
    "insert first": ("x: [a, b]\n", [add("/x/0", "c")], "x: [c, a, b]\n"),
    "remove the first": ("x: [a, b]\n", [remove("/x/0")], "x: [b]\n"),
    "remove the last": ("x: [a, b]\n", [remove("/x/1")], "x: [a]\n"),
    "remove the last before a trailing comma": ("x: [a, b,]\n", [remove("/x/1")], "x: [a,]\n"),
    "the only one leaves an empty list": ("x: [ a ] # why\n", [remove("/x/0")], "x: [] # why\n"),
    "a pair": ("x: {a: b}\n", [add("/x/c", "d")], "x: {a: b, c: d}\n"),
    "a pair with spaces inside": ("x: { a: b }\n", [add("/x/c", {"e": ["f"]})], "x: { a: b, c: { e: [f] } }\n"),
    "remove a pair": ("x: {a: b, c: d}\n", [remove("/x/a")], "x: {c: d}\n"),
    "replace a value": ("x: {a: 'b', c: d}\n", [replace("/x/a", "e")], "x: {a: 'e', c: d}\n"),
    "an empty list in flow": ("x: {a: []}\n", [add("/x/a/-", "b")], "x: {a: [b]}\n"),
    "a list of pairs": ("x: [{a: 1}, {a: 2}]\n", [remove("/x/0"), add("/x/-", {"a": 3})], "x: [{a: 2}, {a: 3}]\n"),
    "a single pair without braces": ("x: [a: 1, b]\n", [replace("/x/0/a", 2)], "x: [a: 2, b]\n"),
    "a single pair without braces gets them": ("x: [a: 1, b]\n", [add("/x/0/c", [2])], "x: [{a: 1, c: [2]}, b]\n"),
    "text with flow characters gets quotes": ("x: [a]\n", [add("/x/-", "b, c")], 'x: [a, "b, c"]\n'),
    "a comment behind what goes": ("x: [a, b # two\n]\n", [remove("/x/1")], "x: [a # two\n]\n"),
    "a comment within what gets another value behind a bracket": (
        "x: [{\n  a: 1,\n}, {\n  b: 2,  # two\n}]\n",
        [replace("/x/1", ["c"])],
        "x: [{\n  a: 1,\n}, [\n  # two\n  c,\n]]\n",
    ),
    "a comment within what goes from between brackets": (
        "x: [{\n  a: 1,\n}, {\n  # two\n  b: 2, # three\n}, {\n  c: 3, # four\n}]\n",
        [remove("/x/1")],
        "# two\n# three\nx: [{\n  a: 1,\n}, {\n  c: 3, # four\n}]\n",
    ),
    "a comment within the last that goes from behind a bracket": (
        "x: [{\n  a: 1, # one\n}, {\n  b: 2, # two\n}]\n",
        [remove("/x/1")],
        "# two\nx: [{\n  a: 1, # one\n}]\n",
    ),
    "a comment within what goes and comes back": (
        "x: [{\n  a: 1,\n}, {\n  b: 2, # two\n}, {\n  c: 3,\n}]\n",
        [remove("/x/1"), add("/x/1", {"b": 2, "d": 4})],
        "x: [{\n  a: 1,\n}, {\n  b: 2, # two\n  d: 4,\n}, {\n  c: 3,\n}]\n",
    ),
    "a url stays plain": ("x: [a]\n", [add("/x/-", "http://b")], "x: [a, http://b]\n"),
    "another member in its place": ("x: {a: 1, b: 2}\n", [remove("/x/a"), add("/x/c", 3)], "x: {c: 3, b: 2}\n"),
    "a move": ("[{a: x, b: [1]}, {c: 2, b: [1]}]\n", [move("/0/b", "/1/b")], "[{a: x}, {c: 2, b: [1]}]\n"),
}

SPREAD: dict[str, Case] = {
    "append": ("x: {\n  a: 1,\n  b: 2\n}\n", [add("/x/c", 3)], "x: {\n  a: 1,\n  b: 2,\n  c: 3\n}\n"),
    "append before the comment of the last": (
        "x: [\n  a, # one\n  b # two\n]\n",
        [add("/x/-", "c")],
        "x: [\n  a, # one\n  b, # two\n  c\n]\n",
    ),
    "insert": ("x: [\n  a, # one\n  b # two\n]\n", [add("/x/1", "c")], "x: [\n  a, # one\n  c,\n  b # two\n]\n"),
    "remove the first": ("x: [\n  a, # one\n  b # two\n]\n", [remove("/x/0")], "# one\nx: [\n  b # two\n]\n"),
    "remove the last": ("x: [\n  a, # one\n  b # two\n]\n", [remove("/x/1")], "# two\nx: [\n  a # one\n]\n"),
    "remove the last with a trailing comma": (
        "x: [\n  a, # one\n  b, # two\n]\n",
        [remove("/x/1")],
        "# two\nx: [\n  a, # one\n]\n",
    ),
    "remove before a bracket on its line": ("x: [\n  a, # one\n  b]\n", [remove("/x/1")], "x: [\n  a # one\n  ]\n"),
    "comments between the items": (
        "x: [\n  a,\n  # head\n  b\n  # tail\n]\n",
        [remove("/x/1")],
        "# head\nx: [\n  a\n  # tail\n]\n",
    ),
    "crlf": ("x: [\r\n  a,\r\n  b\r\n]\r\n", [add("/x/-", "c")], "x: [\r\n  a,\r\n  b,\r\n  c\r\n]\r\n"),
}

KYAML: dict[str, Case] = {
    "append a member": (
        '{\n  a: "1",\n  b: {\n    c: 2,\n  },\n}\n',
        [add("/b/d", ["e"])],
        '{\n  a: "1",\n  b: {\n    c: 2,\n    d: [\n      "e",\n    ],\n  },\n}\n',
    ),
    "remove the first of }, {": (
        "{\n  a: [{\n    b: 1,\n  }, {\n    b: 2,\n  }],\n}\n",
        [remove("/a/0")],
        "{\n  a: [{\n    b: 2,\n  }],\n}\n",
    ),
    "remove the last of }, {": (
        "{\n  a: [{\n    b: 1,\n  }, {\n    b: 2,\n  }],\n}\n",
        [remove("/a/1")],
        "{\n  a: [{\n    b: 1,\n  }],\n}\n",
    ),
    "insert between }, {": (
        "{\n  a: [{\n    b: 1,\n  }, {\n    b: 2,\n  }],\n}\n",
        [add("/a/1", {"b": 3})],
        "{\n  a: [{\n    b: 1,\n  }, {\n    b: 3,\n  }, {\n    b: 2,\n  }],\n}\n",
    ),
    "append to }, {": (
        "{\n  a: [{\n    b: 1,\n  }, {\n    b: 2,\n  }],\n}\n",
        [add("/a/-", {"b": 3})],
        "{\n  a: [{\n    b: 1,\n  }, {\n    b: 2,\n  }, {\n    b: 3,\n  }],\n}\n",
    ),
    "comments": (
        '{\n  a: "x", # one\n  # about b\n  b: "y", # two\n  c: "z",\n}\n',
        [remove("/b")],
        '# about b\n# two\n{\n  a: "x", # one\n  c: "z",\n}\n',
    ),
}

_NESTED = '{\n    "a": 1,\n    "b": [\n        "x",\n        {\n            "k": "v"\n        }\n    ]\n}\n'
_TABS = '{\n\t"a": 1,\n\t"b": [\n\t\t"x",\n\t\t{"k": "v"}\n\t]\n}\n'

JSON: dict[str, Case] = {
    "a list on one line where others are": (
        '{\n  "a": ["x", "y"],\n  "b": 1\n}\n',
        [add("/c", ["z", "w"])],
        '{\n  "a": ["x", "y"],\n  "b": 1,\n  "c": ["z", "w"]\n}\n',
    ),
    "brackets that share a line where others do": (
        '{\n  "a": [{\n    "x": 1\n  }],\n  "b": 1\n}\n',
        [add("/c", [{"y": 2}])],
        '{\n  "a": [{\n    "x": 1\n  }],\n  "b": 1,\n  "c": [{\n    "y": 2\n  }]\n}\n',
    ),
    "brackets on lines of their own where a blank parts others": (
        '{\n  "a": [ {\n    "x": 1\n  } ],\n  "b": 1\n}\n',
        [add("/c", [{"y": 2}])],
        '{\n  "a": [ {\n    "x": 1\n  } ],\n  "b": 1,\n  "c": [\n    {\n      "y": 2\n    }\n  ]\n}\n',
    ),
    "append an item": (
        _NESTED,
        [add("/b/-", {"k": "w", "l": []})],
        _NESTED.replace(
            "\n    ]", ',\n        {\n            "k": "w",\n            "l": []\n        }\n    ]'
        ).replace("}\n,", "},"),
    ),
    "append a member": (
        _NESTED,
        [add("/c", ["q"])],
        _NESTED.replace("    ]\n}", '    ],\n    "c": [\n        "q"\n    ]\n}'),
    ),
    "remove the last item": (
        _NESTED,
        [remove("/b/1")],
        '{\n    "a": 1,\n    "b": [\n        "x"\n    ]\n}\n',
    ),
    "remove the first member": (_NESTED, [remove("/a")], _NESTED.replace('    "a": 1,\n', "")),
    "compact": (
        '{"a":1,"b":["x","y"]}',
        [add("/b/-", "z"), add("/c", {"d": 1})],
        '{"a":1,"b":["x","y","z"],"c":{"d":1}}',
    ),
    "the first member of an empty object": (
        '{\n  "a": {},\n  "b": 1\n}\n',
        [add("/a/c", {"d": 1})],
        '{\n  "a": {\n    "c": {\n      "d": 1\n    }\n  },\n  "b": 1\n}\n',
    ),
    "the first member of an empty object on one line": (
        '{"a": {}, "b": 1}\n',
        [add("/a/c", {"d": 1})],
        '{"a": {"c": {"d": 1}}, "b": 1}\n',
    ),
    "one line with spaces": ('{"a": 1, "b": []}\n', [add("/b/-", "z")], '{"a": 1, "b": ["z"]}\n'),
    "tabs, append a member": (
        _TABS,
        [add("/c", {"d": {"e": 1}})],
        _TABS.replace("\t]\n}", '\t],\n\t"c": {\n\t\t"d": {"e": 1}\n\t}\n}'),
    ),
    "tabs, append an item": (_TABS, [add("/b/-", "y")], _TABS.replace('"v"}\n', '"v"},\n\t\t"y"\n')),
    "tabs, insert an item": (_TABS, [add("/b/0", "y")], _TABS.replace("[\n", '[\n\t\t"y",\n')),
    "tabs, remove": (_TABS, [remove("/b/0")], _TABS.replace('\t\t"x",\n', "")),
    "escapes": (
        '{"a": "x\\ty\\/\\u00e9"}\n',
        [add("/b", 'q"\n')],
        '{"a": "x\\ty\\/\\u00e9", "b": "q\\"\\n"}\n',
    ),
}


@pytest.mark.parametrize("name", LINES)
def test_one_line(name: str) -> None:
    check(*LINES[name])


@pytest.mark.parametrize("name", SPREAD)
def test_several_lines(name: str) -> None:
    check(*SPREAD[name])


@pytest.mark.parametrize("name", KYAML)
def test_kyaml(name: str) -> None:
    check(*KYAML[name])


@pytest.mark.parametrize("name", JSON)
def test_json(name: str) -> None:
    check(*JSON[name])
