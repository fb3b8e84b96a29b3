"""What is done with a trained run: `evaluate`, `predict`, `align`, `score`, `average`."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterator, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, List, Optional

import typer

from seq2seq.cli.app import command
from seq2seq.cli.arguments import (
    CHECKPOINT,
    OVERRIDES,
    RUN,
    USABLE,
    foreign_override,
    make_folder,
    open_run,
    require_run,
)
from seq2seq.cli.writing import write_alignment, write_table, write_text_grids, write_timestamps
from seq2seq.errors import ConfigError, UserError


class Split(str, Enum):
    train = "train"
    val = "val"
    test = "test"


@command()
def evaluate(
    run_dir: Path = RUN,
    overrides: Optional[List[str]] = OVERRIDES,
    split: Split = typer.Option(Split.test, "--split", help="Which part of the data."),
    as_json: bool = typer.Option(False, "--json", help="Print the figures as one JSON object."),
    checkpoint: Optional[str] = CHECKPOINT,
) -> None:
    """Measure a run on a split of its data."""
    evaluation = open_run(run_dir, overrides, checkpoint).evaluate(split.value)
    if as_json:
        found = {split.value: evaluation.metrics, "signatures": evaluation.signatures}
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return
    for name, value in evaluation.metrics.items():
        typer.echo(f"{name:<12} {value:8.2f}   {evaluation.signatures.get(name, '')}".rstrip())


@command()
def predict(
    run_dir: Path = RUN,
    inputs: Optional[List[str]] = typer.Argument(
        None,
        metavar="FILE|-",
        help="Text, a line each (.gz too), or files of sound; - or nothing is standard input, lines of text or names"
        " of files of sound. KEY=VALUE as in evaluate.",
    ),
    n_best: Optional[int] = typer.Option(
        None, "--n-best", min=1, help="So many translations of each line, as LINE<tab>TEXT, best first."
    ),
    scores: bool = typer.Option(False, "--scores", help="Put the score and a tab before each text."),
    alignments: Optional[Path] = typer.Option(
        None, "--alignments", help="Write the attention of each line to DIR/LINE.tsv.", metavar="DIR"
    ),
    timestamps: bool = typer.Option(
        False, "--timestamps", help="Of sound: print each word with its start and end in seconds, as TSV."
    ),
    checkpoint: Optional[str] = CHECKPOINT,
) -> None:
    """Translate lines of text, or write down what is said in files of sound."""
    given = inputs or []
    overrides = [text for text in given if USABLE.match(text)]
    files = [text for text in given if text not in overrides] or ["-"]
    for path in files:
        if "=" in path and not Path(path).is_file():
            raise ConfigError([foreign_override(path)])
        if path != "-" and not Path(path).is_file():
            raise UserError(f"{path}: no such file; give files of text or of sound, or - for standard input")
    if timestamps and (n_best is not None or scores):
        raise UserError("--timestamps are of the best text alone; leave out --n-best and --scores")
    if n_best is not None:
        overrides.append(f"search.n_best={n_best}")
    run = open_run(run_dir, overrides, checkpoint)
    if alignments is not None:
        make_folder(alignments)
    wanted = alignments is not None
    names: Iterator[str] = iter(())
    if run.hears:
        listed = (name for file in files for name in (_lines(["-"]) if file == "-" else [file]))
        names, read = itertools.tee(listed)
        predictions: Iterator[Any] = run.transcribe(read, alignments=wanted, timestamps=timestamps)
    elif timestamps:
        raise UserError(f"{run_dir} is a run of task=translation; --timestamps are of speech")
    else:
        predictions = run.predict(_lines(files), alignments=wanted)
    if timestamps:
        return write_timestamps(names, predictions, alignments)
    for number, prediction in enumerate(predictions, start=1):
        for text, score in zip(prediction.texts, prediction.scores):
            fields = [str(number)] if n_best is not None else []
            fields += [f"{score:.4f}"] if scores else []
            sys.stdout.write("\t".join([*fields, text]) + "\n")
        sys.stdout.flush()  # a line is of use to a reader once it is there
        if alignments is not None:
            write_alignment(alignments / f"{number}.tsv", prediction)


class Format(str, Enum):
    tsv = "tsv"
    textgrid = "textgrid"


@command()
def align(
    run_dir: Path = RUN,
    manifest: Path = typer.Argument(
        ...,
        metavar="MANIFEST",
        help="Sound with its texts: a table, JSONL, or a folder of Kaldi's or LibriSpeech's layout.",
    ),
    overrides: Optional[List[str]] = OVERRIDES,
    output: Optional[Path] = typer.Option(
        None,
        "--output",
        metavar="FILE|DIR",
        help="Of tsv the file, in place of standard output; of textgrid the folder, with a file for each utterance.",
    ),
    form: Format = typer.Option(Format.tsv, "--format", help="A table, or Praat's TextGrid."),
    checkpoint: Optional[str] = CHECKPOINT,
) -> None:
    """Find when each word of given texts is said."""
    if form is Format.textgrid and output is None:
        raise UserError("--format textgrid needs --output DIR, for a file of each utterance")
    alignments = open_run(run_dir, overrides, checkpoint).align(manifest)
    if form is Format.tsv:
        write_table(alignments, output)
    else:
        assert output is not None
        write_text_grids(alignments, output)


@command()
def score(
    run_dir: Path = RUN,
    source: Path = typer.Argument(..., metavar="SOURCE", help="Text, a line each (.gz too)."),
    target: Path = typer.Argument(..., metavar="TARGET", help="Its translation, line by line."),
    overrides: Optional[List[str]] = OVERRIDES,
    checkpoint: Optional[str] = CHECKPOINT,
) -> None:
    """Print the log-probability of each given translation."""
    run = open_run(run_dir, overrides, checkpoint)
    from seq2seq.datasets.readers.parallel_text import ParallelText

    for value in run.score(ParallelText([source], [target]).pairs()):
        sys.stdout.write(f"{value:.6f}\n")


@command()
def average(
    run_dir: Path = RUN,
    last: int = typer.Option(5, "--last", min=2, help="How many of the kept checkpoints."),
) -> None:
    """Average the weights of a run's last checkpoints."""
    require_run(run_dir)
    from seq2seq.runs.use import average as average_checkpoints

    typer.echo(average_checkpoints(run_dir, last))


def _lines(files: Sequence[str]) -> Iterator[str]:
    """The lines of files and of standard input.

    Raises:
        UserError: with file and line, where text is not UTF-8; where standard input is empty.
    """
    from seq2seq.datasets.readers.lines import file_lines, stream_lines

    for file in files:
        if file != "-":
            yield from file_lines(Path(file))
            continue
        empty = True
        for line in stream_lines(sys.stdin.buffer, "standard input"):
            empty = False
            yield line
        if empty:
            raise UserError("standard input is empty; give lines of text, or a file's name")
