"""`convert-tf1` and `doctor`."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Any, Dict, List, Optional

import typer

from seq2seq.cli.app import command
from seq2seq.cli.arguments import CHECKPOINT
from seq2seq.errors import UserError


class Tokens(str, Enum):
    word = "word"
    character = "character"


@command(name="convert-tf1")
def convert_tf1(
    source: Path = typer.Argument(
        ..., metavar="CHECKPOINT", help="TensorFlow 1's: prefix or folder. With --back: FILE.npz or RUN."
    ),
    scopes: List[str] = typer.Option(
        [], "--scope", help="Of an LSTM cell, such as encoder/rnn/lstm_cell; without it, they are listed."
    ),
    forget_bias: float = typer.Option(
        1.0, "--forget-bias", help="Which TensorFlow 1's cell adds at run time."
    ),
    output: Optional[Path] = typer.Option(
        None, "--output", metavar="FILE", help="Write FILE.npz; with --back, a checkpoint of that prefix."
    ),
    into: Optional[Path] = typer.Option(
        None, "--into", metavar="RUN", help="Put the weights into a run, as a new checkpoint of it."
    ),
    layers: List[str] = typer.Option(
        [], "--layer", metavar="NAME", help="Of the run, one for each --scope: encoder/forward_0, …"
    ),
    vocabulary: Optional[Path] = typer.Option(
        None,
        "--vocabulary",
        metavar="FILE",
        help="Of a whole language model: its tokens in the order of their ids, a line each or a .json list. Makes a"
        " run of it, --output RUN.",
    ),
    tokens: Tokens = typer.Option(Tokens.word, "--tokens", help="What a token of --vocabulary is."),
    back: bool = typer.Option(False, "--back", help="The other way: from ours to TensorFlow 1."),
    checkpoint: Optional[str] = CHECKPOINT,
) -> None:
    """Bring an LSTM's weights from a TensorFlow 1 checkpoint, or back."""
    cells: Dict[str, Any] = {"scopes": scopes, "forget_bias": forget_bias}
    if vocabulary is not None:
        if output is None or into is not None or layers or back:
            raise UserError(
                "--vocabulary takes --output RUN, the run to make, and no --into, --layer and --back."
            )
        from seq2seq.interop.tf1_language_model import convert_language_model

        lines = convert_language_model(source, output, vocabulary=vocabulary, kind=tokens.value, **cells)
    else:
        from seq2seq.interop.convert_tf1 import convert

        places: Dict[str, Any] = {
            "layers": layers,
            "output": output,
            "into": into,
            "back": back,
            "checkpoint": checkpoint,
        }
        lines = convert(source, **cells, **places)
    for line in lines:
        typer.echo(line)


@command()
def doctor() -> None:
    """Print versions, devices, and what will run on them."""
    from seq2seq.runs.doctor import examine

    for name, finding in examine():
        typer.echo(f"{name:<22} {finding}")
