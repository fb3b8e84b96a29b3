"""From the configuration to what a task works with: tokenizers, indices, the task, its evaluator."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from seq2seq.audio.augmentation import add_noise, change_gain, change_speed
from seq2seq.config.schema import (
    DataConfig,
    FeatureConfig,
    MaskingConfig,
    MaskingPolicy,
    ParallelTextConfig,
    SpeechDataConfig,
    SpeechModelConfig,
    SpeechTaskConfig,
    TaskConfig,
    TrainConfig,
    TranslationTaskConfig,
    WaveformAugmentConfig,
)
from seq2seq.datasets.batches.batch_maker import BatchMaker, SubwordSampling
from seq2seq.datasets.batches.plan import BatchPlan, batch_plan
from seq2seq.datasets.batches.speech import SPEECH_SIGNATURE, Augment, SpeechBatchMaker
from seq2seq.datasets.batches.static_shapes import StaticShapes, static_shapes
from seq2seq.datasets.batches.stream import SIGNATURE, WHOLE, Share
from seq2seq.datasets.build import Reader, build_reader
from seq2seq.datasets.index.build_index import build_index
from seq2seq.datasets.index.pair_index import PairIndex
from seq2seq.datasets.index.utterance_index import UtteranceIndex, build_utterance_index
from seq2seq.datasets.readers.pair_reader import PairReader
from seq2seq.datasets.readers.utterance_reader import UtteranceReader
from seq2seq.errors import UserError
from seq2seq.metrics.text_scores import TextScorer
from seq2seq.models.encoder_decoder import EncoderDecoder
from seq2seq.models.speech import SpeechModel
from seq2seq.models.translation import TranslationModel
from seq2seq.tasks.speech import SpeechEvaluator, SpeechTask, search_weight
from seq2seq.tasks.task import Evaluator
from seq2seq.tasks.transcriber import Transcriber
from seq2seq.tasks.translation import TranslationEvaluator, TranslationTask
from seq2seq.tasks.translator import Translator
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


def required_reader(config: DataConfig, split: str) -> Reader:
    """The reader of a split.

    Raises:
      UserError: the configuration names no file for it.
    """
    reader = build_reader(config, split)
    if reader is None:
        sides = (".source", ".target") if isinstance(config, ParallelTextConfig) else ("",)
        example = " ".join(f"data.{split}{side}=FILE" for side in sides)
        raise UserError(f"data.{split} names no file; give {example} (relative to data.root).")
    return reader


def pair_reader(config: DataConfig, split: str) -> PairReader:
    """``required_reader`` of data that are pairs of lines."""
    reader = required_reader(config, split)
    assert isinstance(reader, PairReader)
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


def _make_tokenizer(config: DataConfig, reader: Reader, name: str, seed: int) -> Tokenizer:
    options = config.tokenizer
    given = options.target_model if name == "target" else options.source_model
    if given is not None:
        return SentencePieceTokenizer.load(
            Path(given), Normalizer(str(options.normalization), options.lowercase)
        )

    def texts() -> Iterator[str]:
        if isinstance(reader, UtteranceReader):
            return iter(reader.texts())
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


def make_pair_index(config: DataConfig, tokenizers: Tokenizers, split: str, folder: Path) -> PairIndex:
    """The index of a split of pairs. Evaluation keeps every pair and its text; training what fits, with its text for
    sampling.

    Args:
      config: the data.
      tokenizers: of the run.
      split: ``train``, ``val`` or ``test``.
      folder: the run's own folder of indices; ``data.index_dir`` goes before it.
    """
    training = split == "train"
    return build_index(
        pair_reader(config, split),
        Path(config.index_dir) if config.index_dir else folder,
        name=split,
        source_tokenizer=tokenizers.source,
        target_tokenizer=tokenizers.target,
        max_source_length=config.max_source_length,
        max_target_length=config.max_target_length,
        keep_all=not training,
        keep_text=not training or config.tokenizer.sampling.alpha > 0.0,
    )


def make_utterance_index(
    data: SpeechDataConfig, features: FeatureConfig, tokenizers: Tokenizers, split: str, folder: Path
) -> UtteranceIndex:
    """The index of a split of utterances; ``features`` say the sample rate, see ``make_pair_index`` for the others."""
    folder = Path(data.index_dir) if data.index_dir else folder
    reader = required_reader(data, split)
    assert isinstance(reader, UtteranceReader)
    return build_utterance_index(
        reader,
        name=split,
        tokenizer=tokenizers.target,
        sample_rate=features.sample_rate,
        hop_ms=features.hop_ms,
        max_seconds=data.max_seconds,
        max_target_length=data.max_target_length,
        keep_all=split != "train",
        cache=folder if data.cache else None,
        skip_broken=data.broken_audio == "skip",
    )


def shape_count(config: MaskingConfig) -> int:
    """How many shapes the batches have at most; 0: any."""
    return config.shapes if config.policy is MaskingPolicy.static else 0


def build_augment(config: WaveformAugmentConfig) -> Augment | None:
    """What changes waveforms in training; None where nothing does."""
    steps: list[Augment] = []
    if list(config.speeds) != [1.0]:
        steps.append(lambda waveform, generator: change_speed(waveform, config.speeds, generator))
    if config.noise_snr:
        low, high = config.noise_snr
        steps.append(lambda waveform, generator: add_noise(waveform, (low, high), generator))
    if config.gain:
        steps.append(lambda waveform, generator: change_gain(waveform, config.gain, generator))
    if not steps:
        return None

    def augment(waveform: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        for step in steps:
            waveform = step(waveform, generator)
        return waveform

    return augment


def make_index(
    config: TrainConfig, tokenizers: Tokenizers, split: str, folder: Path
) -> PairIndex | UtteranceIndex:
    """The index of a split, of whatever the task reads; see ``make_pair_index``."""
    if isinstance(config.data, SpeechDataConfig):
        assert isinstance(config.model, SpeechModelConfig)
        return make_utterance_index(config.data, config.model.features, tokenizers, split, folder)
    return make_pair_index(config.data, tokenizers, split, folder)


def build_task(
    config: TrainConfig, tokenizers: Tokenizers, indices: Path, share: Share = WHOLE
) -> TranslationTask | SpeechTask:
    """The task of a training run, of which this process takes a share of each batch."""
    subwords = config.data.tokenizer.sampling
    sampling = SubwordSampling(subwords.alpha, subwords.nbest) if subwords.alpha > 0.0 else None
    train = make_index(config, tokenizers, "train", indices)
    lengths = _planned_lengths(config, train)
    size: dict[str, Any] = dict(batch_type=str(config.data.batch.type), batch_size=config.data.batch.size)
    static = None
    if count := shape_count(config.masking):
        static = static_shapes(lengths, train.target.lengths, count=count, **size)
        _report_shapes(static, lengths, train.target.lengths)

    def plan(epoch: int) -> BatchPlan:
        if static is not None:
            return static.plan(seed=config.seed, epoch=epoch)
        window = config.data.batch.window
        return batch_plan(
            lengths, train.target.lengths, **size, seed=config.seed, epoch=epoch, window_batches=window
        )

    shared: dict[str, Any] = dict(
        plan=plan,
        seed=config.seed,
        evaluator=lambda model: build_evaluator(config, model, tokenizers),
        val=make_index(config, tokenizers, "val", indices),
        share=share,
    )
    if isinstance(train, UtteranceIndex):
        assert isinstance(config.task, SpeechTaskConfig)
        assert isinstance(config.data, SpeechDataConfig)
        assert isinstance(config.model, SpeechModelConfig)
        augment = build_augment(config.data.augment)
        start = config.data.augment.from_epoch - 1
        return SpeechTask(
            config.task,
            maker=SpeechBatchMaker(
                train,
                tokenizers.target,
                augment=augment,
                augment_from=start,
                sampling=sampling,
                shapes=static and static.with_sources(train.samples),
            ),
            signature=SPEECH_SIGNATURE,
            blank_id=tokenizers.target.pad_id,
            train=train,
            augment_warmup=config.model.spec_augment.warmup_steps,
            **shared,
        )
    maker = BatchMaker(train, *tokenizers, sampling=sampling, shapes=static)
    assert isinstance(config.task, TranslationTaskConfig)
    scorer = build_scorer(config.task)
    return TranslationTask(config.task, maker=maker, signature=SIGNATURE, scorer=scorer, **shared)


def _planned_lengths(config: TrainConfig, train: PairIndex | UtteranceIndex) -> np.ndarray:
    """``[N]`` of the sources. Fixed shapes have room for the slowest that an utterance may be spoken."""
    if isinstance(train, PairIndex):
        return train.source.lengths
    if not shape_count(config.masking):
        return train.frames
    assert isinstance(config.data, SpeechDataConfig)
    slowest = min(1.0, *config.data.augment.speeds)
    return np.ceil(train.frames / slowest).astype(np.int32)


def _report_shapes(shapes: StaticShapes, source_lengths: np.ndarray, target_lengths: np.ndarray) -> None:
    tokens = int(source_lengths.sum() + target_lengths.sum()) + len(target_lengths)
    logger.info(
        "%d shapes of batches, rows x (source + target): %s; %.0f %% of their positions hold tokens.",
        len(shapes.shapes),
        ", ".join(f"{shape.rows} x ({shape.source} + {shape.target})" for shape in shapes.shapes),
        100.0 * tokens / shapes.positions(),
    )


def build_translator(
    config: TrainConfig, model: TranslationModel, tokenizers: Tokenizers, *, alignments: bool = False
) -> Translator:
    """What translates with a model."""
    return Translator(
        model,
        *tokenizers,
        config.search,
        max_source_length=config.data.max_source_length,
        alignments=alignments,
    )


def build_transcriber(
    config: TrainConfig,
    model: SpeechModel,
    tokenizers: Tokenizers,
    *,
    alignments: bool = False,
    timestamps: bool = False,
) -> Transcriber:
    """What recognises with a model."""
    assert isinstance(config.task, SpeechTaskConfig)
    return Transcriber(
        model,
        tokenizers.target,
        config.search,
        ctc_weight=search_weight(config.search, config.task),
        alignments=alignments,
        timestamps=timestamps,
    )


def build_evaluator(config: TrainConfig, model: EncoderDecoder, tokenizers: Tokenizers) -> Evaluator:
    """What measures a model."""
    shapes = shape_count(config.masking)
    if isinstance(model, SpeechModel):
        assert isinstance(config.task, SpeechTaskConfig)
        transcriber = build_transcriber(config, model, tokenizers)
        return SpeechEvaluator(transcriber, config.task, config.data.batch, shapes=shapes)
    assert isinstance(model, TranslationModel)
    assert isinstance(config.task, TranslationTaskConfig)
    translator = build_translator(config, model, tokenizers)
    return TranslationEvaluator(translator, build_scorer(config.task), config.data.batch, shapes=shapes)


def require_scorer(config: TaskConfig) -> None:
    """Makes sure, before there is work to lose, that what measures the outputs is installed.

    Raises:
      UserError: it is not.
    """
    if isinstance(config, TranslationTaskConfig):
        build_scorer(config)


def build_scorer(config: TranslationTaskConfig) -> TextScorer:
    """What measures translations.

    Raises:
      UserError: the tokenizer of BLEU is not installed.
    """
    tokenizer = "none" if config.metric_on == "tokenized" else config.bleu_tokenizer
    return TextScorer(tokenizer=tokenizer, lowercase=config.lowercase_metric)
