"""What holds for every test: property tests are judged by what they find, not by how busy the machine is; nothing is
kept in the cache of whoever runs them."""

from __future__ import annotations

import atexit
import gc
import os
import shutil
import sys
import tempfile

from hypothesis import HealthCheck, settings

# The same examples at every run; with CNPFIX_FUZZ=1 others each time.
settings.register_profile(
    "cnpfix",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=not os.environ.get("CNPFIX_FUZZ"),
)
settings.load_profile("cnpfix")

# As the command line has it (`rewriter.__main__`): collecting again and again what lives on takes a sixth of the tests.
gc.set_threshold(200_000, 50, 50)

# The hundreds of processes that tests start find the package compiled, whatever the environment says of that:
# compiling it takes longer than most of them do.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

_CACHE = tempfile.mkdtemp(prefix="cnpfix-tests-")
atexit.register(shutil.rmtree, _CACHE, ignore_errors=True)
os.environ["XDG_CACHE_HOME"] = _CACHE

# What tests write need not outlive a power cut: waiting for the disk takes as long as the rest of a small run.
os.fsync = lambda _descriptor: None  # type: ignore[assignment]
