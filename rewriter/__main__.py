"""The `cnpfix` command."""

from __future__ import annotations

import errno
import gc
import io
import os
import signal
import sys
from types import FrameType

from rewriter import __version__

_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: What writing to a pipe or file that stdout is can end in, beside a reader that went away.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
#: The variable with which a run that fails prints where.
_TRACEBACK = "CNPFIX_TRACEBACK"


class Stopped(BaseException):
    """A signal that ends the run. Raised wherever the run is, so that everything begun there is undone."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def main() -> int:
    """Runs the command line; returns the exit code: 128 and the signal's number for a run that was stopped."""
    _open_standard_streams()
    if sys.argv[1:] == ["--version"]:  # Answered before anything slow is imported.
        return _print_version()
    # A run makes many small objects that live to its end; collecting them again and again costs a third of it.
    gc.set_threshold(200_000, 50, 50)
    for stopping in _STOPPING:
        if signal.getsignal(stopping) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(stopping, _stop)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # A name that is no text, or that the terminal's charset lacks.
            stream.reconfigure(errors="backslashreplace")
    from rewriter.cli.errors import ReaderGoneError

    try:
        from rewriter.cli import run

        # kubectl finds its plugins by the name of the file.
        plugin = sys.argv[0].rpartition("/")[2].startswith("kubectl-")
        code = run(sys.argv[1:], "kubectl cnpfix" if plugin else "cnpfix")
        sys.stdout.flush()
        # All that is left lives to the end: to look for rubbish in it once more is lost time.
        gc.freeze()
        gc.disable()
        return code
    except (BrokenPipeError, ReaderGoneError):
        _drop_stdout()
        return 128 + signal.SIGPIPE
    except Stopped as stopped:
        print("cnpfix: interrupted; no file was left half written", file=sys.stderr)
        _drop_stdout()
        return 128 + stopped.number
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _FULL and error.filename is None:
            return _not_written(error)
        return _failed(error)


def _failed(error: Exception) -> int:
    """The exit code of a run that a mistake in cnpfix ends: 1 is for findings, and a traceback for those who ask."""
    import traceback

    if os.environ.get(_TRACEBACK):
        traceback.print_exception(error)
    last = traceback.extract_tb(error.__traceback__)[-1]
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    print(
        f"cnpfix: failed at {last.filename.rpartition(os.sep)[2]}:{last.lineno} ({reason:.160}): this is a mistake in "
        f"cnpfix; please report it with the traceback that {_TRACEBACK}=1 prints",
        file=sys.stderr,
    )
    _drop_stdout()
    return 2


def _print_version() -> int:
    try:
        print(f"cnpfix {__version__}", flush=True)
    except BrokenPipeError:
        _drop_stdout()
        return 128 + signal.SIGPIPE
    except OSError as error:
        return _not_written(error)
    return 0


def _not_written(error: OSError) -> int:
    """The exit code of a run whose stdout is full."""
    print(f"cnpfix: stdout: cannot be written: {error.strerror or error}", file=sys.stderr)
    _drop_stdout()
    return 2


def _open_standard_streams() -> None:
    """Gives a process that was started with closed stdin, stdout or stderr an empty one in their place.

    Otherwise the first file that is opened would get the number of stdout, and prints would end in a traceback.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) < 3:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: PTH123, SIM115 - for the life of the process
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115


def _stop(number: int, _frame: FrameType | None) -> None:
    for stopping in _STOPPING:  # What is begun is being undone; another signal must not stop that.
        signal.signal(stopping, signal.SIG_IGN)
    raise Stopped(number)


def _drop_stdout() -> None:
    """What is still buffered for stdout goes nowhere, so that nothing fails at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
