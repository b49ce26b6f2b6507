"""Where the project lives, for the wheel's metadata: it is known when a wheel is built, and not in the sources.

`CNPFIX_REPOSITORY` holds the address of the repository; the release workflow sets it to its own. Without it the
metadata has no URLs.
"""

from __future__ import annotations

import os
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface


class RepositoryUrls(MetadataHookInterface):
    def update(self, metadata: dict[str, Any]) -> None:
        repository = os.environ.get("CNPFIX_REPOSITORY", "").rstrip("/")
        metadata["urls"] = (
            {
                "Homepage": repository,
                "Source": repository,
                "Issues": f"{repository}/issues",
                "Changelog": f"{repository}/blob/main/CHANGELOG.md",
                "Documentation": f"{repository}/tree/main/docs",
            }
            if repository
            else {}
        )
