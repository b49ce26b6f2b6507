"""Comments in scripts, programs and pipelines: a line that begins with `#` or `//`, as an item of a list too."""

from __future__ import annotations

from rewriter import patterns as re

#: `#@` begins an instruction of ytt.
_REMARK = re.compile(r"[ \t]*(?:-[ \t]+)?(?:#(?!@)|//)")
#: A whole line of that kind.
REMARK_LINE = re.compile(rf"^{_REMARK.pattern}[^\n]*", re.MULTILINE)


def in_remark(text: str, offset: int) -> bool:
    """Whether what stands at an offset of a text is on a line that is a comment."""
    return _REMARK.match(text, text.rfind("\n", 0, offset) + 1) is not None
