"""Changes one operator of a file at a time, and names the changes that no test notices.

    python -m tools.mutants rewriter/passes/bare_address.py --tests tests/passes/test_bare_address.py --most 20

The file is changed in place and put back: run it in a copy of the repository. A change that lives is either one that
changes nothing a user sees (judge it by hand), or a test that is missing.
"""

from __future__ import annotations

import argparse
import ast
import copy
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}


def mutants(source: str) -> Iterator[tuple[int, str, str]]:
    """Each change: its line, the expression before and after in one line, and the whole text."""
    tree = ast.parse(source)
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Compare | ast.BoolOp | ast.UnaryOp | ast.Constant)]
    for node in nodes:
        changed = _changed(node)
        if changed is None:
            continue
        what = f"{ast.unparse(node)} -> {ast.unparse(changed)}"
        yield node.lineno, what, _with(source, node, ast.unparse(changed))


def _changed(node: ast.expr) -> ast.expr | None:
    new = copy.deepcopy(node)
    match new:
        case ast.Compare(ops=[operator]):
            new.ops = [_COMPARISONS[type(operator)]()]
        case ast.BoolOp():
            new.op = ast.Or() if isinstance(new.op, ast.And) else ast.And()
        case ast.UnaryOp(op=ast.Not()):
            return new.operand
        case ast.Constant(value=bool()):
            new.value = not new.value
        case ast.Constant(value=int(number)):
            new.value = number + 1
        case _:
            return None
    return new


def _with(source: str, node: ast.expr, text: str) -> str:
    lines = source.splitlines(keepends=True)
    assert node.end_lineno is not None and node.end_col_offset is not None
    before = "".join(lines[: node.lineno - 1]) + lines[node.lineno - 1].encode()[: node.col_offset].decode()
    after = lines[node.end_lineno - 1].encode()[node.end_col_offset :].decode() + "".join(lines[node.end_lineno :])
    return f"{before}({text}){after}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--tests", nargs=argparse.REMAINDER, required=True, help="arguments of pytest")
    parser.add_argument("--most", type=int, default=20, help="so many changes, drawn by lot")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    source = asked.file.read_text()
    found = list(mutants(source))
    chosen = sorted(random.Random(asked.seed).sample(found, min(asked.most, len(found))))
    lived = 0
    try:
        for line, what, text in chosen:
            asked.file.write_text(text)
            done = subprocess.run(
                [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", *asked.tests],
                capture_output=True,
                timeout=600,
                check=False,
            )
            if done.returncode == 0:
                lived += 1
                print(f"{asked.file}:{line}: {what}", flush=True)
    finally:
        asked.file.write_text(source)
    print(f"{asked.file}: {len(chosen)} of {len(found)} changes tried, {lived} lived", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
