"""What is kept between runs: one folder, entries by what they were made from, never trusted more than a checksum."""

from rewriter.cache.folder import NO_CACHE, CacheFolder, default_folder

__all__ = ["NO_CACHE", "CacheFolder", "default_folder"]
