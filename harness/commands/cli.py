"""The command line: parse, call, print. No logic."""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from harness import __version__
from harness.commands import options as o
from harness.errors import HarnessError
from harness.processes import collecting_no_garbage
from harness.suite.shipped import find_suite, write_template

if TYPE_CHECKING:
    from harness.execution.requests import Request, Retry

T = TypeVar("T")
Command = TypeVar("Command", bound=Callable[..., None])

app = typer.Typer(
    cls=o.Verbs,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Benchmark and compare GAN objectives: a YAML suite in, a report with confidence intervals out.",
    epilog="Exit codes: 0 done; 1 some runs failed; 2 the suite or the call is wrong; 3 the results cannot be used; "
    "130 interrupted (the same command continues).\n\nExample: harness run quickstart",
)


def verb(panel: str, example: str, name: str | None = None) -> Callable[[Command], Command]:
    """Declare a command of a panel of `harness --help`; its own help ends with the example."""
    return app.command(name, rich_help_panel=panel, epilog=f"Example: harness {example}")


@verb(o.RUN, "init suites/mine.yaml")
def init(path: o.NewFile = "suites/mine.yaml") -> None:
    """Write a commented suite to start from."""
    write_template(Path(path))
    print(f"{path} written. Next: harness plan {path}, then harness run {path}")


@verb(o.INSPECT, "list objectives", "list")
def list_(what: o.ListArgument, as_json: o.Json = False) -> None:
    """List what a suite can name."""
    from harness.commands.list import catalogue, render

    _print(catalogue(what), render, as_json)


@verb(o.INSPECT, "show dcgan --set width=8")
def show(
    architecture: o.ArchitectureArgument,
    sets: o.Sets = None,
    shape: o.Shape = None,
    objective: o.ObjectiveOfNorm = None,
    batch: o.Batch = 1,
    as_json: o.Json = False,
) -> None:
    """Show the layers, parameters and cost of an architecture."""
    from harness.architectures.summary import render, summarise
    from harness.suite.players import parse_settings, parse_shape

    summary = summarise(architecture, parse_settings(architecture, sets or [], objective), parse_shape(shape))
    _print(summary, lambda summary: render(summary, batch), as_json)


@verb(o.MAINTAIN, "data mnist --from ~/Downloads -o sheet.png")
def data(
    dataset: o.DatasetArgument,
    sets: o.Sets = None,
    source: o.Source = None,
    sheet: o.SheetFile = None,
    extractors: o.Extractors = False,
    features: o.Features = None,
    imported: o.Imported = None,
    as_json: o.Json = False,
) -> None:
    """Fetch or prepare a data set; describe it and draw samples.

    Where it cannot be fetched, the message says which files --from needs.
    """
    from harness.commands.data import prepare, render

    _print(prepare(dataset, sets or [], extractors, source, sheet, features, imported), render, as_json)


@verb(o.RUN, "plan quickstart --set seeds=10 --power 0.8")
def plan(
    suite: o.SuiteArgument,
    scale: o.Scale = None,
    sets: o.Sets = None,
    only: o.Only = None,
    device: o.Device = "auto",
    workers: o.Workers = None,
    measure: o.Measure = False,
    power: o.Power = None,
    root: o.Root = "results",
    as_json: o.Json = False,
) -> None:
    """Print the runs, settings, cost and power of a suite.

    Trains nothing, and writes no results.
    """
    from harness.execution.requests import Request

    request = Request(find_suite(suite), root, scale, sets or [], only or [], device, workers)
    from harness.commands.plan import plan as plan_suite
    from harness.plan.screen import render

    with collecting_no_garbage():
        _print(plan_suite(request, measure, _warn, power), render, as_json)


