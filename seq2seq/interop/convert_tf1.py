"""`seq2seq convert-tf1`: LSTM weights out of TensorFlow 1's checkpoints into files and runs, and back."""

from __future__ import annotations

import io
import itertools
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from seq2seq.errors import UserError
from seq2seq.files import new_folder, write_atomically
from seq2seq.interop.tf1_checkpoint import Tf1Cell, Tf1Checkpoint, write_checkpoint
from seq2seq.keras2 import keras
from seq2seq.layers.lstm_cell import LSTMCell
from seq2seq.layers.recurrence import LSTM
from seq2seq.layers.tf1_weights import (
    COUNTERPARTS,
    Arrays,
    cell_arrays,
    from_tf1_weights,
    load_cell,
    to_tf1_weights,
)
from seq2seq.runs.folder import RunFolder
from seq2seq.runs.use import Run, find_checkpoint, load_run
from seq2seq.training.checkpoints.store import (
    WEIGHTS,
    Checkpoint,
    checksums,
    new_checkpoint,
    write_trackables,
)


def convert(
    source: Path,
    *,
    scopes: Sequence[str] = (),
    layers: Sequence[str] = (),
    forget_bias: float = 1.0,
    output: Path | None = None,
    into: Path | None = None,
    back: bool = False,
    checkpoint: str | None = None,
) -> list[str]:
    """Does what the options ask for.

    Args:
        source: a TensorFlow 1 checkpoint (its prefix, or its folder); with `back` a file made here, or a run.
        scopes: of the LSTM cells in the TensorFlow 1 checkpoint; none: list them.
        layers: of the run, one for each scope.
        forget_bias: of the TensorFlow 1 cells.
        output: the file to write; with `back`, the checkpoint.
        into: the run that gets the weights, in a new checkpoint.
        back: from ours to TensorFlow 1.
        checkpoint: of the run; None: what the run chose.

    Returns:
        lines of a report: what went where, and what was left.

    Raises:
        UserError: the options do not go together, something is not there, or does not fit.
    """
    if back:
        if into is not None or output is None or not scopes:
            raise UserError(
                "--back takes --scope NAME and --output CHECKPOINT, the TF1 checkpoint to write, and no --into."
            )
        return _back(source, scopes, layers, output, forget_bias, checkpoint)
    if not scopes:
        if output is not None or into is not None:
            raise UserError(f"--scope is missing; {_there_are(Tf1Checkpoint(source).lstm_scopes())}.")
        return _describe(source)
    if (output is None) == (into is None):
        raise UserError(
            "Give one of --output FILE.npz and --into RUN --layer NAME, where the weights shall go."
        )
    if into is not None:
        return _into_run(source, scopes, into, layers, forget_bias, checkpoint)
    assert output is not None
    if layers or len(scopes) > 1:
        raise UserError("--output takes one --scope and no --layer; several go --into RUN.")
    return _into_file(source, scopes[0], output, forget_bias)


# --- from TensorFlow 1 ---


def _describe(source: Path) -> list[str]:
    return _table([(scope, str(sizes)) for scope, sizes in Tf1Checkpoint(source).lstm_scopes().items()])


def _into_file(source: Path, scope: str, output: Path, forget_bias: float) -> list[str]:
    cell = Tf1Checkpoint(source).cell(scope)
    arrays = from_tf1_weights(cell.weights, forget_bias, scope)
    content = io.BytesIO()
    np.savez(content, **arrays)
    with new_folder(output.parent):
        write_atomically(output, content.getvalue())
    return [*_report(cell, "→", arrays, forget_bias), f"wrote {output}"]


def _into_run(
    source: Path,
    scopes: Sequence[str],
    into: Path,
    layers: Sequence[str],
    forget_bias: float,
    checkpoint: str | None,
) -> list[str]:
    tf1 = Tf1Checkpoint(source)
    cells = [tf1.cell(scope) for scope in scopes]
    found = _find(into, checkpoint)
    run = load_run(into, checkpoint=found.path.name)
    lines = []
    for cell, (layer, ours) in zip(cells, _chosen_layers(run, layers, len(scopes)).items()):
        arrays = from_tf1_weights(cell.weights, forget_bias, cell.scope)
        load_cell(ours, arrays, layer)
        lines += _report(cell, "→", arrays, forget_bias, layer)
    path = _unused(run.folder.checkpoints)
    with new_checkpoint(path) as temporary:
        write_trackables(temporary / WEIGHTS, model=run.model)
        Checkpoint(path=temporary, step=found.step, checksums=checksums(temporary)).write_manifest()
    lines.append(f"wrote {path}, all else as in {found.path.name}; --checkpoint {path.name} chooses it")
    return lines


