"""Speed of training a language model, beside the same model in PyTorch, measured in turn in one run.

    python benchmarks/language_model.py [--peer-python PYTHON] [--rounds 3] [--steps 30] [--units 512] …

Both train an embedding, LSTM layers and a projection that is the embedding again where sizes allow, with dropout
between them, cross entropy, clipping and Adam, on the same random lines of one length, so that there is no padding;
each in a process of its own with the same number of threads, by turns, so that a machine that is busy slows both. The
first steps, which build graphs and fill caches, are left out. A token is one that is predicted.

PYTHON is that of an environment with PyTorch; without it this one is asked, and where it has none ours is measured
alone.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

WARM_UP = 5  # steps that are not timed
SIZES = {"vocabulary": 8000, "embedding": 512, "units": 512, "layers": 1, "batch": 32, "length": 32}
DROPOUT = 0.3
CLIP = 5.0
RATE = 1e-3


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("system", nargs="?", choices=("both", "ours", "peer"), default="both")
    parser.add_argument("--peer-python", help="python of an environment with PyTorch")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each, by turns")
    parser.add_argument("--steps", type=int, default=30, help="of one measurement")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print one JSON object, for records")
    for name, size in SIZES.items():
        parser.add_argument(f"--{name}", type=int, default=size)
    arguments = parser.parse_args()
    measure = {"ours": train_ours, "peer": train_peer}.get(arguments.system)
    if measure:
        print(json.dumps(measure(arguments)))
    else:
        compare(arguments)


def compare(arguments: argparse.Namespace) -> None:
    peer = arguments.peer_python or (sys.executable if importlib.util.find_spec("torch") else None)
    pythons = {"ours": sys.executable, **({"peer": peer} if peer else {})}
    measured: dict[str, list[float]] = {name: [] for name in pythons}
    for _ in range(arguments.rounds):
        for name, python in pythons.items():
            measured[name].append(in_process(python, name, arguments))
    if arguments.json:
        print(json.dumps(measured))
        return
    for name, speeds in measured.items():
        print(f"{name}: {statistics.median(speeds):,.0f} tokens/s ({min(speeds):,.0f} to {max(speeds):,.0f})")
    if peer:
        ratio = statistics.median(measured["ours"]) / statistics.median(measured["peer"])
        print(f"ours / PyTorch: {ratio:.2f}")
    else:
        print("PyTorch was not measured: it is not installed here, and no --peer-python was given.")


def in_process(python: str, system: str, arguments: argparse.Namespace) -> float:
    options = [f"--{name}={getattr(arguments, name)}" for name in (*SIZES, "steps", "threads")]
    command = [python, str(Path(__file__).resolve()), system, *options]
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-4000:]}")
    return float(json.loads(done.stdout.splitlines()[-1]))


def speed(step: Callable[[], Any], arguments: argparse.Namespace) -> float:
    """Tokens a second of a step that waits for its result."""
    for _ in range(WARM_UP):
        step()
    start = time.perf_counter()
    for _ in range(arguments.steps):
        step()
    seconds = time.perf_counter() - start
    return arguments.steps * arguments.batch * arguments.length / seconds


def lines(arguments: argparse.Namespace) -> Any:
    """``[batch, length + 1]`` ids."""
    import numpy as np

    shape = arguments.batch, arguments.length + 1
    return np.random.default_rng(0).integers(4, arguments.vocabulary, shape)


def train_ours(arguments: argparse.Namespace) -> float:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    import numpy as np
    import tensorflow as tf

    from seq2seq.config.groups.language_model import LanguageModelConfig, LanguageModelTaskConfig
    from seq2seq.config.groups.masking import MaskingConfig
    from seq2seq.config.groups.model import EmbeddingConfig, EncoderConfig, Tie
    from seq2seq.datasets.batches.pairs import Batch
    from seq2seq.datasets.batches.stream import SIGNATURE
    from seq2seq.tasks.language_model.model import build_language_model
    from seq2seq.tasks.language_model.training import language_model_loss
    from seq2seq.training.optim.optimizers import Adam
    from seq2seq.training.optim.schedules import Constant
    from seq2seq.training.step import StepOptions, TrainStep

    tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
    tf.config.threading.set_inter_op_parallelism_threads(arguments.threads)
    encoder = EncoderConfig(
        layers=arguments.layers,
        units=arguments.units,
        bidirectional=False,
        dropout=DROPOUT,
        output_dropout=DROPOUT,
    )
    embedding = EmbeddingConfig(size=arguments.embedding, tie=Tie.target_output, dropout=DROPOUT)
    config = LanguageModelConfig(embedding=embedding, encoder=encoder)
    model = build_language_model(config, MaskingConfig(), vocabulary_size=arguments.vocabulary)
    optimizer = Adam(Constant(RATE))
    optimizer.build(model.trainable_variables)
    options = LanguageModelTaskConfig()
    step = TrainStep(
        model=model,
        loss=lambda model, batch, training: language_model_loss(model, batch, training, options),
        optimizer=optimizer,
        options=StepOptions(clip_norm=CLIP),
        signature=(SIGNATURE,),
    )
    ids = lines(arguments).astype(np.int32)
    ones = np.ones(len(ids), np.int32)
    batch = Batch(np.arange(len(ids)), ids[:, :1], ones, ids[:, :-1], ids[:, 1:], ones * arguments.length)
    tensors = Batch(*map(tf.constant, batch))
    return speed(lambda: step(((tensors,),)).loss, arguments)


def train_peer(arguments: argparse.Namespace) -> float:
    import torch
    from torch import nn

    torch.set_num_threads(arguments.threads)

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(arguments.vocabulary, arguments.embedding)
            between = DROPOUT if arguments.layers > 1 else 0.0
            self.lstm = nn.LSTM(
                arguments.embedding, arguments.units, arguments.layers, batch_first=True, dropout=between
            )
            tied = arguments.units == arguments.embedding
            self.adapter = (
                nn.Identity() if tied else nn.Linear(arguments.units, arguments.embedding, bias=False)
            )
            self.output = nn.Linear(arguments.embedding, arguments.vocabulary)
            self.output.weight = self.embedding.weight
            self.dropout = nn.Dropout(DROPOUT)

        def forward(self, ids: Any) -> Any:
            read, _ = self.lstm(self.dropout(self.embedding(ids)))
            return self.output(self.adapter(self.dropout(read)))

    model = Model()
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    ids = torch.from_numpy(lines(arguments))

    def step() -> float:
        optimizer.zero_grad()
        logits = model(ids[:, :-1])
        loss = nn.functional.cross_entropy(logits.reshape(-1, arguments.vocabulary), ids[:, 1:].reshape(-1))
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        return float(loss)

    return speed(step, arguments)


if __name__ == "__main__":
    main()
