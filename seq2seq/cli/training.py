"""`train` and `check`."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, List, Optional, Union

import typer

from seq2seq.cli.app import command, exit_on_user_error
from seq2seq.cli.arguments import nearest_run, require_run
from seq2seq.cli.paths import is_run
from seq2seq.cli.usage import parse_hydra
from seq2seq.errors import UserError

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
    """Train a model, evaluate it, show examples; `train RUN` goes on with a run."""
    from seq2seq.config.hydra_loader import Loader, hydra_arguments

    arguments = context.args
    options = parse_hydra(hydra_arguments(), arguments)
    if options.help:
        return _help(options.overrides, options.config_dir)
    if not (options.hydra_help or options.shell_completion or options.info):
        from seq2seq.config.overrides import as_meant, joined

        flags = [text for text in arguments if text not in options.overrides]
        options.overrides = joined(options.overrides)
        if run_dir := _named_run(options.overrides, multirun=options.multirun):
            return _continue(run_dir, [text for text in options.overrides if text != run_dir])
        options.overrides = as_meant(options.overrides, multirun=options.multirun)
        arguments = [*flags, *options.overrides]
        if not (options.multirun or options.cfg):
            folder, others = _run_dir(options.overrides)
            if folder is not None and _may_go_on(folder, others):
                return _continue(folder, others)
        from seq2seq.config.compose import refuse

        refuse(options.overrides, Loader(options.config_dir), multirun=options.multirun)
    _through_hydra(arguments, options.config_dir)


def _help(names: Sequence[str], config_dir: Optional[str]) -> None:
    """Prints the choices, or the keys of the groups that are named."""
    if names:
        from seq2seq.config.manual import manual

        typer.echo(manual(names, config_dir), nl=False)
    else:
        from seq2seq.config.contents import contents

        typer.echo(contents(), nl=False)


def _named_run(overrides: Sequence[str], *, multirun: bool) -> Optional[str]:
    """The argument that is a RUN, as of every other command; None without one.

    Raises:
      UserError: it holds no run, or is not the only one.
    """
    from seq2seq.config.overrides import as_meant

    names = [text for text in overrides if is_run(Path(text))]
    for n, text in enumerate(as_meant([text for text in overrides if text not in names])):
        is_word = "=" not in text and text[:1] not in ("", "~", "+")
        if is_word and (
            n == 0 or nearest_run(Path(text))
        ):  # else it may be the end of a value with a space in it
            names.append(text)
    if not names:
        return None
    if len(names) > 1 or multirun or any(text.startswith("run_dir=") for text in overrides):
        raise UserError(
            f"{', '.join(names)}: training goes on with one run at a time; give one RUN, without run_dir= and -m"
        )
    before = ["", *overrides][overrides.index(names[0])]
    quoted = f", and quoted where a space is in them: '{before} {names[0]}'" if "=" in before else ""
    require_run(Path(names[0]), otherwise=f"choices and values are written key=value{quoted}")
    return names[0]


def _run_dir(overrides: Sequence[str]) -> tuple[Optional[Path], list[str]]:
    """The folder that `run_dir=` names, and the other overrides."""
    from seq2seq.config.overrides import text_of

    named = [text_of(text) for text in overrides if text.startswith("run_dir=")]
    others = [text for text in overrides if not text.startswith("run_dir=")]
    return (Path(named[-1]) if named and named[-1] else None), others


def _may_go_on(run_dir: Path, overrides: Sequence[str]) -> bool:
    """Whether the folder holds a run that goes on with these overrides, and is not trained anew.

    With choices of other groups (`data=…`, `experiment=…`) a configuration is composed as for a new run, and training
    refuses what differs from the run's.

    Raises:
      UserError: there is no such folder but a run of a similar name, and nothing says what a new run is to be.
    """
    from seq2seq.config.saved import CHANGEABLE, EXCHANGEABLE

    keys = [text.partition("=")[0] for text in overrides]
    if is_run(run_dir):
        return all("." in key or key in ("seed", *EXCHANGEABLE) for key in keys)
    near = None if os.path.isdir(run_dir) else nearest_run(run_dir)  # noqa: PTH112 - names may be too long
    if near is not None and all(key.startswith(CHANGEABLE) for key in keys):
        raise UserError(
            f"run_dir={run_dir} holds no run, but {near} does: `seq2seq train {near}` goes on with it. For a new run in"
            f" {run_dir} say what it is to be, such as data=sample_translation."
        )
    return False


def _continue(run_dir: Union[str, Path], overrides: Sequence[str]) -> None:
    """Go on with a run: what is not given now is as it was."""
    from seq2seq.config.saved import load

    config = load(run_dir, overrides)
    from seq2seq.runs.train import train

    train(config)


def _through_hydra(arguments: Sequence[str], config_dir: Optional[str]) -> None:
    import hydra

    from seq2seq.config.hydra_loader import CONFIG_MODULE, CONFIG_NAME, VERSION_BASE
    from seq2seq.config.store import register

    def job(composed: DictConfig) -> None:
        _job(composed, config_dir)

    register()
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")  # Hydra raises what it would otherwise print and exit with
    sys.argv = ["train.py" if sys.argv[0].endswith("train.py") else "seq2seq train", *arguments]
    hydra.main(config_path=CONFIG_MODULE, config_name=CONFIG_NAME, version_base=VERSION_BASE)(job)()


def _job(composed: DictConfig, config_dir: Optional[str]) -> None:
    """One training, as Hydra starts it: on its own, or as one of a sweep."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    from seq2seq.config.compose import finish_new
    from seq2seq.config.hydra_loader import Loader

    with exit_on_user_error():
        job = HydraConfig.get()
        if job.mode == RunMode.MULTIRUN:
            composed.run_dir = str(Path(composed.run_dir or job.sweep.dir, str(job.job.num)))
        config = finish_new(composed, list(job.overrides.task), Loader(config_dir))
        from seq2seq.runs.train import train

        train(config)


@command()
def check(
    overrides: Optional[List[str]] = typer.Argument(None, help="As for train: data=… data.root=… …"),
    config_dir: Optional[str] = typer.Option(None, "--config-dir", help="A folder of further choices."),
    steps: bool = typer.Option(True, help="Make a few training steps, to tell time and memory of the run."),
) -> None:
    """Look at data and configuration before a long run.

    Prints counts, lengths, how much of the text the vocabulary covers, what training will cost, and what looks wrong.
    """
    from seq2seq.config.compose import compose

    config = compose(overrides or [], config_dir)
    from seq2seq.runs.check import report

    logging.getLogger("seq2seq").setLevel(logging.WARNING)  # the report says it better
    for line in report(config, steps=steps):
        typer.echo(line)
