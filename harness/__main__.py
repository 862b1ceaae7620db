"""The command `harness`, also `python -m harness`: what its verbs raise becomes a sentence and an exit code."""

import sys

from harness.commands.cli import app
from harness.commands.interrupts import EXIT, Interrupted, interruptible
from harness.errors import HarnessError


def main() -> None:
    """Run the command line; a user's mistake is a sentence and an exit code, never a traceback."""
    try:
        with interruptible():
            app(prog_name="harness")
    except Interrupted:
        print("interrupted: finished runs are kept; the same command continues", file=sys.stderr)
        sys.exit(EXIT)
    except HarnessError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()  # `harness list ... | head` is no error
        sys.exit(0)


if __name__ == "__main__":
    main()
