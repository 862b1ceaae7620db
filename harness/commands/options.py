"""Arguments and options of the commands, each declared once, and the groups of verbs in `harness --help`."""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from harness.disk.files import refuse_long
from harness.hints import QUOTED, shortened

RUN, INSPECT, MAINTAIN = "Run", "Inspect", "Maintain"


class Verbs(TyperGroup):
    """Lists the commands by the panel each was declared with."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Look the verb up; where it is long, in an error that quotes it short."""
        return super().resolve_command(ctx, [shortened(args[0], QUOTED), *args[1:]])

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write a section a panel."""
        width = max(map(len, self.commands))
        for panel in (RUN, INSPECT, MAINTAIN):
            verbs = [(name, verb) for name, verb in self.commands.items() if verb.rich_help_panel == panel]  # type: ignore[attr-defined]
            with formatter.section(panel):
                formatter.write_dl([(f"{name:<{width}}", verb.get_short_help_str(200)) for name, verb in verbs])


def fitting(paths: Any) -> Any:
    """Return a path, or several, as given. Raises HarnessError where a file system could not hold one."""
    for path in [paths] if isinstance(paths, str) else paths or ():
        refuse_long(path)
    return paths


NewFile = Annotated[str, typer.Argument(help="The file to write.", callback=fitting)]


def shipped_suites(incomplete: str) -> list[str]:
    """Return the names of shipped suites that a shell may complete a word to; of none it offers files."""
    from harness.suite.shipped import suites_folder

    return sorted(path.stem for path in suites_folder().glob("*.yaml") if path.stem.startswith(incomplete))


def listed_tables(incomplete: str) -> list[str]:
    """Return the tables of `harness list` that a shell may complete a word to."""
    from harness.commands.list import TABLES

    return [name for name in TABLES if name.startswith(incomplete)]


SuiteArgument = Annotated[
    str,
    typer.Argument(
        help="A suite file, or the name of a shipped suite.", callback=fitting, autocompletion=shipped_suites
    ),
]
FolderArgument = Annotated[
    str, typer.Argument(help="The results folder of a suite, or a root of several.", callback=fitting)
]
FinishedArgument = Annotated[str, typer.Argument(help="The finished results folder of a suite.", callback=fitting)]
FoldersArgument = Annotated[
    list[str], typer.Argument(help="Results folders, or a root of several; several are merged.", callback=fitting)
]
RunArgument = Annotated[str, typer.Argument(help="A run_id, or an unambiguous beginning of one.")]
DatasetArgument = Annotated[str, typer.Argument(help="The name of a data set.")]
ArchitectureArgument = Annotated[str, typer.Argument(help="The name of an architecture.")]
ListArgument = Annotated[
    str,
    typer.Argument(
        help="suites, objectives, architectures, datasets, penalties, tricks, metrics, extractors or plugins.",
        autocompletion=listed_tables,
    ),
]
BenchArgument = Annotated[
    str,
    typer.Argument(
        help="engine, images or gpu: stacks against a plain loop; study: against single runs; compiled: torch.compile "
        "against eager; diagnostics: of critics; suite: 875 runs, first step to report; cores: all against one; "
        "scoring: against POT; report: of 2,025 runs; growth, scaling: of time and memory."
    ),
]
BenchFigure = Annotated[
    str | None,
    typer.Option(
        "-o", "--output", metavar="FILE", help="Of growth and scaling: a .png, a panel an axis.", callback=fitting
    ),
]
CompareArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="A B", help="Two results folders; or one, and two objectives or architectures.", callback=fitting
    ),
]
FileA = Annotated[str, typer.Argument(metavar="A", help="A csv, npy or npz file: a point a line.", callback=fitting)]
FileB = Annotated[str, typer.Argument(metavar="B", help="Another file.", callback=fitting)]

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Scale = Annotated[str | None, typer.Option("--scale", help="Use the settings of this scale of the suite.")]
Sets = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a setting; repeatable.")]
Only = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="KEY=VALUE,..", help="Train only these, such as objective=wgan-gp,dataset=ring."),
]
Device = Annotated[str, typer.Option("--device", help="cpu, cuda or auto.")]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=0,
        max=1024,
        help="Processes, of which some train where there are GPUs; 0: this one. [default: one a core]",
    ),
]
Executor = Annotated[
    str, typer.Option("--executor", help="Train in processes of this machine (local), or on Ray (ray).")
]
Address = Annotated[
    str | None,
    typer.Option(
        "--address", metavar="A", help="Of a Ray cluster: auto, HOST:PORT or ray://HOST:PORT. [default: one of its own]"
    ),
]
WatchPage = Annotated[bool, typer.Option("--watch", help="Keep one page current during training; it reloads itself.")]
FailFast = Annotated[bool, typer.Option("--fail-fast", help="Stop at the first run that fails.")]
Root = Annotated[str, typer.Option("-o", "--output", metavar="ROOT", help="Keep results under ROOT.", callback=fitting)]
RunRoot = Annotated[
    str, typer.Option("--root", metavar="ROOT", help="The results folder, or a root of several.", callback=fitting)
]
Array = Annotated[int, typer.Option("--array", min=1, max=10_000, help="Tasks that share the runs.")]
Cpus = Annotated[int, typer.Option("--cpus", min=1, max=1024, help="Processor cores a task.")]
Gpus = Annotated[int, typer.Option("--gpus", min=0, max=64, help="GPUs a task.")]
Hours = Annotated[float, typer.Option("--hours", min=0.1, max=10_000, help="After which a task is stopped.")]
Sbatch = Annotated[
    list[str] | None,
    typer.Option("--sbatch", metavar="OPTION=VALUE", help="Another option of sbatch, as partition=gpu; repeatable."),
]
Probe = Annotated[bool, typer.Option("--probe", help="Only try whether ROOT can be shared; print a sentence.")]
Measure = Annotated[bool, typer.Option("--measure", help="Time a few steps of every stack without timings.")]
Power = Annotated[
    float | None,
    typer.Option("--power", metavar="EFFECT", help="The seeds needed to detect this effect: Cohen's d, paired."),
]
Ground = Annotated[
    str,
    typer.Option(
        "--ground",
        metavar="COST",
        help="Of EMD: euclidean, sqeuclidean, l1, discrete, saturating:0.1, or a file with a cost matrix.",
        callback=fitting,
    ),
]
Histogram = Annotated[bool, typer.Option("--histogram", help="Each file is one row or column of masses of bins.")]
Bins = Annotated[int | None, typer.Option("--bins", min=1, help="Cells a coordinate, to count points in.")]
Samples = Annotated[int | None, typer.Option("--samples", min=1, max=10**9, help="As score.samples in a suite.")]
ObjectiveOfNorm = Annotated[
    str | None,
    typer.Option("--objective", metavar="NAME", help="Give the critic the norm that this objective usually has."),
]
Batch = Annotated[int, typer.Option("--batch", help="Samples in a batch.", min=1)]
Shape = Annotated[str | None, typer.Option("--shape", help="Shape of one sample, such as 2 or 3x64x64.")]
Extractors = Annotated[bool, typer.Option("--extractors", help="Train its default extractor; print error rates.")]
Features = Annotated[
    str | None,
    typer.Option(
        "--features", metavar="NAME", help="Look at its images with this extractor; -o FILE.npz exports that."
    ),
]
Imported = Annotated[
    str | None,
    typer.Option("--import", metavar="FILE", help="Take what --features exported from FILE.npz.", callback=fitting),
]
Source = Annotated[
    str | None,
    typer.Option("--from", metavar="DIR", help="Take its files from wherever they lie below DIR.", callback=fitting),
]
SheetFile = Annotated[
    str | None,
    typer.Option("-o", "--output", metavar="FILE", help="Write the sheet to this .png.", callback=fitting),
]
Watch = Annotated[bool, typer.Option("--watch", help="Refresh every 2 s until all is done, or Ctrl-C.")]
Number = Annotated[
    int | None,
    typer.Option(
        "-n", "--number", min=1, max=10**9, help="How many samples, or paths. [default: 1000; of the two below 8]"
    ),
]
Interpolate = Annotated[
    int | None,
    typer.Option("--interpolate", metavar="N", min=2, max=10**6, help="Draw paths of N samples between two latents."),
]
NearestImages = Annotated[
    bool, typer.Option("--nearest", help="Of images: the nearest training images, by pixels and by features.")
]
Seed = Annotated[
    int | None, typer.Option("--seed", min=0, max=2**63 - 1, help="Of the latents. [default: the seed of the run]")
]
Step = Annotated[
    int | None,
    typer.Option(
        "--step", min=0, help="Of the weights: one that the suite's `train: {keep: ...}` kept. [default: the last]"
    ),
]
SampleFile = Annotated[
    str,
    typer.Option("-o", "--output", metavar="FILE", help="An .npz, or a .png of images or 2-D data.", callback=fitting),
]
Format = Annotated[
    str,
    typer.Option(
        "--to",
        metavar="FORMAT",
        help="csv, parquet, latex, markdown, optuna, tensorboard, or FILE.py with write(run).",
        callback=fitting,
    ),
]
ExportFile = Annotated[
    str | None,
    typer.Option(
        "-o",
        "--output",
        metavar="FILE",
        help="- is standard output. [default: <suite>.csv, .parquet, .tex, .md, .db or .tensorboard, here]",
        callback=fitting,
    ),
]
PublishedFile = Annotated[
    str | None,
    typer.Option("-o", "--output", metavar="FILE", help="[default: <suite>.zip, here]", callback=fitting),
]
ReportFolder = Annotated[
    str | None, typer.Option("-o", "--output", metavar="DIR", help="Where to write the report.", callback=fitting)
]
EveryCell = Annotated[
    bool,
    typer.Option("--every-cell", help="Also draw losses, estimate, samples and an animation of every cell, in cells/."),
]
Yes = Annotated[bool, typer.Option("--yes", help="Remove without asking.")]
