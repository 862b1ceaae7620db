"""The command line: parse, call, print. No logic."""

import json
import sys
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness import __version__
from harness.commands.options import (
    Compared,
    Device,
    ExportFile,
    FailFast,
    FolderArgument,
    Format,
    Json,
    Only,
    Power,
    ReportFolder,
    Root,
    RunArgument,
    RunRoot,
    Scale,
    Sets,
    SuiteArgument,
    Workers,
)
from harness.errors import HarnessError
from harness.suite.shipped import find_suite, write_template

if TYPE_CHECKING:
    from harness.execution.runner import Again, Request

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Benchmark and compare GAN objectives: a YAML suite in, a report with honest intervals out.\n\n"
    "Start with:  harness run quickstart      (trains for real, about a minute on two cores)",
    epilog="Exit codes: 0 done; 1 some runs failed; 2 the suite or the call is wrong; 3 the results cannot be used; "
    "130 interrupted (the same call goes on from there).",
)


@app.command()
def init(path: Annotated[str, typer.Argument(help="The file to write.")] = "suites/mine.yaml") -> None:
    """Write a commented suite to start from."""
    write_template(Path(path))
    print(f"{path} written. Next: harness plan {path}, then harness run {path}")


@app.command("list")
def list_(
    what: Annotated[str, typer.Argument(help="suites, objectives, architectures, datasets, metrics or extractors.")],
    as_json: Json = False,
) -> None:
    """List what a suite can name."""
    from harness.commands.list import catalogue, render

    entries = catalogue(what)
    print(_json(entries) if as_json else render(entries))


@app.command()
def show(
    architecture: Annotated[str, typer.Argument(help="An architecture's name.")],
    sets: Sets = None,
    shape: Annotated[str | None, typer.Option("--shape", help="Shape of one sample, such as 2 or 3x64x64.")] = None,
    as_json: Json = False,
) -> None:
    """Show an architecture's networks: layers, parameters, multiply-adds."""
    from harness.architectures.summary import render, summarise
    from harness.suite.players import parse_settings, parse_shape

    summary = summarise(architecture, parse_settings(architecture, sets or []), parse_shape(shape))
    print(_json(summary) if as_json else render(summary))