@verb(o.RUN, "run quickstart")
def run(
    suite: o.SuiteArgument,
    scale: o.Scale = None,
    sets: o.Sets = None,
    only: o.Only = None,
    device: o.Device = "auto",
    workers: o.Workers = None,
    executor: o.Executor = "local",
    address: o.Address = None,
    watch: o.WatchPage = False,
    fail_fast: o.FailFast = False,
    root: o.Root = "results",
    as_json: o.Json = False,
) -> None:
    """Train and score the missing runs of a suite, and report.

    Finished runs are kept; the same command continues after an interruption.
    """
    from harness.execution.requests import Request

    only, sets = only or [], sets or []
    path = find_suite(suite)
    given = path, root, scale, sets, only, device, workers
    _carry_out(Request(*given, fail_fast=fail_fast, watch=watch, executor=executor, address=address), as_json)


@verb(o.RUN, "study suites/tuning/quickstart.yaml")
def study(
    suite: o.SuiteArgument,
    scale: o.Scale = None,
    sets: o.Sets = None,
    device: o.Device = "auto",
    workers: o.Workers = None,
    executor: o.Executor = "local",
    address: o.Address = None,
    watch: o.WatchPage = False,
    fail_fast: o.FailFast = False,
    root: o.Root = "results",
    as_json: o.Json = False,
) -> None:
    """Tune every objective as the study of a suite says.

    Draws settings, trains them, confirms the best on fresh seeds, and writes the report.
    """
    from harness.execution.requests import Request

    given = find_suite(suite), root, scale, sets or [], (), device, workers
    request = Request(*given, fail_fast=fail_fast, watch=watch, study=True, executor=executor, address=address)
    _carry_out(request, as_json)


@verb(o.RUN, "retry results/quickstart")
def retry(
    folder: o.FolderArgument,
    only: o.Only = None,
    workers: o.Workers = None,
    executor: o.Executor = "local",
    address: o.Address = None,
    watch: o.WatchPage = False,
    fail_fast: o.FailFast = False,
    as_json: o.Json = False,
) -> None:
    """Train again the runs that failed, as they were planned.

    Also those that ran out of memory or time.
    """
    from harness.execution.requests import Retry

    given = folder, only or [], workers
    _carry_out(Retry(*given, fail_fast=fail_fast, watch=watch, executor=executor, address=address), as_json)


@verb(o.RUN, "score results/quickstart --samples 5000")
def score(
    folder: o.FolderArgument, samples: o.Samples = None, workers: o.Workers = None, as_json: o.Json = False
) -> None:
    """Score finished runs with the current metrics.

    Reads the snapshots and weights that the runs keep; trains nothing.
    """
    from harness.commands.progress import Reporter
    from harness.execution import runner

    with Reporter(quiet=as_json) as reporter:
        result = runner.score(folder, samples, workers, reporter.show)
    _print(result, runner.render_scores, as_json)
    raise typer.Exit(1 if result.unscored or result.damage else 0)


@verb(o.INSPECT, "status --watch")
def status(folder: o.FolderArgument = "results", watch: o.Watch = False, as_json: o.Json = False) -> None:
    """Count runs by status; print speed and time left.

    Also from another terminal while a run is in progress.
    """
    from harness.commands.status import render, statuses

    if watch:
        from harness.commands.watch import watch as show

        entries = show(folder, _say, _json if as_json else None)
    else:
        entries = statuses(folder)
        _print(entries, render, as_json)
    raise typer.Exit(3 if any(entry.unreadable for entry in entries) else 0)


@verb(o.INSPECT, "logs 3f2a")
def logs(run: o.RunArgument, root: o.RunRoot = "results", as_json: o.Json = False) -> None:
    """Show the status, attempts, log and files of a run."""
    from harness.commands import logs as command

    _print(command.logs(run, root), command.render, as_json)


