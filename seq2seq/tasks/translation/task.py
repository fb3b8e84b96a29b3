"""Translation, as the contract of tasks has it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, cast

import numpy as np

from seq2seq.config.auto import Decision
from seq2seq.config.groups.model import ModelConfig
from seq2seq.config.groups.translation import MetricText, TranslationTaskConfig
from seq2seq.datasets.index.pair_index import PairIndex
from seq2seq.errors import UserError, require_several
from seq2seq.metrics.bleu import fitting_tokenizer
from seq2seq.models.ensemble import Ensemble
from seq2seq.tasks.batching import shape_count
from seq2seq.tasks.contract import Member
from seq2seq.tasks.data_report import DataReport
from seq2seq.tasks.readers import splits_of
from seq2seq.tasks.searching import special_ids
from seq2seq.tasks.sizes import MOST_UPDATES, run_length
from seq2seq.tasks.text_task import TextTask
from seq2seq.tasks.tokenizers import Tokenizers
from seq2seq.tasks.translation.data_report import describe, pair_faults
from seq2seq.tasks.translation.evaluator import TranslationEvaluator, translation_scorer
from seq2seq.tasks.translation.model import TranslationModel, build_translation_model
from seq2seq.tasks.translation.scoring import PairScorer, fused_log_probs
from seq2seq.tasks.translation.serving import TranslationServing
from seq2seq.tasks.translation.sizes import epochs_and_least, translation_sizes
from seq2seq.tasks.translation.training import TranslationTraining
from seq2seq.tasks.translation.translator import Translator
from seq2seq.training.reports.plots import save_alignment

PLOTTED_EXAMPLES = 4

LINES_FOR_SCRIPT = 1000
"""Of the training data, by which the script of the references is known."""


class TranslationTask(TextTask):
    """See `Task`."""

    verbs = frozenset({"translate", "score", "embed"})
    labels = ("source", "translation")
    scored = ("SOURCE", "TARGET")

    @property
    def options(self) -> TranslationTaskConfig:
        return cast(TranslationTaskConfig, self.config.task)

    @property
    def _attends(self) -> bool:
        return bool(cast(ModelConfig, self.config.model).decoder.attention.attends)

    def require_installed(self) -> None:
        translation_scorer(self.options)

    # --- data ---

    def sizes(self) -> dict[str, Decision]:
        return {**translation_sizes(self.config, self.counts), **self.bleu_words()}

    def bleu_words(self) -> dict[str, Decision]:
        """What splits the references, where the usual tokenizer of BLEU does not."""
        targets = [target for _, target in islice(self.pairs("train").pairs(), LINES_FOR_SCRIPT)]
        fitting = fitting_tokenizer(targets) if self.options.metric_on is MetricText.detokenized else None
        if fitting is None:
            return {}
        tokenizer, language = fitting
        return {"task.bleu_tokenizer": Decision(tokenizer, f"the references are {language}")}

    def length(self, steps_per_epoch: int, most: int = MOST_UPDATES) -> dict[str, Decision]:
        epochs, least = epochs_and_least(self.counts)
        return run_length(steps_per_epoch, epochs=epochs, least=least, most=most)

    def describe(self, index: PairIndex, tokenizers: Tokenizers, split: str) -> DataReport:
        return describe(index, tokenizers, self.config.data, split)

    def faults_of_files(self) -> Iterator[str]:
        return pair_faults({split: self.pairs(split) for split in splits_of(self.config.data)})

    # --- training and evaluation ---

    def model(self, tokenizers: Tokenizers, *, gpu: bool = False) -> TranslationModel:
        return build_translation_model(
            cast(ModelConfig, self.config.model),
            self.config.masking,
            source_vocabulary_size=tokenizers.source.vocabulary_size,
            target_vocabulary_size=tokenizers.target.vocabulary_size,
            gpu=gpu,
        )

    def make_training(self, **shared: Any) -> TranslationTraining:
        return TranslationTraining(self.options, scorer=translation_scorer(self.options), **shared)

    def evaluator(self, model: TranslationModel, tokenizers: Tokenizers) -> TranslationEvaluator:
        return TranslationEvaluator(
            self.predictor(model, tokenizers),
            translation_scorer(self.options),
            self.config.data.batch,
            shapes=shape_count(self.config.masking),
        )

    def plot(self, model: TranslationModel, tokenizers: Tokenizers, index: PairIndex, folder: Path) -> None:
        if not self._attends:
            return
        predictor = self.predictor(model, tokenizers, alignments=True)
        sources = index.source.texts(np.arange(min(PLOTTED_EXAMPLES, len(index))))
        for number, prediction in enumerate(predictor.predict(sources), start=1):
            assert prediction.alignment is not None
            save_alignment(
                folder / f"attention_{number}.png",
                source_pieces=prediction.source_pieces,
                target_pieces=prediction.pieces,
                alignment=prediction.alignment,
                title=f"{number}. {sources[number - 1]} → {prediction.texts[0]}",
            )

    # --- use ---

    def ensemble(self, members: Sequence[Member], mean: str) -> Ensemble:
        return Ensemble([member.model for member in members], mean)

    def predictor(
        self,
        model: TranslationModel,
        tokenizers: Tokenizers,
        *,
        alignments: bool = False,
        timestamps: bool = False,
        parts: bool = False,
    ) -> Translator:
        if timestamps:
            raise UserError("Timestamps are of speech; a translation has none.")
        if alignments and not self._attends:
            raise UserError("Alignments are of attention, and model.decoder.attention.kind=none.")
        return Translator(
            model,
            *tokenizers,
            self.config.search,
            max_source_length=self.config.data.max_source_length,
            language_model=self.fused,
            alignments=alignments,
            parts=parts,
        )

    def scorer(
        self, model: TranslationModel, tokenizers: Tokenizers
    ) -> Callable[[Iterable[tuple[str, str]]], Iterator[float]]:
        """``log p(target | source)`` of each pair of lines, in nats; with that of a fused language model."""
        fused: dict[str, Any] = {}
        if self.fused is not None:
            weight, ids = self.config.search.language_model_weight, special_ids(tokenizers.target)
            fused["added"] = partial(fused_log_probs, self.fused, weight, ids)
        score = PairScorer(
            model,
            source_tokenizer=tokenizers.source,
            target_tokenizer=tokenizers.target,
            batch_size=self.config.search.batch_size,
            **fused,
        )

        def checked(pairs: Iterable[tuple[str, str]]) -> Iterator[float]:
            require_several(pairs, "pairs (source, target)")
            return score(map(_pair, pairs))

        return checked

    def serving(self, model: TranslationModel, tokenizers: Tokenizers) -> TranslationServing:
        return TranslationServing(self.config, model, tokenizers)


def _pair(pair: Any) -> tuple[str, str]:
    require_several(pair, "pairs (source, target)")
    source, target = pair
    return source, target
