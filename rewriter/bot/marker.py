"""The marks around what the bot writes into a text that people may edit too, and what it remembers in them.

What a person writes above or below the bot's part stays; inside, the bot's own digest says whether anything is edited.
"""

from __future__ import annotations

import hashlib

from rewriter import patterns as re
from rewriter.records import dataclass

#: Weight of a body in bytes of UTF-8. GitHub refuses more than 65,536; what people add around needs room too.
MAX_BODY = 60_000

_BEGIN = re.compile(r"<!-- cnpfix:1 scope=([0-9a-f]{16}) change=([0-9a-f]{16}) body=([0-9a-f]{16})(?: (done))? -->")
_END = "<!-- /cnpfix -->"


@dataclass(frozen=True, slots=True)
class Marker:
    """What the bot remembers in a body: which run it is of, which change it proposes, what it wrote.

    `done` says that the bot itself closed the request.
    """

    scope: str
    change: str
    body: str
    done: bool = False

    def __str__(self) -> str:
        tail = " done" if self.done else ""
        return f"<!-- cnpfix:1 scope={self.scope} change={self.change} body={self.body}{tail} -->"


def digest(*parts: str) -> str:
    """Sixteen hex digits over texts, for markers."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def framed(scope: str, change: str, text: str) -> tuple[str, Marker]:
    """A text between the bot's marks, and the marker before it."""
    marker = Marker(scope, change, _text_digest(text))
    return f"{marker}\n{text}\n{_END}\n", marker


def marker_in(body: str) -> Marker | None:
    """The marker of a body; None for a body that the bot did not write."""
    found = _BEGIN.search(body)
    return Marker(found[1], found[2], found[3], found[4] is not None) if found else None


def is_edited(body: str) -> bool:
    """Whether the bot's part of a body is not the text that its marker has the digest of.

    Forges change line ends and blanks at them, which is no edit. False for a body that the bot did not write.
    """
    begin = _BEGIN.search(body)
    if begin is None:
        return False
    end = body.find(_END, begin.end())
    return end < 0 or _text_digest(body[begin.end() : end]) != begin[3]


def replaced(body: str, new: str) -> str:
    """A body with the bot's part replaced, and what people wrote around it kept."""
    begin = _BEGIN.search(body)
    if begin is None:
        return new
    end = body.rfind(_END)
    after = body[end + len(_END) :].lstrip("\r\n") if end > begin.start() else ""
    return (body[: begin.start()] + new + (f"\n{after}" if after else ""))[: MAX_BODY + 5_000]


def marked_done(body: str) -> str:
    """A body whose marker says that the bot closed the request."""
    found = marker_in(body)
    return _BEGIN.sub(str(Marker(found.scope, found.change, found.body, done=True)), body, count=1) if found else body


def _text_digest(text: str) -> str:
    """The digest of a text, whatever its line ends and the blanks before them."""
    return digest("\n".join(line.rstrip() for line in text.splitlines()).strip())