@verb(o.INSPECT, "sample 3f2a -n 64 -o samples.png")
def sample(
    run: o.RunArgument,
    output: o.SampleFile,
    n: o.Number = None,
    seed: o.Seed = None,
    step: o.Step = None,
    interpolate: o.Interpolate = None,
    nearest: o.NearestImages = False,
    root: o.RunRoot = "results",
    as_json: o.Json = False,
) -> None:
    """Draw new samples from the generator of a run.

    Also paths between two samples, or of images the training images nearest to each.
    """
    from harness.commands import sample as command

    _print(command.sample(run, root, n, output, seed, step, interpolate, nearest), command.render, as_json)


@verb(o.INSPECT, "export results/quickstart --to csv")
def export(folder: o.FolderArgument, to: o.Format, output: o.ExportFile = None, as_json: o.Json = False) -> None:
    """Write results as tables, event files, or to your own tracker.

    csv and parquet hold every planned run; latex and markdown a table of cells for a paper; optuna (a database) the
    trials of a study; tensorboard the curves, scores and samples of every finished run, a folder each. A Python file,
    such as wandb_sink.py, has its function write(run) called with each of these.
    """
    from harness.commands import export as command

    _print(command.export(folder, to, output), command.render, as_json, to_stderr=output == command.STDOUT)


@verb(o.INSPECT, "publish results/quickstart -o anna.zip")
def publish(folder: o.FinishedArgument, output: o.PublishedFile = None, as_json: o.Json = False) -> None:
    """Write finished results as one file, to give to others.

    Tables, checksums, machines and versions; report, compare, export, verify and harness.load read it as a folder.
    """
    from harness.commands import export as command

    _print(command.publish(folder, output), lambda written: command.render([written]), as_json)


@verb(o.MAINTAIN, "doctor results/quickstart")
def doctor(folder: o.FolderArgument = "results", as_json: o.Json = False) -> None:
    """Check and repair results folders.

    Sets damaged files aside, makes derived files again, and says which runs to train or score again.
    """
    from harness.commands import doctor as command

    entries = command.doctor(folder)
    _print(entries, command.render, as_json)
    raise typer.Exit(1 if any(entry.redo for entry in entries) else 0)


@verb(o.MAINTAIN, "verify results/quickstart")
def verify(folder: o.FolderArgument = "results", as_json: o.Json = False) -> None:
    """Verify checksums, and w1 against the kept samples.

    Of a published file the checksums of its tables. Writes nothing.
    """
    from harness.commands import verify as command

    entries = command.verify(folder)
    _print(entries, command.render, as_json)
    raise typer.Exit(1 if any(entry.mismatches for entry in entries) else 0)


@verb(o.MAINTAIN, "clean results/quickstart")
def clean(folder: o.FolderArgument = "results", yes: o.Yes = False, as_json: o.Json = False) -> None:
    """Remove what a results folder no longer needs.

    Runs that are no longer planned, references of no planned run, and abandoned temporary files.
    """
    from harness.commands.clean import leftovers, remove, render

    entries = leftovers(folder)
    if not as_json:
        print(render(entries))
    asks = bool(entries) and not (yes or as_json)
    if asks and not sys.stdin.isatty():
        raise HarnessError("nothing was removed; add --yes to remove these")
    removes = yes or (asks and typer.confirm("Remove them?"))
    removed = remove(folder, entries) if removes else []
    if as_json:
        print(_json({"removed": removes, "entries": removed if removes else entries}))
    elif entries:
        spared = len(entries) - len(removed)
        planned = f"; {spared} of them are needed again, and kept" if spared else ""
        print(f"removed{planned}" if removes else "nothing was removed")


@verb(o.INSPECT, "report results/quickstart")
def report(
    folders: o.FoldersArgument,
    output: o.ReportFolder = None,
    every_cell: o.EveryCell = False,
    as_json: o.Json = False,
) -> None:
    """Write the report again, of one results folder or several.

    From the records alone, of published files from their tables; several that are named make one report.
    """
    from harness.report.rebuild import rebuild_reports

    _print(rebuild_reports(folders, output, _warn, every_cell), "\n".join, as_json)


