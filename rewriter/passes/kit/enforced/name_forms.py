"""Names in toFQDNs and DNS rules that no release takes as `matchName`, in the form that says the same."""

from __future__ import annotations

from collections.abc import Iterator

from rewriter import patterns as re
from rewriter.finding import Operation

_URL = re.compile(r"(?:[a-z][a-z0-9+.-]*://)?(?P<host>[-a-zA-Z0-9_.]*[a-zA-Z][-a-zA-Z0-9_.]*)(?::\d+)?(?:/.*)?")
_PATTERN = re.compile(r"[-a-zA-Z0-9_.*]*\*[-a-zA-Z0-9_.*]*")


def name_repaired(route: str, value: object) -> Iterator[Operation]:
    """A wildcard as `matchPattern`, and the host of a URL or of `host:port`; nothing for other names.

    `route` and `value` are those of the entry, or of its `matchName`.
    """
    if isinstance(value, dict):
        route, value = f"{route}/matchName", value.get("matchName") if value.keys() == {"matchName"} else None
    if not isinstance(value, str) or not route.endswith("/matchName"):
        return
    written = value.strip()
    entry = route.rpartition("/")[0]
    if _PATTERN.fullmatch(written):
        yield {"op": "remove", "path": route}
        yield {"op": "add", "path": f"{entry}/matchPattern", "value": written}
    elif (url := _URL.fullmatch(written)) is not None and "." in url["host"].strip("."):
        yield {"op": "replace", "path": route, "value": url["host"]}