# --- to TensorFlow 1 ---


def _back(
    source: Path,
    scopes: Sequence[str],
    layers: Sequence[str],
    output: Path,
    forget_bias: float,
    checkpoint: str | None,
) -> list[str]:
    if source.is_dir():
        run = load_run(source, checkpoint=_find(source, checkpoint).path.name)
        chosen = _chosen_layers(run, layers, len(scopes))
        cells = {layer: cell_arrays(cell) for layer, cell in chosen.items()}
    else:
        if layers or len(scopes) > 1:
            raise UserError(
                f"{source} is a file, of one cell: --back takes one --scope and no --layer with it."
            )
        cells = {"": _read_file(source)}
    if len(set(scopes)) != len(scopes):
        raise UserError(
            f"--back writes every cell to a --scope of its own, and {', '.join(scopes)} repeats one."
        )
    tensors: Arrays = {}
    lines = []
    for scope, (layer, arrays) in zip(scopes, cells.items()):
        weights = to_tf1_weights(arrays, forget_bias)
        cell = Tf1Cell(scope, weights, {name: f"{scope}/{name}" for name in weights}, {})
        tensors.update({cell.names[name]: array for name, array in weights.items()})
        lines += _report(cell, "←", arrays, forget_bias, layer)
    write_checkpoint(output, tensors)
    return [*lines, f"wrote {output}"]


# --- runs and files ---


def lstm_cells(model: keras.Model) -> dict[str, LSTMCell]:
    """The LSTM cells of a model by name: its part and the layer there, `encoder/forward_0`, `decoder/cell_0`."""
    cells: dict[str, LSTMCell] = {}
    for part in model.layers:
        recurrences = [layer for layer in part.submodules if isinstance(layer, LSTM)]
        cells.update({f"{part.name}/{layer.name}": layer.cell for layer in recurrences})
        inner = {id(layer.cell) for layer in recurrences}
        steps = [layer for layer in part.submodules if isinstance(layer, LSTMCell) and id(layer) not in inner]
        cells.update({f"{part.name}/{cell.name}": cell for cell in steps})
    return cells


def _chosen_layers(run: Run, layers: Sequence[str], scopes: int) -> dict[str, LSTMCell]:
    """The cells of the layers named, one for each scope."""
    cells = lstm_cells(run.model)
    for layer in layers:
        if layer not in cells:
            raise UserError(f"--layer {layer}: {run.folder.path} has no such LSTM; {_there_are(cells)}.")
    if len(layers) != scopes or len(set(layers)) != scopes:
        raise UserError(
            f"Every --scope goes with a --layer of its own: {scopes} and {len(set(layers))} are given;"
            f" {_there_are(cells)}."
        )
    return {layer: cells[layer] for layer in layers}


def _find(run: Path, checkpoint: str | None) -> Checkpoint:
    return find_checkpoint(RunFolder.open(run), checkpoint)


def _unused(checkpoints: Path) -> Path:
    paths = (checkpoints / f"converted-{number}" for number in itertools.count(1))
    return next(path for path in paths if not path.exists())


def _read_file(path: Path) -> Arrays:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, AttributeError, TypeError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} is neither a run nor a file that convert-tf1 wrote: {error}.") from error


# --- text ---


def _report(cell: Tf1Cell, arrow: str, ours: Arrays, forget_bias: float, layer: str = "") -> list[str]:
    """A line for every weight: its name and shape there and here."""
    rows = []
    for name in filter(cell.weights.__contains__, COUNTERPARTS):
        left, shape = cell.names[name], _brackets(cell.weights[name].shape)
        for own in COUNTERPARTS[name]:
            remark = (
                f"forget bias {forget_bias:g} {'added' if arrow == '→' else 'taken off'}"
                if own == "bias"
                else ""
            )
            right = f"{layer}/{own}" if layer else own
            rows.append((left, shape, arrow, right, _brackets(ours[own].shape), remark))
            left = shape = ""
    rows += [(name, _brackets(shape), "", "ignored", "", "") for name, shape in cell.ignored.items()]
    lines = _table(rows)
    if arrow == "→":
        lines.append(
            "note: a checkpoint does not say cell_clip and proj_clip; they must be those of the TF1 code"
        )
    if cell.scope.endswith("cudnn_compatible_lstm_cell") and forget_bias:
        lines.append("note: TF1's CudnnCompatibleLSTMCell has no forget bias; give --forget-bias 0")
    return lines


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]


def _there_are(names: Iterable[str]) -> str:
    return f"there are {', '.join(names)}"


def _brackets(shape: Sequence[int]) -> str:
    return f"[{', '.join(map(str, shape))}]"