@verb(o.INSPECT, "compare results/quickstart results/reference/quickstart")
def compare(what: o.CompareArgument, as_json: o.Json = False) -> None:
    """Compare two results folders, objectives or architectures.

    Differences of scores with intervals paired by seed, and of settings, machines and versions.
    """
    from harness.commands.compare import compare as compare_sides
    from harness.report.comparison.comparison_text import render

    _print(compare_sides(what), render, as_json)


@verb(o.INSPECT, "distance a.csv b.csv --histogram --ground saturating:0.1")
def distance(
    a: o.FileA,
    b: o.FileB,
    ground: o.Ground = "euclidean",
    histogram: o.Histogram = False,
    bins: o.Bins = None,
    as_json: o.Json = False,
) -> None:
    """Measure distances between two files of points or histograms.

    W1, W2, sliced W1 and the Earth mover's distance (EMD); of histograms, and of points counted in cells, also L1, L2,
    TV, KL and JS.
    """
    from harness.metrics.distances import Distances, distances

    _print(distances(a, b, ground, histogram, bins), Distances.render, as_json)


@verb(o.MAINTAIN, "bench images")
def bench(what: o.BenchArgument = "engine", as_json: o.Json = False, output: o.BenchFigure = None) -> None:
    """Measure the cost of training, scoring, planning and reporting.

    Takes three to ten minutes, and a clone of the repository. With --json the table goes to standard error.
    """
    from harness.commands.bench import bench as run_bench

    result = run_bench(what, partial(print, file=sys.stderr) if as_json else _say, output)
    _print(result, lambda result: "{host_cpu}, {platform}, torch {torch}".format(**result["machine"]), as_json)


@verb(o.MAINTAIN, "slurm robustness --array 4 --gpus 1 > job.sh")
def slurm(
    suite: o.SuiteArgument,
    scale: o.Scale = None,
    sets: o.Sets = None,
    only: o.Only = None,
    root: o.Root = "results",
    array: o.Array = 1,
    cpus: o.Cpus = 8,
    gpus: o.Gpus = 0,
    hours: o.Hours = 4.0,
    sbatch: o.Sbatch = None,
    probe: o.Probe = False,
) -> None:
    """Print a job file for Slurm: tasks that share the runs of a suite.

    The results must lie in a folder that all nodes share; --probe tries it, under srun from several nodes.
    """
    from harness.commands import slurm as jobs

    path, job = find_suite(suite), jobs.Job(array, cpus, gpus, hours, sbatch or [])
    print(jobs.probe(root) if probe else jobs.batch_file(path, jobs.options(root, scale, sets, only), job))


@verb(o.MAINTAIN, "schema > suite.schema.json")
def schema() -> None:
    """Print the JSON schema of suites, for editors."""
    print((files("harness") / "suite.schema.json").read_text(encoding="utf-8"), end="")


@app.callback(invoke_without_command=True)
def version(show_version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """Answer --version."""
    if show_version:
        print(f"harness {__version__}")
        raise typer.Exit


def _carry_out(request: "Request | Retry", as_json: bool) -> None:
    """Train, with a bar; print the result and leave with its exit code."""
    from harness.commands.progress import Reporter
    from harness.execution.runner import RunResult, run

    with Reporter(quiet=as_json) as reporter:
        result = run(request, reporter.show)
    _print(result, RunResult.render, as_json)
    raise typer.Exit(result.exit_code)


def _print(result: T, render: Callable[[T], str], as_json: bool, to_stderr: bool = False) -> None:
    print(_json(result) if as_json else render(result), file=sys.stderr if to_stderr else sys.stdout, flush=True)


def _say(line: str) -> None:
    print(line, flush=True)


def _warn(line: str) -> None:
    print(line, file=sys.stderr)


def _json(value: object) -> str:
    """Return plain data as JSON for people. Raises ValueError for a number that is not finite."""
    return json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> object:
    return value.to_json() if hasattr(value, "to_json") else asdict(value)
