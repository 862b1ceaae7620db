"""How the command line prints what it is given."""

import json
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from harness.execution.runner import Again, Request


def carry_out(request: "Request | Again", as_json: bool) -> None:
    """Train, with a bar; print the result and leave with its exit code."""
    from harness.commands.progress import Reporter
    from harness.execution.runner import run

    with Reporter(quiet=as_json) as reporter:
        result = run(request, reporter.show)
    print(json_text(result.to_json()) if as_json else result.render())
    raise typer.Exit(result.exit_code)


def say(text: str) -> None:
    """Print a line at once."""
    print(text, flush=True)


def json_text(value: Any) -> str:
    """Return plain data as JSON for people. Raises ValueError for a number that is not finite."""
    return json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False)
