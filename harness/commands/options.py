"""Arguments and options that several commands share."""

from typing import Annotated

import typer

SuiteArgument = Annotated[str, typer.Argument(help="A suite file, or the name of a shipped suite.")]
FolderArgument = Annotated[str, typer.Argument(help="A suite's results folder, or a root of several.")]
Compared = Annotated[
    list[str],
    typer.Argument(metavar="A B", help="Two results folders; or one, then two of its objectives or architectures."),
]
Format = Annotated[str, typer.Option("--to", metavar="FORMAT", help="csv, parquet, latex, markdown or optuna.")]
ExportFile = Annotated[
    str | None,
    typer.Option(
        "-o",
        "--output",
        metavar="FILE",
        help="- is standard output. [default: <suite>.csv, .parquet, .tex, .md or .db, here]",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Power = Annotated[
    float | None,
    typer.Option("--power", metavar="EFFECT", help="Count the seeds that would show this effect: Cohen's d, paired."),
]
ReportFolder = Annotated[str | None, typer.Option("-o", "--output", metavar="DIR", help="Where to write the report.")]
Root = Annotated[str, typer.Option("-o", "--output", metavar="ROOT", help="Keep results under ROOT.")]
Scale = Annotated[str | None, typer.Option("--scale", help="Use the suite's settings of this name, such as paper.")]
Sets = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a setting; repeat for several.")
]
Only = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="KEY=VALUE,..", help="Train only these, such as objective=wgan-gp,dataset=ring."),
]
RunArgument = Annotated[str, typer.Argument(help="A run_id, or a beginning that no other run has.")]
RunRoot = Annotated[
    str, typer.Option("--root", metavar="ROOT", help="The results folder to look in, or a root of several.")
]
Workers = Annotated[
    int | None, typer.Option("--workers", min=0, max=1024, help="Processes; 0 is this one. [default: one a core]")
]
FailFast = Annotated[bool, typer.Option("--fail-fast", help="End at the first run that fails.")]
Device = Annotated[str, typer.Option("--device", help="cpu, cuda or auto.")]
