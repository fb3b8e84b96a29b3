"""The tokenizers of a run: trained or taken at its start, loaded ever after."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from seq2seq.config.groups.data import DataConfig
from seq2seq.config.run_file import source_of
from seq2seq.config.tables import TOKENIZERS
from seq2seq.datasets.batches.batch_maker import SubwordSampling
from seq2seq.errors import UserError
from seq2seq.text.load import load_tokenizer
from seq2seq.text.normalizer import Normalizer
from seq2seq.text.tokenizer import Tokenizer
from seq2seq.text.train import train_tokenizer

logger = logging.getLogger(__name__)


class Tokenizers(NamedTuple):
    """One object twice, where both sides share a vocabulary."""

    source: Tokenizer
    target: Tokenizer


def load_tokenizers(config: DataConfig, folder: Path) -> Tokenizers:
    """Those that a run has saved in ``folder``."""
    loaded = [load_tokenizer(folder, side) for side in _sides(config)]
    return Tokenizers(loaded[0], loaded[-1])


def make_tokenizers(
    config: DataConfig, texts: Callable[[str], Iterator[str]], folder: Path, seed: int
) -> Tokenizers:
    """Trains them (or takes those given), and saves them in ``folder``.

    Args:
      config: the data.
      texts: of a side (``source``, ``target``, or ``shared`` by both), what to train on.
      folder: of the tokenizers.
      seed: of the run.
    """
    made = [make_tokenizer(config, texts(side), side, folder, seed) for side in _sides(config)]
    return Tokenizers(made[0], made[-1])


def make_tokenizer(config: DataConfig, texts: Iterable[str], side: str, folder: Path, seed: int) -> Tokenizer:
    """The same of one side."""
    tokenizer = _make_tokenizer(config, texts, side, seed)
    tokenizer.save(folder, side)
    logger.info("%s vocabulary: %s %s pieces", side, f"{tokenizer.vocabulary_size:,}", config.tokenizer.kind)
    return tokenizer


def subword_sampling(config: DataConfig) -> SubwordSampling | None:
    """What training draws segmentations with; None where it does not."""
    sampling = config.tokenizer.sampling
    return SubwordSampling(sampling.alpha, sampling.nbest) if sampling.alpha > 0.0 else None


def _sides(config: DataConfig) -> tuple[str, ...]:
    return ("shared",) if config.tokenizer.shared else ("source", "target")


def _make_tokenizer(config: DataConfig, texts: Iterable[str], side: str, seed: int) -> Tokenizer:
    options = config.tokenizer
    if options.run is not None:
        source = source_of(options.run)
        if source is None:
            raise UserError(f"data.tokenizer.run={options.run}: holds no run (no config.yaml).")
        logger.info("The %s tokenizer is that of %s.", side, source.run)
        folder = source.run / "tokenizer"
        if config.one_sided and not (folder / f"{side}.json").is_file():
            side = "target"  # of that run's two: a line is what it writes
        return load_tokenizer(folder, side)
    given = options.target_model if side == "target" else options.source_model
    if given is not None:
        normalizer = Normalizer(str(options.normalization), options.lowercase)
        taken: Tokenizer = TOKENIZERS[options.kind].load(Path(given), normalizer)
        return taken
    return train_tokenizer(
        texts,
        kind=options.kind,
        vocabulary_size=options.vocabulary_size,
        normalization=str(options.normalization),
        lowercase=options.lowercase,
        character_coverage=options.character_coverage,
        byte_fallback=options.byte_fallback,
        seed=seed,
    )
