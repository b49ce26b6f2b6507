"""What stands between cnpfix's marks is what it wrote: an edit is undone, and told."""

from __future__ import annotations

import pytest

from tests.bot.conftest import Lab

BRANCH = "cnpfix/1.19"


def test_the_bots_words_edited_by_a_person_are_restored(lab: Lab) -> None:
    lab.bot()
    stored = lab.api.request(BRANCH)
    written = stored.body
    stored.body = f"Ann's note\n\n{written}".replace("\n", "\r\n").replace("opens", "closes").replace("shop/", "x/")
    ran = lab.bot()
    assert "updated" in ran.out
    assert "edited the text between cnpfix's marks" in " ".join(ran.out.split())
    assert lab.api.request(BRANCH).body.replace("\r\n", "\n") == f"Ann's note\n\n{written}"
    assert "unchanged" in lab.bot().out


@pytest.mark.parametrize("gone", ["<!-- /cnpfix -->", "cnpfix opens"])
def test_a_mark_or_a_word_that_is_gone_is_an_edit_too(lab: Lab, gone: str) -> None:
    lab.bot()
    stored = lab.api.request(BRANCH)
    written = stored.body
    stored.body = written.replace(gone if gone in written else "opens", "", 1)
    assert stored.body != written
    shown = lab.bot("--dry-run")
    assert "edited the text between cnpfix's marks" in " ".join(shown.out.split())
    assert lab.api.request(BRANCH).body != written, "a dry run writes nothing"
    ran = lab.bot()
    assert "edited the text between cnpfix's marks" in " ".join(ran.out.split())
    assert written in lab.api.request(BRANCH).body
    assert "edited the text" not in lab.bot().out


def test_line_ends_that_a_forge_changes_are_no_edit(lab: Lab) -> None:
    lab.bot()
    stored = lab.api.request(BRANCH)
    stored.body = stored.body.replace("\n", "\r\n").rstrip()
    assert "unchanged" in lab.bot().out
