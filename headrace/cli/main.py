"""The `headrace` command.

Nothing heavy is imported here: `--help` answers before an engine could load.
"""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Raw event data in, trustworthy XGBoost models and scores out.",
)

Project = Annotated[Path, typer.Argument(help="A project folder, or one of its files.", show_default=False)]
PlaceFile = Annotated[str | None, typer.Option("--place", metavar="FILE", help="Where it runs; without it, here.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON, a line for each event or finding, instead of text.")]


@app.command()
def sample(
    name: Annotated[str, typer.Argument(help="Which sample: flights.")],
    to: Annotated[Path, typer.Option(help="The folder to write it into.")] = Path("raw"),
    months: Annotated[str | None, typer.Option(help="Only these months, e.g. 1-10.")] = None,
) -> None:
    """Unpack a real data set to try things on."""
    from headrace.cli import commands

    raise typer.Exit(commands.sample(name, to, months))


@app.command()
def validate(paths: Annotated[list[Path], typer.Argument(help="Project folders, their files, place files.")]) -> None:
    """Check project files; every fault at once, with file, line and key."""
    from headrace.cli import commands

    raise typer.Exit(commands.validate(paths))


@app.command()
def schema(kind: Annotated[str, typer.Argument(help="dataset, model or place.")]) -> None:
    """Print the JSON schema of a kind of project file, for editors."""
    from headrace.cli import commands

    raise typer.Exit(commands.schema(kind))


@app.command()
def doctor(place: PlaceFile = None, as_json: AsJson = False) -> None:
    """Check Python, Java, jars, slots, ports and disk; print the cure of each finding."""
    from headrace.cli import commands

    raise typer.Exit(commands.doctor(place, as_json=as_json))


@app.command()
def plan(
    config: Annotated[Path, typer.Argument(help="A data-set file.")],
    abandon: Annotated[int | None, typer.Option(help="Free the files of this open plan.")] = None,
    place: PlaceFile = None,
    as_json: AsJson = False,
) -> None:
    """Show what the next ingest would take, or abandon the open plan."""
    from headrace.cli import commands

    raise typer.Exit(commands.plan(config, abandon, place, as_json=as_json))


@app.command()
def ingest(
    project: Project,
    watch: Annotated[
        str | None, typer.Option(metavar="PAUSE", help="Take files of one data set as they come, looking so often.")
    ] = None,
    place: PlaceFile = None,
    as_json: AsJson = False,
) -> None:
    """Files → events and quarantine, every row once and accounted for."""
    from headrace.cli import commands

    if watch is not None:
        raise typer.Exit(commands.watch(project, place, watch, as_json=as_json))
    _steps(project, place, "ingest", as_json=as_json)


@app.command()
def features(project: Project, place: PlaceFile = None, as_json: AsJson = False) -> None:
    """Due rows → feature columns."""
    _steps(project, place, "features", as_json=as_json)


@app.command()
def examples(project: Project, place: PlaceFile = None, as_json: AsJson = False) -> None:
    """Features + labels → the frozen training set."""
    _steps(project, place, "examples", as_json=as_json)


@app.command()
def train(project: Project, place: PlaceFile = None, as_json: AsJson = False) -> None:
    """Examples → a bundle, which becomes the live one."""
    _steps(project, place, "train", as_json=as_json)


@app.command()
def evaluate(project: Project, place: PlaceFile = None, as_json: AsJson = False) -> None:
    """Exact metrics of the live bundle on valid and test, by slice."""
    _steps(project, place, "evaluate", as_json=as_json)


@app.command()
def score(project: Project, place: PlaceFile = None, as_json: AsJson = False) -> None:
    """Due rows the live bundle has not scored → scores."""
    _steps(project, place, "score", as_json=as_json)


@app.command()
def report(project: Project, place: PlaceFile = None, as_json: AsJson = False) -> None:
    """One HTML file a person would want to look at, and the same as JSON."""
    _steps(project, place, "report", as_json=as_json)


@app.command()
def status(project: Project, place: PlaceFile = None, as_json: AsJson = False) -> None:
    """Per table: version, rows, files, size; low-water, open plan, sum of all accounts, live bundle."""
    from headrace.cli import commands

    raise typer.Exit(commands.status(project, place, as_json=as_json))


@app.command()
def history(
    project: Project,
    most: Annotated[int, typer.Option(min=1, help="How many commits.")] = 20,
    place: PlaceFile = None,
    as_json: AsJson = False,
) -> None:
    """What happened to the tables, newest first: commits, plans, accounts, bundles."""
    from headrace.cli import commands

    raise typer.Exit(commands.history(project, place, most, as_json=as_json))


@app.command()
def quarantine(
    config: Annotated[Path, typer.Argument(help="A data-set file.", show_default=False)],
    reason: Annotated[str | None, typer.Option(help="Only rows with this reason, e.g. tailnum.pattern.")] = None,
    most: Annotated[int, typer.Option(min=1, help="How many rows.")] = 20,
    place: PlaceFile = None,
    as_json: AsJson = False,
) -> None:
    """Rows in quarantine: how many for each reason, and the newest of them as they came."""
    from headrace.cli import commands

    raise typer.Exit(commands.quarantine(config, place, reason, most, as_json=as_json))


@app.command()
def metrics(
    project: Project,
    to: Annotated[str | None, typer.Option(metavar="FILE", help="Write it there, in one step.")] = None,
    place: PlaceFile = None,
) -> None:
    """Rows, quarantine share, low-water and last commits as Prometheus reads them."""
    from headrace.cli import commands

    raise typer.Exit(commands.metrics(project, place, to))


@app.command()
def replay(
    config: Annotated[Path, typer.Argument(help="A data-set file.", show_default=False)],
    place: PlaceFile = None,
    as_json: AsJson = False,
) -> None:
    """Rows in quarantine → events, by the contract as it is now; each once."""
    from headrace.cli import commands

    raise typer.Exit(commands.replay(config, place, as_json=as_json))


@app.command()
def upkeep(
    project: Project,
    older_than: Annotated[str, typer.Option(help="Only files older than this are removed.")] = "7d",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done.")] = False,
    place: PlaceFile = None,
    as_json: AsJson = False,
) -> None:
    """Put small files together, remove files nobody needs, write checkpoints; safe beside running steps."""
    from headrace.cli import commands

    raise typer.Exit(commands.upkeep(project, place, older_than, dry_run=dry_run, as_json=as_json))


@app.command()
def reset(
    config: Annotated[Path, typer.Argument(help="The file of one data set or model.", show_default=False)],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    place: PlaceFile = None,
    as_json: AsJson = False,
) -> None:
    """Remove the tables of a data set or model, so that the next run makes them anew; asks before."""
    from headrace.cli import commands

    raise typer.Exit(commands.reset(config, place, yes=yes, as_json=as_json))


@app.command()
def run(
    project: Project,
    place: PlaceFile = None,
    only: Annotated[list[str] | None, typer.Option(help="Only these steps, e.g. ingest,features.")] = None,
    first: Annotated[str | None, typer.Option("--from", help="Begin with this step, e.g. train.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the steps, and the files that wait.")] = False,
    as_json: AsJson = False,
) -> None:
    """A whole project: everything in the order of its references, skipping what is up to date."""
    from headrace.cli import commands

    raise typer.Exit(commands.run(project, place, only or [], first, dry_run=dry_run, as_json=as_json))


def _steps(project: Path, place: str | None, kind: str, *, as_json: bool) -> None:
    from headrace.cli import commands

    raise typer.Exit(commands.run(project, place, [kind], None, dry_run=False, as_json=as_json))
