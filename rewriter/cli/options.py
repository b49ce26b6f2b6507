"""Choices that several commands offer."""

from __future__ import annotations

from enum import StrEnum


class Color(StrEnum):
    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"
