"""`seq2seq convert-tf1 --vocabulary`: a whole language model of TensorFlow 1, a char-rnn among them, as a run."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from seq2seq.config.compose import compose
from seq2seq.config.overrides import quoted
from seq2seq.config.saved import to_yaml
from seq2seq.errors import UserError
from seq2seq.interop.tf1_checkpoint import Tf1Checkpoint
from seq2seq.layers.tf1_weights import CellSizes, from_tf1_weights, load_cell
from seq2seq.runs.folder import RunFolder
from seq2seq.tasks.table import task_of
from seq2seq.text import CharacterTokenizer, Normalizer, WordTokenizer
from seq2seq.text.symbol_tokenizer import SPECIAL_PIECES
from seq2seq.training.checkpoints.store import CheckpointStore

TOKENIZERS = {"word": WordTokenizer, "character": CharacterTokenizer}
ENDS, UNKNOWNS = ("<eos>", "</s>", "\n"), ("<unk>", "<UNK>")
IMPOSSIBLE = -1e9
"""The bias of a token that the model does not know: its probability is 0."""

_EMBEDDING = re.compile("emb", re.IGNORECASE)


class Vocabulary(NamedTuple):
    """The tokens of the model there, by their ids, and the place of each of ours in it, -1 where it has none."""

    tokens: list[str]
    symbols: list[str]
    read: list[int]
    """[ours]: whose vector is read; the start of a line is the end of the one before."""
    written: list[int]
    """[ours]: whose score it has."""


class Tables(NamedTuple):
    """What maps tokens there to vectors [V, E], and outputs [D, V] to scores with a bias [V]; and their names."""

    embedding: np.ndarray
    projection: np.ndarray
    bias: np.ndarray
    names: tuple[str, str, str]


def convert_language_model(
    source: Path,
    output: Path,
    *,
    vocabulary: Path,
    kind: str = "word",
    scopes: Sequence[str] = (),
    forget_bias: float = 1.0,
) -> list[str]:
    """Makes a run of `task=language_model` with the weights of a TensorFlow 1 checkpoint.

    Args:
        source: the checkpoint, or arrays of the same names as `.npz`.
        output: the run's folder, which is made.
        vocabulary: the tokens in the order of their ids, a line each (a line break as a character is `\\n`), or a list
            in a `.json`. `<eos>`, `</s>` or the line break is the end of a line, `<unk>` what is unknown.
        kind: `word` or `character`, what a token is.
        scopes: of the LSTM cells, from the first layer up; none: all, in the order of their names.
        forget_bias: of the cells.

    Returns:
        lines of a report: what went where.

    Raises:
        UserError: something is not there, does not fit, or cannot be written.
    """
    if output.exists():
        raise UserError(f"--output {output}: exists already; a run is made anew")
    tf1, known = Tf1Checkpoint(source), read_vocabulary(vocabulary)
    scopes = list(scopes) or sorted(tf1.lstm_scopes(), key=_by_numbers)
    cells = [tf1.cell(scope) for scope in scopes]
    arrays = [from_tf1_weights(cell.weights, forget_bias, cell.scope) for cell in cells]
    sizes = _same_sizes(scopes, [tf1.sizes(scope) for scope in scopes])
    tables = _tables(tf1, len(known.tokens), sizes[0].inputs, sizes[0].num_proj or sizes[0].units)
    config = compose(_options(vocabulary, kind, known, sizes))
    task = task_of(config)
    folder = RunFolder.create(output, task=task.name)
    TOKENIZERS[kind](known.symbols, Normalizer("none")).save(folder.tokenizer, "shared")
    model = task.model(task.load_tokenizers(folder.tokenizer))
    for scope, directions, its in zip(scopes, model.encoder.stack, arrays):
        load_cell(directions[0].cell, its, scope)
    model.embedding.table.assign(np.pad(tables.embedding, [(0, 1), (0, 0)])[known.read])
    model.output_projection.own_table.assign(np.pad(tables.projection.T, [(0, 1), (0, 0)])[known.written])
    model.output_projection.bias.assign(np.append(tables.bias, IMPOSSIBLE)[known.written])
    CheckpointStore(folder.checkpoints).save(
        step=0, model=model, training={"model": model}, state={}, best=True
    )
    folder.write_config(to_yaml(config))
    lines = [
        f"{name} → {ours}" for name, ours in zip(tables.names, ("embedding", "output/table", "output/bias"))
    ]
    lines += [f"{scope} → encoder/forward_{k}, {size}" for k, (scope, size) in enumerate(zip(scopes, sizes))]
    return [*lines, *_remarks(known, forget_bias), f"wrote {output}"]


def read_vocabulary(path: Path) -> Vocabulary:
    """
    Raises:
        UserError: it cannot be read, is no list of texts, or has a token twice.
    """
    try:
        text = path.read_text(encoding="utf-8")
        tokens = json.loads(text) if path.suffix == ".json" else text.split("\n")
    except (OSError, ValueError) as error:
        raise UserError(
            f"--vocabulary {path}: cannot be read ({getattr(error, 'strerror', None) or error})"
        ) from error
    if path.suffix != ".json":
        tokens = ["\n" if token == "\\n" else token for token in (tokens if tokens[-1] else tokens[:-1])]
    if not tokens or not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
        raise UserError(f"--vocabulary {path}: is no list of tokens, a line each or a list of texts in JSON")
    places = {token: place for place, token in enumerate(tokens)}
    if len(places) < len(tokens):
        twice = next(token for place, token in enumerate(tokens) if places[token] != place)
        raise UserError(f"--vocabulary {path}: has {twice!r} twice; each token has one id")
    end, unknown = (
        next((places[text] for text in texts if text in places), -1) for texts in (ENDS, UNKNOWNS)
    )
    others = [place for place in range(len(tokens)) if place not in (end, unknown)]
    return Vocabulary(
        tokens,
        [tokens[place] for place in others],
        [-1, unknown, end, end, *others],  # in the order of SPECIAL_PIECES
        [-1, unknown, -1, end, *others],
    )


def _tables(tf1: Tf1Checkpoint, size: int, inputs: int, depth: int) -> Tables:
    """The variables around the cells, found by their shapes; by its name, too, the embedding among several of one."""
    shapes = tf1.other_shapes()
    embeddings = [name for name, shape in shapes.items() if shape == [size, inputs]]
    named = [name for name in embeddings if _EMBEDDING.search(name)]
    embeddings = named or embeddings
    one_hot = not embeddings and inputs == size
    projections = [
        name
        for name, shape in shapes.items()
        if shape in ([depth, size], [size, depth]) and name not in embeddings
    ]
    biases = [name for name, shape in shapes.items() if shape == [size]]
    for what, found in (
        (f"an embedding [{size}, {inputs}]", ["one-hot vectors"] if one_hot else embeddings),
        (f"an output projection [{depth}, {size}]", projections),
        (f"its bias [{size}]", biases),
    ):
        if len(found) != 1:
            there = ", ".join(f"{name} {shape}" for name, shape in shapes.items()) or "nothing else"
            raise UserError(
                f"{tf1.path}: {what} for the {size:,} tokens of the vocabulary is"
                f" {'one of ' + ', '.join(found) if found else 'not there'}; beside its LSTM it holds {there}."
            )
    projection = tf1.tensor(projections[0])
    if projection.shape != (depth, size):
        projection = projection.T
    embedding = np.eye(size, dtype=np.float32) if one_hot else tf1.tensor(embeddings[0])
    names = ("one-hot vectors" if one_hot else embeddings[0], projections[0], biases[0])
    return Tables(embedding, projection, tf1.tensor(biases[0]), names)


def _same_sizes(scopes: Sequence[str], sizes: Sequence[CellSizes]) -> Sequence[CellSizes]:
    first = sizes[0]
    for scope, size in zip(scopes, sizes):
        inputs = first.inputs if size is first else first.num_proj or first.units
        if size != first._replace(inputs=inputs):
            raise UserError(
                f"{scope} has {size}; above {scopes[0]} with {first} a layer has"
                f" {first._replace(inputs=first.num_proj or first.units)}. Name the layers in their order by --scope."
            )
    return sizes


def _options(vocabulary: Path, kind: str, known: Vocabulary, sizes: Sequence[CellSizes]) -> list[str]:
    file, first = quoted(str(vocabulary.absolute())), sizes[0]
    return [
        "task=language_model",
        "task.stream.window=35",
        "data=text",
        f"data.train={file}",  # what there is; a run of text has that
        f"data.val={file}",
        f"data.tokenizer.kind={kind}",
        "data.tokenizer.normalization=none",
        f"data.tokenizer.vocabulary_size={len(known.symbols) + len(SPECIAL_PIECES)}",
        f"model.embedding.size={first.inputs}",
        "model.embedding.tie=none",
        "model.embedding.scale=false",
        "model.embedding.dropout=0",
        f"model.encoder.layers={len(sizes)}",
        f"model.encoder.units={first.units}",
        "model.encoder.residual=false",
        "model.encoder.dropout=0",
        "model.encoder.output_dropout=0",
        f"model.cell.num_proj={first.num_proj}",
        f"model.cell.use_peepholes={str(first.use_peepholes).lower()}",
    ]


def _remarks(known: Vocabulary, forget_bias: float) -> list[str]:
    _, unknown, start, _ = known.read[: len(SPECIAL_PIECES)]
    lines = [f"note: forget bias {forget_bias:g} was added, as TensorFlow 1's cells do at run time"]
    if start < 0:
        lines.append(
            f"note: no token ends a line ({', '.join(map(repr, ENDS))}): no line that is generated ends"
        )
    if unknown < 0:
        lines.append(
            f"note: no token stands for unknown ones ({', '.join(UNKNOWNS)}): text with such is impossible"
        )
    return [*lines, "note: the run has no text but its vocabulary; give data.test=FILE to evaluate"]


def _by_numbers(name: str) -> list[tuple[int, str]]:
    """`cell_2` before `cell_10`."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]
