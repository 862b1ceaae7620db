"""The command `harness`, also `python -m harness`: what its verbs raise becomes a sentence and an exit code."""

import os
import sys

# `python -m` looks into the working folder first, where a file of the user's own may be named as a standard module.
STANDARD = os.path.dirname(os.__file__)
sys.path.sort(key=lambda place: place not in (STANDARD, os.path.join(STANDARD, "lib-dynload")))

import errno  # noqa: E402

from harness.commands.cli import app  # noqa: E402
from harness.errors import HarnessError, Interrupted, StoreError  # noqa: E402
from harness.hints import LISTED, shortened  # noqa: E402
from harness.processes import EXIT, interruptible, settle_streams  # noqa: E402
from harness.text import reason  # noqa: E402


def main() -> None:
    """Run the command line; a user's mistake is a sentence and an exit code, never a traceback."""
    settle_streams()
    os.environ["MPLBACKEND"] = "agg"  # figures are files; a notebook's fails at matplotlib's import outside of it
    try:
        try:
            _refuse_no_folder()
            with interruptible():
                app(prog_name="harness")
        finally:
            sys.stdout.flush()
    except Interrupted:
        print("interrupted: finished runs are kept; the same command continues", file=sys.stderr)
        sys.exit(EXIT)
    except HarnessError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        _forget_output()  # `harness list ... | head` is no error
        sys.exit(0)
    except OSError as error:
        print(_sentence(error), file=sys.stderr)
        _forget_output()
        sys.exit(StoreError.exit_code)


def _refuse_no_folder() -> None:
    try:
        os.getcwd()
    except OSError:
        raise StoreError("the working folder was removed; change to one that exists") from None


def _sentence(error: OSError) -> str:
    """Return which file failed, and how; what is full without a name is what the verbs print to."""
    is_output = error.filename is None and error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EIO)
    place = "standard output" if is_output else shortened(str(error.filename or ""), LISTED)
    return ": ".join(filter(None, [place, reason(error)]))


def _forget_output() -> None:
    """Drop what standard output has not taken, lest Python complains at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


if __name__ == "__main__":
    main()
