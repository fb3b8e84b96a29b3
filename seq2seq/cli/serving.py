"""`export` and `inspect`."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import List, Optional

import typer

from seq2seq.cli.app import command
from seq2seq.cli.arguments import CHECKPOINT, RUN, USABLE, open_run
from seq2seq.cli.paths import is_run, refuse_misplaced
from seq2seq.errors import UserError


@command()
def export(
    run_dir: Path = RUN,
    target: Path = typer.Argument(
        ..., metavar="DIR", help="exported/1: a new folder, whose name is a version."
    ),
    overrides: Optional[List[str]] = typer.Argument(
        None, metavar="KEY=VALUE", help="export.tokenizer=in_graph, export.precision=bfloat16, search=beam, …"
    ),
    checkpoint: Optional[str] = CHECKPOINT,
) -> None:
    """Write a SavedModel that a stock TensorFlow server loads, checked against the run."""
    from seq2seq.serving.manifest import examples, is_version, new_target, weights_in_words

    refuse_misplaced(run_dir, [target], "seq2seq export RUN DIR")
    target = new_target(target, run_dir)
    if not is_version(target):
        typer.echo(
            f"warning: TensorFlow Serving finds numbered folders only: {target}/1 in place of {target}",
            err=True,
        )
    run = open_run(run_dir, overrides, checkpoint, usable=re.compile(rf"{USABLE.pattern}|^export\."))
    from seq2seq.runs.export import export as export_run

    exported = export_run(run, target)
    for line in examples(exported.manifest, target, exported.example):
        typer.echo(line)
    typer.echo(weights_in_words(exported.manifest["weights"]))
    typer.echo(f"wrote and checked {target}: {exported.size / 1e6:.1f} MB, {exported.seconds:.0f} s")


@command()
def inspect(
    target: Path = typer.Argument(..., metavar="DIR", help="What export wrote, such as exported/1."),
) -> None:
    """Say in words what an export is: its signatures, defaults and how it was checked."""
    from seq2seq.serving.manifest import describe, read_manifest

    target = Path(os.path.expanduser(target))  # noqa: PTH111 (Path's fails on an unknown user)
    if is_run(target):
        raise UserError(f"{target}: is a run; DIR is what `seq2seq export {target} DIR` writes")
    for line in describe(read_manifest(target)):
        typer.echo(line)
