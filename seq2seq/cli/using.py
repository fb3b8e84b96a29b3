"""What is done with a trained run: `evaluate`, `predict`, `embed`, `align`, `score`, `generate`, `average`."""

from __future__ import annotations

import sys
from enum import Enum
from pathlib import Path
from typing import BinaryIO, List, Optional

import typer

from seq2seq.cli.app import command
from seq2seq.cli.arguments import CHECKPOINT, OVERRIDES, RUN, make_folder, open_run, require_run, with_members
from seq2seq.cli.paths import STANDARD_INPUT, files_and_overrides, refuse_misplaced, require_file
from seq2seq.cli.writing import (
    one_line,
    write_parts,
    write_predictions,
    write_table,
    write_text_grids,
    write_timestamps,
    write_token_scores,
    write_vectors,
)
from seq2seq.errors import UserError
from seq2seq.files import to_json

_SPLITS = {"train": "train", "val": "val", "test": "test"}
_SPLITS |= dict.fromkeys(["dev", "valid", "validation"], "val")


def split_name(name: str) -> str:
    """`val`, of any of its names."""
    if name not in _SPLITS:
        raise typer.BadParameter(f"{name} is none of train, val (or dev, valid, validation) and test")
    return _SPLITS[name]


@command()
def evaluate(
    run_dir: Path = RUN,
    others: Optional[List[str]] = typer.Argument(
        None,
        metavar="RUN|KEY=VALUE",
        help="Further runs, whose models decide together with the first one's; search.beam_width=10,"
        " data.test.source=…, …",
    ),
    split: str = typer.Option(
        "test", "--split", metavar="train|val|test", callback=split_name, help="Which part of the data."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print the figures as one JSON object."),
    checkpoint: Optional[str] = CHECKPOINT,
) -> None:
    """Measure a run, or an ensemble of several, on a split of the first one's data."""
    overrides = with_members(run_dir, others or [])
    evaluation = open_run(run_dir, overrides, checkpoint).evaluate(split)
    if as_json:
        figures = {split: evaluation.metrics, "signatures": evaluation.signatures}
        typer.echo(to_json(figures, indent=2))
        return
    for name, value in evaluation.metrics.items():
        typer.echo(f"{name:<12} {value:8.2f}   {evaluation.signatures.get(name, '')}".rstrip())


@command()
def predict(
    run_dir: Path = RUN,
    inputs: Optional[List[str]] = typer.Argument(
        None,
        metavar="FILE|-",
        help="Text, a line each (.gz too), or audio files; - or nothing is standard input, lines of text or names"
        " of audio files. KEY=VALUE as in evaluate.",
    ),
    n_best: Optional[int] = typer.Option(
        None,
        "--n-best",
        min=1,
        help="So many translations or labels of each line, as LINE<tab>TEXT, best first.",
    ),
    scores: bool = typer.Option(False, "--scores", help="Put the score and a tab before each text."),
    alignments: Optional[Path] = typer.Option(
        None, "--alignments", help="Write the attention of each line to DIR/LINE.tsv.", metavar="DIR"
    ),
    timestamps: bool = typer.Option(
        False, "--timestamps", help="Of audio: print each word with its start and end in seconds, as TSV."
    ),
    parts: bool = typer.Option(
        False,
        "--parts",
        help="Print each text as a JSON object with its score and what that is made of: model, language model, CTC, …",
    ),
    checkpoint: Optional[str] = CHECKPOINT,
) -> None:
    """Translate, label or continue lines of text, or write down what is said in audio files."""
    files, overrides = files_and_overrides(inputs or [])
    refuse_misplaced(run_dir, files, "seq2seq predict RUN FILE")
    require_run(run_dir)
    for path in files:
        if path != STANDARD_INPUT:
            require_file(path, instead="text itself, a line each, goes to standard input")
    if timestamps and (n_best is not None or scores):
        raise UserError("--timestamps are of the best text alone; leave out --n-best and --scores")
    if parts and (timestamps or scores):
        raise UserError("--parts print scores and texts; leave out --timestamps and --scores")
    if n_best is not None:
        overrides.append(f"search.n_best={n_best}")
    run = open_run(run_dir, overrides, checkpoint)
    if alignments is not None:
        make_folder(alignments)
    named = run.predict_files(
        files or [STANDARD_INPUT],
        _standard_input(),
        alignments=alignments is not None,
        timestamps=timestamps,
        parts=parts,
    )
    if timestamps:
        return write_timestamps(named, alignments)
    predictions = (found for _, found in named)
    if parts:
        return write_parts(predictions, alignments)
    write_predictions(predictions, alignments, numbered=n_best is not None, scores=scores)


def _standard_input() -> Optional[BinaryIO]:
    return None if sys.stdin is None else sys.stdin.buffer


class Pooling(str, Enum):
    last = "last"
    mean = "mean"
    max = "max"


@command()
def embed(
    run_dir: Path = RUN,
    inputs: Optional[List[str]] = typer.Argument(
        None,
        metavar="FILE|-",
        help="Text, a line each (.gz too); - or nothing is standard input. KEY=VALUE as in evaluate.",
    ),
    output: Optional[Path] = typer.Option(
        None,
        "--output",
        metavar="FILE.npy",
        help="NumPy's array of lines × depth, float32; without it, tab-separated numbers on standard output.",
    ),
    pooling: Pooling = typer.Option(
        Pooling.last,
        "--pooling",
        help="The final state, or the mean or the greatest of the outputs.",
    ),
    checkpoint: Optional[str] = CHECKPOINT,
) -> None:
    """Make a vector of each line of text."""
    files, overrides = files_and_overrides(inputs or [])
    refuse_misplaced(run_dir, files, "seq2seq embed RUN FILE")
    require_run(run_dir)
    for path in files:
        if path != STANDARD_INPUT:
            require_file(path, instead="text itself, a line each, goes to standard input")
    if output is not None and output.suffix != ".npy":
        raise UserError(f"--output {output}: is a NumPy array; name a file that ends in .npy")
    run = open_run(run_dir, overrides, checkpoint)
    from seq2seq.datasets.readers.input_lines import input_lines

    lines = input_lines(files or [STANDARD_INPUT], _standard_input())
    write_vectors(run.embed(lines, pooling.value), output)


class Format(str, Enum):
    tsv = "tsv"
    textgrid = "textgrid"


@command()
def align(
    run_dir: Path = RUN,
    manifest: Path = typer.Argument(
        ...,
        metavar="MANIFEST",
        help="Audio with its texts: a table, JSONL, or a folder of Kaldi's or LibriSpeech's layout.",
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
    refuse_misplaced(run_dir, [manifest], "seq2seq align RUN MANIFEST")
    require_run(run_dir)
    require_file(manifest, folder_too=True)
    alignments = open_run(run_dir, overrides, checkpoint).align(manifest)
    if form is Format.tsv:
        write_table(alignments, output)
    else:
        assert output is not None
        write_text_grids(alignments, output)


@command()
def score(
    run_dir: Path = RUN,
    source: Path = typer.Argument(
        ..., metavar="SOURCE", help="Text, a line each (.gz too); or pairs, as TSV or JSON lines."
    ),
    others: Optional[List[str]] = typer.Argument(
        None,
        metavar="[TARGET]",
        help="Of translation: its translation, line by line. KEY=VALUE as in evaluate.",
    ),
    tokens: bool = typer.Option(
        False,
        "--tokens",
        help="Of a language model: each token and its log-probability, as LINE<tab>TOKEN<tab>VALUE.",
    ),
    checkpoint: Optional[str] = CHECKPOINT,
) -> None:
    """Print the log-probability of each given translation, or of each line of a language model's text."""
    names, overrides = files_and_overrides(others or [])
    files = [source, *map(Path, names)]
    refuse_misplaced(run_dir, files, "seq2seq score RUN SOURCE TARGET")
    require_run(run_dir)
    for path in files:
        require_file(path)
    run = open_run(run_dir, overrides, checkpoint)
    from seq2seq.datasets.readers.lines import file_lines
    from seq2seq.datasets.readers.parallel_text import ParallelText

    run.require_scored(files, "score_tokens" if tokens else "score")
    if tokens:
        return write_token_scores(run.score_tokens(file_lines(source)))
    pairs = ParallelText(*([path] for path in files)).pairs() if len(files) > 1 else None
    for value in run.score(run.examples_in(source) if pairs is None else pairs):
        sys.stdout.write(f"{value:.6f}\n")
        sys.stdout.flush()


@command()
def generate(
    run_dir: Path = RUN,
    overrides: Optional[List[str]] = OVERRIDES,
    prompt: str = typer.Option(
        "", "--prompt", metavar="TEXT", help="What the text begins with; without it, the start of a line."
    ),
    temperature: float = typer.Option(
        1.0, "--temperature", min=0, help="Below 1 prefers likely tokens; 0 takes the likeliest of each."
    ),
    top_p: float = typer.Option(
        1.0, "--top-p", help="Draw from the fewest tokens that have this probability together."
    ),
    top_k: int = typer.Option(0, "--top-k", min=0, help="Draw from so many of the likeliest; 0: from all."),
    seed: int = typer.Option(1, "--seed", min=0, help="The same one gives the same texts."),
    count: int = typer.Option(1, "--n", min=1, help="So many texts, the likeliest first."),
    max_length: int = typer.Option(
        100, "--max-length", min=1, help="Tokens after the prompt, where no end comes before."
    ),
    checkpoint: Optional[str] = CHECKPOINT,
) -> None:
    """Write text that goes on from a prompt, by a language model."""
    if "\n" in prompt or "\r" in prompt:
        raise UserError("--prompt: is more than a line, and a language model writes one; give one")
    if count > 1 and not temperature:
        raise UserError(
            f"--n {count}: --temperature 0 writes one text, the likeliest; leave out one of the two"
        )
    drawn = [
        "search.name=sampling",
        f"search.temperature={temperature}",
        f"search.top_p={top_p}",
        f"search.top_k={top_k}",
        f"search.seed={seed}",
    ]
    likeliest = ["search.name=greedy", "search.beam_width=1"]
    length = [
        "search.max_length_ratio=0",
        "search.min_length_ratio=0",
        f"search.max_length_offset={max_length}",
    ]
    search = [*(drawn if temperature else likeliest), *length, f"search.n_best={count}", *(overrides or [])]
    for text in open_run(run_dir, search, checkpoint).generate([prompt], n_best=count)[0]:
        sys.stdout.write(f"{one_line(text)}\n")


@command()
def average(
    run_dir: Path = RUN,
    last: int = typer.Option(5, "--last", min=2, help="How many of the kept checkpoints."),
) -> None:
    """Average the weights of a run's last checkpoints."""
    require_run(run_dir)
    from seq2seq.runs.use import average as average_checkpoints

    typer.echo(average_checkpoints(run_dir, last))
