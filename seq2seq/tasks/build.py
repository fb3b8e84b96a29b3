"""From the configuration to what a translation task works with: tokenizers, indices, the task."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from seq2seq.config.schema import DataConfig, MaskingConfig, MaskingPolicy, TrainConfig, TranslationTaskConfig
from seq2seq.datasets.batch_maker import SubwordSampling
from seq2seq.datasets.build import build_reader
from seq2seq.datasets.build_index import build_index
from seq2seq.datasets.pair_index import PairIndex
from seq2seq.datasets.pair_reader import PairReader
from seq2seq.errors import UserError
from seq2seq.tasks.translation import TranslationTask
from seq2seq.text.load import load_tokenizer
from seq2seq.text.normalizer import Normalizer
from seq2seq.text.sentencepiece_tokenizer import SentencePieceTokenizer
from seq2seq.text.tokenizer import Tokenizer
from seq2seq.text.train import train_tokenizer

logger = logging.getLogger(__name__)


class Tokenizers(NamedTuple):
    """One object twice, where both sides share a vocabulary."""

    source: Tokenizer
    target: Tokenizer


def required_reader(config: DataConfig, split: str) -> PairReader:
    """The reader of a split.

    Raises:
      UserError: the configuration names no file for it.
    """
    reader = build_reader(config, split)
    if reader is None:
        raise UserError(
            f"data.{split} names no file; give it, for example data.{split}.source=… data.{split}.target=…."
        )
    return reader


def load_tokenizers(config: DataConfig, folder: Path) -> Tokenizers:
    """Those that a run has saved in ``folder``."""
    if config.tokenizer.shared:
        shared = load_tokenizer(folder, "shared")
        return Tokenizers(shared, shared)
    return Tokenizers(load_tokenizer(folder, "source"), load_tokenizer(folder, "target"))


def make_tokenizers(config: DataConfig, folder: Path, seed: int) -> Tokenizers:
    """Trains them on the training text (or takes those given), and saves them in ``folder``."""
    names = ("shared",) if config.tokenizer.shared else ("source", "target")
    reader = required_reader(config, "train")
    made = [_make_tokenizer(config, reader, name, seed) for name in names]
    for name, tokenizer in zip(names, made):
        tokenizer.save(folder, name)
        logger.info(
            "%s vocabulary: %s %s pieces", name, f"{tokenizer.vocabulary_size:,}", config.tokenizer.kind
        )
    return Tokenizers(made[0], made[-1])


def _make_tokenizer(config: DataConfig, reader: PairReader, name: str, seed: int) -> Tokenizer:
    options = config.tokenizer
    given = options.target_model if name == "target" else options.source_model
    if given is not None:
        return SentencePieceTokenizer.load(
            Path(given), Normalizer(str(options.normalization), options.lowercase)
        )

    def texts() -> Iterator[str]:
        if name == "shared":
            return itertools.chain.from_iterable(reader.pairs())
        return (pair[name == "target"] for pair in reader.pairs())

    return train_tokenizer(
        texts(),
        kind=str(options.kind),
        vocabulary_size=options.vocabulary_size,
        normalization=str(options.normalization),
        lowercase=options.lowercase,
        character_coverage=options.character_coverage,
        seed=seed,
    )


def make_index(config: DataConfig, tokenizers: Tokenizers, split: str, folder: Path) -> PairIndex:
    """The index of a split. Evaluation keeps every pair and its text; training what fits, with its text for sampling.

    Args:
      config: the data.
      tokenizers: of the run.
      split: ``train``, ``val`` or ``test``.
      folder: the run's own folder of indices; ``data.index_dir`` goes before it.
    """
    training = split == "train"
    return build_index(
        required_reader(config, split),
        Path(config.index_dir) if config.index_dir else folder,
        name=split,
        source_tokenizer=tokenizers.source,
        target_tokenizer=tokenizers.target,
        max_source_length=config.max_source_length,
        max_target_length=config.max_target_length,
        keep_all=not training,
        keep_text=not training or config.tokenizer.sampling.alpha > 0.0,
    )


def static_shapes(config: MaskingConfig) -> int:
    """How many shapes the batches have at most; 0: any."""
    return config.shapes if config.policy is MaskingPolicy.static else 0


def build_task(config: TrainConfig, tokenizers: Tokenizers, indices: Path) -> TranslationTask:
    """The task of a training run."""
    sampling = config.data.tokenizer.sampling
    assert isinstance(config.task, TranslationTaskConfig)
    return TranslationTask(
        config.task,
        config.data.batch,
        config.search,
        train=make_index(config.data, tokenizers, "train", indices),
        val=make_index(config.data, tokenizers, "val", indices),
        source_tokenizer=tokenizers.source,
        target_tokenizer=tokenizers.target,
        sampling=SubwordSampling(sampling.alpha, sampling.nbest) if sampling.alpha > 0.0 else None,
        seed=config.seed,
        max_source_length=config.data.max_source_length,
        shapes=static_shapes(config.masking),
    )
