"""The last line of a run: one line that fits the screen, and says what was read, found and not checked."""

from __future__ import annotations

import pytest

from rewriter.engine.results.result import NotChecked, Report, Summary
from rewriter.output.ending import summed_up

_MESH = NotChecked("CNP004, CNP006", "no mesh known", "cnpfix init")
_ONE = NotChecked("CNP006", "no mesh known", "cnpfix init")
_CHARTS = NotChecked(
    "all pods of redis (beside 3 policies)", "these charts are not rendered", "--render-fetch pulls them"
)


def _report(policies: int, *not_checked: NotChecked, errors: int = 0, known: int = 0, files: int = 3) -> Report:
    summary = Summary(files=files, policies=policies, errors=errors, known=known)
    return Report(summary, holders=min(files, policies), under="clusters/", not_checked=not_checked)


@pytest.mark.parametrize(
    ("report", "width", "line"),
    [
        (_report(14), 80, "14 policies in 3 files, nothing to report"),
        (_report(1, errors=1), 80, "1 policy in 1 file, nothing to report, 1 error"),
        (_report(2, known=4), 80, "2 policies in 2 files, nothing to report but 4 findings of the baseline"),
        (_report(2, known=4), 60, "2 policies, nothing to report but 4 findings of the baseline"),
        (_report(0), 80, "no policies found in 3 files under clusters/"),
        (_report(0, errors=2), 80, "no policies found in 3 files under clusters/, 2 errors"),
        (
            _report(14, _ONE),
            110,
            "14 policies in 3 files, nothing to report; not checked: CNP006 (no mesh known; cnpfix init)",
        ),
        (_report(1, _ONE), 80, "1 policy, 0 findings; not checked: CNP006 (no mesh known; cnpfix init)"),
        (_report(14, _MESH), 80, "14 policies, 0 findings; CNP004, CNP006 not checked: no mesh known (cnpfix init)"),
    ],
)
def test_it_is_one_line(report: Report, width: int, line: str) -> None:
    assert summed_up(report, width) == [line]


@pytest.mark.parametrize(
    ("not_checked", "width", "line"),
    [
        ((_MESH,), 66, "1234 policies, 0 findings; not checked: 1 thing, see above"),
        ((_MESH,), 72, "1234 policies, 0 findings; not checked: CNP004, CNP006 (no mesh known)"),
        ((_CHARTS,), 80, "1234 policies, 0 findings; not checked: 1 thing, see above"),
        ((_ONE, _CHARTS), 80, "1234 policies, 0 findings; not checked: CNP006 (no mesh known) and 1 more"),
        ((_CHARTS, _ONE), 80, "1234 policies, 0 findings; not checked: 2 things, see above"),
    ],
)
def test_what_does_not_fit_stands_above(not_checked: tuple[NotChecked, ...], width: int, line: str) -> None:
    *above, last = summed_up(_report(1234, *not_checked), width)
    assert last == line
    assert len(last) <= width
    for item in not_checked:
        assert any(str(item) in each for each in above)
