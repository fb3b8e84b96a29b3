"""`tune`."""

from __future__ import annotations

from pathlib import Path
from typing import List, Optional

import typer

from seq2seq.cli.app import command
from seq2seq.cli.arguments import CHECKPOINT, OVERRIDES, RUN, open_run
from seq2seq.cli.using import split_name


@command()
def tune(
    run_dir: Path = RUN,
    overrides: Optional[List[str]] = OVERRIDES,
    split: str = typer.Option(
        "val", "--split", metavar="train|val|test", callback=split_name, help="Which part of the data."
    ),
    rows: Optional[int] = typer.Option(
        None, "--rows", min=1, help="So many of it, drawn at random, for speed."
    ),
    dry_run: bool = typer.Option(False, "--dry-run", help="Write nothing."),
    checkpoint: Optional[str] = CHECKPOINT,
) -> None:
    """Find the beam width, penalties and weights that a run is searched with best.

    What is found goes into RUN/search.yaml, which evaluate, predict and export use.
    """
    run = open_run(run_dir, overrides, checkpoint)
    from seq2seq.config.ranges import shown
    from seq2seq.runs.tune import to_write
    from seq2seq.runs.tune import tune as tune_search

    tuned = tune_search(run, split, rows, typer.echo)
    typer.echo(tuned.sentence)
    for name, value in tuned.changes.items():
        typer.echo(f"search.{name}={shown(value)} (was {shown(getattr(tuned.before.search, name))})")
    values = {} if dry_run else to_write(run, tuned)
    if not values:
        return
    run.folder.write_search(values, f"Found by `seq2seq tune` on {split}. {tuned.sentence}")
    typer.echo(f"written to {run.folder.search}; without that file the run is searched as it was trained")
