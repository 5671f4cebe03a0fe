"""The pipeline options of a run, proven before anything is locked, planned or sealed."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path

from apache_beam.options.pipeline_options import (
    DirectOptions,
    FlinkRunnerOptions,
    PipelineOptions,
    PortableOptions,
    PrismRunnerOptions,
    SparkRunnerOptions,
    StandardOptions,
)

from headrace.entry import OWN_OPTIONS, Call
from headrace.failures import PlaceFailure, UsageFailure
from headrace.nearest import nearest
from headrace.spec.place import Place

_URI = "://"
_HERE = {name.lower() for name in (*StandardOptions.LOCAL_RUNNERS, "RenderRunner")}


def proven_options(call: Call) -> PipelineOptions:
    """The place's options and then the caller's, which win; the runner is always named.

    Raises:
        UsageFailure: Beam does not know an option, its value or the runner, or the combination loses rows.
        PlaceFailure: workers elsewhere would read and write folders of their own, or the runner's binary is not there.
    """
    place = call.place
    runner = _runner(call)
    parser = _parser()
    actions = {text: action for action in parser._actions for text in action.option_strings}  # noqa: SLF001
    names = [text[2:] for text in actions if text.startswith("--") and len(text) > 2]
    for name in place.beam.options:
        if name not in names:
            raise UsageFailure(
                f"place {place.place}: beam.options.{name}: Beam has no such pipeline option; "
                f"{nearest(name, names)} One that only the runner's job service knows stands "
                "under beam.service_options"
            )
    arguments = [*_arguments(place, actions), *call.passed_on]
    if unknown := _parsed(parser, arguments, place)[1]:
        word = unknown[0].partition("=")[0]
        raise UsageFailure(
            f"{word}: neither Headrace nor Beam has such an option; {nearest(word, [*OWN_OPTIONS, *actions])}"
        )
    service = [f"--{name}={value}" for name, values in place.beam.service_options.items() for value in values]
    options = PipelineOptions([*arguments, *service])
    options.view_as(StandardOptions).runner = runner
    _refuse_threads(options)
    _prove_shared(options, place)
    _prove_prism(options, place)
    return options


def _runner(call: Call) -> str:
    """The runner as Beam spells it. One named with its module is loaded: it may bring options of its own."""
    place = call.place
    chooser = argparse.ArgumentParser(allow_abbrev=False, add_help=False, exit_on_error=False)
    chooser.add_argument("--runner", default=place.beam.options.get("runner", (place.beam.runner,))[-1])
    name = _parsed(chooser, call.passed_on, place)[0].runner
    known = {known.lower(): known for known in StandardOptions.KNOWN_RUNNER_NAMES}
    if found := known.get(name.lower()) or known.get(f"{name.lower()}runner"):
        return found
    if "." not in name:
        raise UsageFailure(f"place {place.place}: Beam has no runner {name}; {nearest(name, known.values())}")
    module, _, kind = name.rpartition(".")
    try:
        getattr(import_module(module), kind)
    except (ImportError, AttributeError) as lacking:
        raise UsageFailure(
            f"place {place.place}: runner {name}: {lacking}; name a class that can be imported here"
        ) from lacking
    return name


def _parsed(
    parser: argparse.ArgumentParser, arguments: Sequence[str], place: Place
) -> tuple[argparse.Namespace, list[str]]:
    """What the parser knows of the arguments, and the others."""
    try:
        return parser.parse_known_args(arguments)
    except argparse.ArgumentError as refused:
        raise UsageFailure(f"place {place.place} and the command line: {refused}") from refused


def _parser() -> argparse.ArgumentParser:
    """The parser of every option that Beam's loaded modules declare, as Beam hands it to a runner."""
    handed: list[argparse.ArgumentParser] = []
    PipelineOptions([]).get_all_options(add_extra_args_fn=handed.append)
    (parser,) = handed
    parser.exit_on_error = False
    return parser


def _arguments(place: Place, actions: Mapping[str, argparse.Action]) -> Iterator[str]:
    for name, values in place.beam.options.items():
        if actions[f"--{name}"].nargs != 0:
            yield from (f"--{name}={value}" for value in values)
        elif values == ("true",):
            yield f"--{name}"
        elif values != ("false",):
            raise UsageFailure(
                f"place {place.place}: beam.options.{name}: {', '.join(values)}: Beam has it as a switch; write true, "
                "or false"
            )
        elif f"--no_{name}" in actions:
            yield f"--no_{name}"


def _refuse_threads(options: PipelineOptions) -> None:
    if options.view_as(DirectOptions).direct_running_mode == "multi_threading":
        raise UsageFailure(
            "direct_running_mode=multi_threading: this mode of Beam loses rows where rows or ranges are shuffled (seen "
            "in 2 of 9 runs), so no run could be trusted; use in_memory, or multi_processing"
        )


def _prove_shared(options: PipelineOptions, place: Place) -> None:
    lake = place.roots.lake
    local = _URI not in lake or lake.startswith("file:")
    if local and not place.beam.shared and not _runs_here(options):
        raise PlaceFailure(
            f"{lake}: a folder of this machine, but the workers of {options.view_as(StandardOptions).runner} would "
            "read and write folders of their own. Put the roots and the sources on storage that all of them reach; if "
            "they are on a file system that every worker mounts at the same path, say `shared: true` under `beam` in "
            "the place file"
        )


def _prove_prism(options: PipelineOptions, place: Place) -> None:
    """Prism's binary is there; one with a URL is fetched, and one that nobody names is as well."""
    location = options.view_as(PrismRunnerOptions).prism_location
    if options.view_as(StandardOptions).runner != "PrismRunner" or not location or _URI in location:
        return
    if not Path(location).is_file():
        raise PlaceFailure(
            f"place {place.place}: beam.options.prism_location: {location}: no such file; run scripts/prism, which "
            "builds Beam's Prism runner, then export HEADRACE_PRISM=$(scripts/prism)"
        )


def _runs_here(options: PipelineOptions) -> bool:
    """Whether the workers see this machine's folders."""
    runner = options.view_as(StandardOptions).runner.rpartition(".")[2].lower()
    portable = options.view_as(PortableOptions)
    if runner in _HERE or portable.environment_type == "LOOPBACK":
        return True
    if portable.environment_type is not None:
        return False
    match runner:  # what the runner takes where no environment is named
        case "flinkrunner":
            return options.view_as(FlinkRunnerOptions).flink_master in ("[local]", "[auto]")
        case "sparkrunner":
            return str(options.view_as(SparkRunnerOptions).spark_master_url).startswith("local")
        case "portablerunner":
            return portable.job_endpoint == "embed"
    return False
