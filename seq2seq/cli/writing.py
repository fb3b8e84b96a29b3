"""How predictions are written: attention, times of words."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Optional

import typer

from seq2seq.cli.arguments import make_folder
from seq2seq.errors import UserError
from seq2seq.files import atomic_files, to_json, write_atomically

_ENDS = dict.fromkeys(map(ord, "\t\n\r"), " ")

if TYPE_CHECKING:
    import numpy as np

    from seq2seq.tasks.contract import AlignedPrediction
    from seq2seq.tasks.speech.aligner import Alignment


def write_predictions(
    predictions: Iterator[Any], alignments: Optional[Path], *, numbered: bool, scores: bool
) -> None:
    """A line for each text, with the number of its input and its score before it where they are asked for."""
    for number, prediction in enumerate(predictions, start=1):
        for text, score in zip(prediction.texts, prediction.scores):
            fields = [str(number)] if numbered else []
            fields += [f"{score:.4f}"] if scores else []
            sys.stdout.write("\t".join([*fields, one_line(text)]) + "\n")
        sys.stdout.flush()  # a line is of use to a reader once it is there
        if alignments is not None:
            write_alignment(alignments / f"{number}.tsv", prediction)


def write_parts(predictions: Iterator[Any], alignments: Optional[Path]) -> None:
    """A JSON object for each text: the number of its input, the text, its score and what that is made of."""
    for number, prediction in enumerate(predictions, start=1):
        for text, score, parts in zip(prediction.texts, prediction.scores, prediction.parts):
            sys.stdout.write(to_json({"line": number, "text": text, "score": score, **parts}) + "\n")
        sys.stdout.flush()
        if alignments is not None:
            write_alignment(alignments / f"{number}.tsv", prediction)


def write_token_scores(lines: Iterator[Any]) -> None:
    """A row for each token: the number of its line, the token, its log-probability."""
    for number, found in enumerate(lines, start=1):
        for piece, log_prob in zip(found.pieces, found.log_probs.tolist()):
            sys.stdout.write(f"{number}\t{one_line(piece)}\t{log_prob:.6f}\n")
        sys.stdout.flush()


def one_line(text: str) -> str:
    """A text without what would end its line or its field, which a tokenizer of bytes can write."""
    return text.translate(_ENDS)


def write_timestamps(named: Iterator[tuple[str, Any]], alignments: Optional[Path]) -> None:
    """The words of each file, as TSV; files without any are named at the end."""
    from seq2seq.tasks.speech.alignment_files import TSV_HEADER, tsv_lines

    without = []
    sys.stdout.write(TSV_HEADER)
    for number, (name, prediction) in enumerate(named, start=1):
        sys.stdout.write(tsv_lines(name, prediction.spans or []))
        sys.stdout.flush()
        if not prediction.spans:
            without.append(f"{name} ({prediction.texts[0] or 'nothing recognised'})")
        if alignments is not None:
            write_alignment(alignments / f"{number}.tsv", prediction)
    if without:
        typer.echo(f"{len(without)} files without timestamps: {', '.join(without[:20])}", err=True)


def write_table(alignments: Iterator[Alignment], output: Optional[Path]) -> None:
    """Each line once it is known on standard output; a file is there when it is complete."""
    from seq2seq.tasks.speech.alignment_files import TSV_HEADER, tsv_lines

    lines = chain([TSV_HEADER], (tsv_lines(each.name, each.spans or []) for each in alignments))
    if output is not None:
        if output.is_dir():
            raise UserError(f"--output {output}: Is a directory")
        make_folder(output.parent, "--output")
        return write_atomically(output, "".join(lines))
    for line in lines:
        sys.stdout.write(line)
        sys.stdout.flush()


def write_vectors(vectors: Iterator[np.ndarray], output: Optional[Path]) -> None:
    """NumPy's `.npy`, filled as vectors come and there once it is complete; without a file, a line of tab-separated
    numbers once each is known."""
    if output is None:
        for vector in vectors:
            sys.stdout.write("\t".join(f"{value:.7g}" for value in vector.tolist()) + "\n")
            sys.stdout.flush()
        return
    make_folder(output.parent, "--output")
    from numpy.lib.format import write_array_header_1_0

    with (
        atomic_files(output.parent, output.name) as unfinished,
        (unfinished / output.name).open("wb") as file,
    ):
        header: Dict[str, Any] = {"descr": "<f4", "fortran_order": False, "shape": (0, 0)}
        write_array_header_1_0(
            file, header
        )  # as long for any numbers: how many rows there are is known in the end
        for vector in vectors:
            file.write(vector.astype("<f4").tobytes())
            header["shape"] = (header["shape"][0] + 1, len(vector))
        file.seek(0)
        write_array_header_1_0(file, header)


def write_text_grids(alignments: Iterator[Alignment], folder: Path) -> None:
    """A file for each utterance that has an alignment, in the folders that its name holds."""
    from seq2seq.tasks.speech.alignment_files import text_grid

    make_folder(folder, "--output")
    written: dict[Path, str] = {}
    for name, spans, duration, _ in alignments:
        if spans is None:
            continue
        path = folder.joinpath(
            *(part for part in f"{name}.TextGrid".split("/") if part not in ("", ".", ".."))
        )
        if path in written:
            raise UserError(f"{path} would be of {written[path]} and of {name}; give them other ids")
        written[path] = name
        make_folder(path.parent, "--output")
        write_atomically(path, text_grid(spans, duration))


def write_alignment(path: Path, prediction: AlignedPrediction) -> None:
    """A row for each piece of the best translation, a column for each piece of the source."""
    if prediction.alignment is None:
        raise UserError("--alignments: this model has no attention to show (task.ctc_weight=1)")
    rows = ["\t".join(["", *prediction.source_pieces])]
    for piece, weights in zip(prediction.pieces, prediction.alignment):
        rows.append("\t".join([piece, *(f"{weight:.4f}" for weight in weights)]))
    write_atomically(path, "\n".join(rows) + "\n")