@app.command()
def data(
    dataset: Annotated[str, typer.Argument(help="A data set's name.")],
    sets: Sets = None,
    extractors: Annotated[
        bool, typer.Option("--extractors", help="Train its default extractor, and say how often each is wrong.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Fetch or prepare a data set, and say what it holds; where it cannot be fetched, which file to put where."""
    from harness.commands.data import prepare, render

    found = prepare(dataset, sets or [], extractors)
    print(_json(found) if as_json else render(found))


@app.command()
def plan(
    suite: SuiteArgument,
    scale: Scale = None,
    sets: Sets = None,
    only: Only = None,
    device: Device = "auto",
    workers: Workers = None,
    measure: Annotated[bool, typer.Option("--measure", help="Time a few steps of what was never timed here.")] = False,
    power: Power = None,
    root: Root = "results",
    as_json: Json = False,
) -> None:
    """Say what a suite would train, with which settings, how long, and what it could show. Writes no results."""
    from harness.commands.plan import plan as plan_suite
    from harness.execution.runner import Request
    from harness.plan.screen import render

    request = Request(find_suite(suite), root, scale, sets or [], only or [], device, workers)
    description = plan_suite(request, measure, lambda line: print(line, file=sys.stderr), power)
    print(_json(description) if as_json else render(description))


@app.command()
def run(
    suite: SuiteArgument,
    scale: Scale = None,
    sets: Sets = None,
    only: Only = None,
    device: Device = "auto",
    workers: Workers = None,
    fail_fast: FailFast = False,
    root: Root = "results",
    as_json: Json = False,
) -> None:
    """Train what a suite plans and its results lack, score it, and write the report."""
    from harness.execution.runner import Request

    only, sets = only or [], sets or []
    _carry_out(Request(find_suite(suite), root, scale, sets, only, device, workers, fail_fast=fail_fast), as_json)


@app.command()
def study(
    suite: SuiteArgument,
    scale: Scale = None,
    sets: Sets = None,
    device: Device = "auto",
    workers: Workers = None,
    fail_fast: FailFast = False,
    root: Root = "results",
    as_json: Json = False,
) -> None:
    """Draw settings for every objective as a suite's study says, train them, confirm the best, and write the report."""
    from harness.execution.runner import Request

    asked = Request(find_suite(suite), root, scale, sets or [], (), device, workers, fail_fast=fail_fast, study=True)
    _carry_out(asked, as_json)


@app.command()
def retry(
    folder: FolderArgument,
    only: Only = None,
    workers: Workers = None,
    fail_fast: FailFast = False,
    as_json: Json = False,
) -> None:
    """Train again, as they were planned, the runs of a results folder that failed, or ran out of memory or time."""
    from harness.execution.runner import Again

    _carry_out(Again(folder, only or [], workers, fail_fast=fail_fast), as_json)


@app.command()
def score(
    folder: FolderArgument,
    samples: Annotated[int | None, typer.Option("--samples", min=1, help="As score.samples in a suite.")] = None,
    workers: Workers = None,
    as_json: Json = False,
) -> None:
    """Score finished runs by the metrics of today, from what they keep. Trains nothing."""
    from harness.commands.progress import Reporter
    from harness.execution.runner import render_scores
    from harness.execution.runner import score as score_runs

    with Reporter(quiet=as_json) as reporter:
        result = score_runs(folder, samples, workers, reporter.show)
    print(_json(result) if as_json else render_scores(result))
    raise typer.Exit(1 if result["unscored"] or result["damage"] else 0)


@app.command()
def status(
    folder: FolderArgument = "results",
    watch: Annotated[
        bool, typer.Option("--watch", help="Look again every 2 s, until nothing is left to wait for, or Ctrl-C.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Count a suite's runs by status, with its speed and what is left, from another terminal too while it runs."""
    from harness.commands.status import render, statuses

    if watch:
        from harness.commands.watch import watch as show

        found = show(folder, _say, _json if as_json else None)
    else:
        found = statuses(folder)
        _say(_json(found) if as_json else render(found))
    raise typer.Exit(3 if any(entry["unreadable"] for entry in found) else 0)


@app.command()
def logs(run: RunArgument, root: RunRoot = "results", as_json: Json = False) -> None:
    """Show what became of a run: status, attempts, log, and where its files lie."""
    from harness.commands.logs import logs as logs_of
    from harness.commands.logs import render

    found = logs_of(run, root)
    print(_json(found) if as_json else render(found))


@app.command()
def sample(
    run: RunArgument,
    output: Annotated[
        str, typer.Option("-o", "--output", metavar="FILE", help="An .npz, or a .png of pictures or 2-D data.")
    ],
    n: Annotated[int, typer.Option("-n", "--number", min=1, help="How many samples.")] = 1000,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Of the latents. [default: the run's own]")] = None,
    root: RunRoot = "results",
    as_json: Json = False,
) -> None:
    """Draw fresh samples from a trained run's generator."""
    from harness.commands.sample import render
    from harness.commands.sample import sample as draw

    written = draw(run, root, n, output, seed)
    print(_json(written) if as_json else render(written))


@app.command()
def export(folder: FolderArgument, to: Format, output: ExportFile = None, as_json: Json = False) -> None:
    """Write every planned run for another program (csv, parquet), or a table of cells for a paper (latex, markdown)."""
    from harness.commands.export import STDOUT, render
    from harness.commands.export import export as write

    written = write(folder, to, output)
    print(_json(written) if as_json else render(written), file=sys.stderr if output == STDOUT else sys.stdout)


@app.command()
def doctor(folder: FolderArgument = "results", as_json: Json = False) -> None:
    """Check everything in a results folder: set damage aside, make again what is derived, say what to run again."""
    from harness.commands.doctor import doctor as examine
    from harness.commands.doctor import render

    found = examine(folder)
    print(_json(found) if as_json else render(found))
    raise typer.Exit(1 if any(entry["redo"] for entry in found) else 0)


@app.command()
def verify(folder: FolderArgument = "results", as_json: Json = False) -> None:
    """Check every file against its checksum, and w1 against the kept samples. Writes nothing."""
    from harness.commands.verify import render
    from harness.commands.verify import verify as check

    found = check(folder)
    print(_json(found) if as_json else render(found))
    raise typer.Exit(1 if any(entry["mismatches"] for entry in found) else 0)


@app.command()
def clean(
    folder: FolderArgument = "results",
    yes: Annotated[bool, typer.Option("--yes", help="Remove without asking.")] = False,
    as_json: Json = False,
) -> None:
    """Remove runs no longer planned, references nobody needs, and abandoned temporary files."""
    from harness.commands.clean import leftovers, remove, render

    entries = leftovers(folder)
    if not as_json:
        print(render(entries))
    asked = bool(entries) and not (yes or as_json)
    if asked and not sys.stdin.isatty():
        raise HarnessError("nothing was removed; add --yes to remove these")
    agreed = yes or (asked and typer.confirm("Remove them?"))
    if agreed:
        remove(entries)
    if as_json:
        print(_json({"removed": agreed, "entries": entries}))
    elif entries:
        print("removed" if agreed else "nothing was removed")


@app.command()
def report(
    folders: Annotated[list[str], typer.Argument(help="A results folder, or a root of several; or several to merge.")],
    output: ReportFolder = None,
    as_json: Json = False,
) -> None:
    """Write the report of a results folder again, from its records; of several folders named one report together."""
    from harness.report.rebuild import rebuild_reports

    written = rebuild_reports(folders, output, lambda line: print(line, file=sys.stderr))
    print(_json(written) if as_json else "\n".join(written))


@app.command()
def compare(what: Compared, as_json: Json = False) -> None:
    """Say what changed from A to B: scores, with intervals paired by seed, settings, machines and versions."""
    from harness.commands.compare import compare as compare_sides
    from harness.report.comparison.comparison_text import render

    found = compare_sides(what)
    print(_json(found) if as_json else render(found))


@app.command()
def bench(
    what: Annotated[
        str,
        typer.Argument(
            help="engine or images: stacks of toy or dcgan runs against a plain loop; study: a study in stacks against "
            "one run after another."
        ),
    ] = "engine",
    as_json: Json = False,
) -> None:
    """Measure what training costs on this machine: a generator step, or a whole study. Takes three to ten minutes."""
    from harness.commands.bench import bench as run_bench

    found = run_bench(what, lambda line: None if as_json else print(line, flush=True))
    print(_json(found) if as_json else "{host_cpu}, {platform}, torch {torch}".format(**found["machine"]))


@app.command()
def schema() -> None:
    """Print the JSON schema of suites, for editors."""
    print((files("harness") / "suite.schema.json").read_text(encoding="utf-8"), end="")


@app.callback(invoke_without_command=True)
def version(show_version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """Answer --version."""
    if show_version:
        print(f"harness {__version__}")
        raise typer.Exit


def _carry_out(request: "Request | Again", as_json: bool) -> None:
    """Train, with a bar; print the result and leave with its exit code."""
    from harness.commands.progress import Reporter
    from harness.execution.runner import run

    with Reporter(quiet=as_json) as reporter:
        result = run(request, reporter.show)
    print(_json(result.to_json()) if as_json else result.render())
    raise typer.Exit(result.exit_code)


def _say(text: str) -> None:
    print(text, flush=True)


def _json(value: Any) -> str:
    """Return plain data as JSON for people. Raises ValueError for a number that is not finite."""
    return json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False)
