"""`split`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Optional

import typer

from seq2seq.cli.app import command


@command()
def split(
    file: Path = typer.Argument(
        ...,
        metavar="FILE",
        help="Pairs: source<TAB>target, or JSON lines; lines of text; or a manifest of speech. Plain or .gz.",
    ),
    target_file: Optional[Path] = typer.Argument(
        None, metavar="[FILE2]", help="The translations of FILE, line by line."
    ),
    val: Optional[str] = typer.Option(
        None,
        "--val",
        metavar="N",
        help="A count or a share (0.05, 5%); without it, 1000 or 5%, whichever is less.",
    ),
    test: Optional[str] = typer.Option(None, "--test", metavar="N", help="The same for the test; 0: none."),
    seed: int = typer.Option(0, "--seed", help="Another one holds out others."),
    output: Optional[Path] = typer.Option(
        None, "--output", metavar="DIR", help="Gets train, val and test; without it, NAME-split beside FILE."
    ),
    source: Optional[str] = typer.Option(
        None, "--source", help="A column by number from 0 or by its name in a header, or a field."
    ),
    target: Optional[str] = typer.Option(None, "--target", help="The same of the target."),
) -> None:
    """Hold out validation and test data of one corpus, with no text in two of the splits."""
    from seq2seq.datasets.splitting.corpora import open_corpus
    from seq2seq.datasets.splitting.held_out import Amount
    from seq2seq.datasets.splitting.split import refuse_to_overwrite, split_corpus

    amounts = {"val": Amount.parse(val, "--val"), "test": Amount.parse(test, "--test")}
    corpus = open_corpus(file, target_file, source, target)
    folder = output or file.with_name(f"{file.name.partition('.')[0]}-split")
    refuse_to_overwrite(corpus, folder)
    counts, notes = split_corpus(corpus, folder, seed=seed, **amounts)
    for name, count in counts.items():
        paths = " ".join(str(folder / each) for each in corpus.names(name))
        typer.echo(f"{name:<6} {count:>9,} {corpus.unit}   {paths}")
    for note in notes:
        typer.echo(f"note: {note}")
    files = [override for name in counts for override in corpus.named(name)]
    overrides = shlex.join([*corpus.overrides, f"data.root={folder}", *files])
    if "val" in counts:
        typer.echo(f"next:  seq2seq check {overrides}")
        typer.echo(f"then:  seq2seq train {overrides} run_dir=runs/{folder.name.removesuffix('-split')}")
