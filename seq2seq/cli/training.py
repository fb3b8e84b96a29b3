"""`train` and `check`."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, List, Optional

import typer

from seq2seq.cli.app import command, ending_well
from seq2seq.errors import ConfigError

if TYPE_CHECKING:
    from omegaconf import DictConfig


@command(
    context_settings={
        "ignore_unknown_options": True,
        "allow_extra_args": True,
        "allow_interspersed_args": False,
    },
    add_help_option=False,
)
def train(context: typer.Context) -> None:
    """Train a model, evaluate it, show examples."""
    from hydra._internal.utils import get_args_parser

    arguments = context.args
    options, unknown = get_args_parser().parse_known_args(arguments)
    if unknown:
        from seq2seq.config.words import unknown_option

        raise ConfigError([unknown_option(option) for option in unknown])
    if not (options.help or options.hydra_help or options.shell_completion or options.info):
        from seq2seq.config.overrides import as_meant

        flags = [text for text in arguments if text not in options.overrides]
        options.overrides = as_meant(options.overrides)
        arguments = [*flags, *options.overrides]
        run_dir = None if options.multirun or options.cfg else _run_to_continue(options.overrides)
        if run_dir is not None:
            return _continue(run_dir, options.overrides)
        from seq2seq.config.compose import config_loader, refuse

        refuse(options.overrides, config_loader(options.config_dir), multirun=options.multirun)
    _through_hydra(arguments)


def _run_to_continue(overrides: Sequence[str]) -> Optional[Path]:
    """The run that `run_dir=` names, where it exists and no choice is made anew.

    With choices (`data=…`, `experiment=…`) a configuration is composed as for a new run, and training refuses
    what differs from the run's.
    """
    from seq2seq.config.overrides import text_of

    given = {text.split("=", 1)[0]: text for text in overrides if "=" in text}
    path = Path(text_of(given.get("run_dir", "")) or os.devnull, "config.yaml")
    keys = [key for key in given if key != "run_dir"]
    return path.parent if path.is_file() and all("." in key or key == "seed" for key in keys) else None


def _continue(run_dir: Path, overrides: Sequence[str]) -> None:
    """Go on with a run: what is not given now is as it was."""
    from seq2seq.config.saved import load

    config = load(run_dir, overrides)
    from seq2seq.runs.train import train

    train(config)


def _through_hydra(arguments: Sequence[str]) -> None:
    import hydra

    from seq2seq.config.compose import CONFIG_MODULE, CONFIG_NAME, VERSION_BASE
    from seq2seq.config.store import register

    register()
    os.environ.setdefault(
        "HYDRA_FULL_ERROR", "1"
    )  # Hydra raises what it would otherwise print and leave with
    sys.argv = ["train.py" if sys.argv[0].endswith("train.py") else "seq2seq train", *arguments]
    hydra.main(config_path=CONFIG_MODULE, config_name=CONFIG_NAME, version_base=VERSION_BASE)(_job)()


def _job(composed: DictConfig) -> None:
    """One training, as Hydra starts it: on its own, or as one of a sweep."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    from seq2seq.config.compose import finish

    with ending_well():
        config = finish(composed)
        job = HydraConfig.get()
        if job.mode == RunMode.MULTIRUN:
            config.run_dir = str(Path(config.run_dir or job.sweep.dir, str(job.job.num)))
        from seq2seq.runs.train import train

        train(config)


@command()
def check(
    overrides: Optional[List[str]] = typer.Argument(None, help="As for train: data=… data.root=… …"),
    config_dir: Optional[str] = typer.Option(None, "--config-dir", help="A folder of further choices."),
) -> None:
    """Look at data and configuration before a long run.

    Prints counts, lengths, how much of the text the vocabulary covers, and what would be wrong.
    """
    from seq2seq.config.compose import compose

    config = compose(overrides or [], config_dir)
    from seq2seq.runs.check import report

    logging.getLogger("seq2seq").setLevel(logging.WARNING)  # the report says it better
    for line in report(config):
        typer.echo(line)
