"""The `cnpfix` command."""

from __future__ import annotations

import gc
import os
import signal
import sys


def main() -> int:
    """Runs the command line; returns the exit code."""
    if sys.argv[1:] == ["--version"]:  # Answered before anything slow is imported.
        from rewriter import __version__

        print(f"cnpfix {__version__}")
        return 0
    # A run makes many small objects that live to its end; collecting them again and again costs a third of it.
    gc.set_threshold(200_000, 50, 50)
    from rewriter.cli import run

    try:
        # kubectl finds its plugins by the name of the file.
        plugin = sys.argv[0].rpartition("/")[2].startswith("kubectl-")
        code = run(sys.argv[1:], "kubectl cnpfix" if plugin else "cnpfix")
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # The reader went away (`| head`); nothing is left to tell it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except KeyboardInterrupt:
        print("cnpfix: interrupted; no file was left half written", file=sys.stderr)
        return 128 + signal.SIGINT


if __name__ == "__main__":
    sys.exit(main())
