"""Translation: an example is a pair of lines, the loss is cross entropy, and BLEU and chrF are measured."""

from __future__ import annotations

import logging
import math
from typing import Any

import numpy as np
import tensorflow as tf

from seq2seq.config.schema import BatchConfig, SearchConfig, TranslationTaskConfig
from seq2seq.datasets.batch import Batch
from seq2seq.datasets.batch_maker import BatchMaker, SubwordSampling
from seq2seq.datasets.batch_plan import BatchPlan, batch_plan, evaluation_plan
from seq2seq.datasets.batch_stream import SIGNATURE, BatchStream
from seq2seq.datasets.pair_index import PairIndex
from seq2seq.datasets.static_shapes import StaticShapes, static_shapes
from seq2seq.models.translation import TranslationModel
from seq2seq.tasks.evaluation import Evaluation
from seq2seq.tasks.loss import Loss, scheduled_probability, target_loss
from seq2seq.tasks.text_metrics import text_scores
from seq2seq.tasks.translator import Translator
from seq2seq.text.tokenizer import Tokenizer

logger = logging.getLogger(__name__)


class TranslationTask:
    """What the training loop asks of translation.

    Args:
      config: label smoothing, metric, scheduled sampling.
      batch: how batches are filled.
      search: how validation searches.
      train, val: indices; ``val`` with its text.
      source_tokenizer, target_tokenizer: those of the indices.
      sampling: subword sampling in training; None: off.
      seed: decides the order of the data and the sampling.
      max_source_length: see ``Translator``.
      shapes: how many shapes the batches have at most; 0: any.
    """

    higher_is_better: bool

    def __init__(
        self,
        config: TranslationTaskConfig,
        batch: BatchConfig,
        search: SearchConfig,
        *,
        train: PairIndex,
        val: PairIndex,
        source_tokenizer: Tokenizer,
        target_tokenizer: Tokenizer,
        sampling: SubwordSampling | None,
        seed: int,
        max_source_length: int = 0,
        shapes: int = 0,
    ) -> None:
        self.metric = str(config.metric)
        self.higher_is_better = self.metric != "loss"
        self.step = tf.Variable(
            0, dtype=tf.int64, trainable=False
        )  # replaced by the optimizer's, see ``follow``
        self._config = config
        self._batch = batch
        self._search = search
        self._seed = seed
        self._train = train
        self._val = val
        self._tokenizers = (source_tokenizer, target_tokenizer)
        self._shapes = shapes
        self._static = self._plan_shapes() if shapes else None
        maker = BatchMaker(train, source_tokenizer, target_tokenizer, sampling=sampling, shapes=self._static)
        self._stream = BatchStream(maker, self.plan, seed=seed)
        self._max_source_length = max_source_length
        self._planned: tuple[int, BatchPlan] | None = None
        self._evaluator: Evaluator | None = None

    def follow(self, step: tf.Variable) -> None:
        """Lets the schedule of scheduled sampling follow the optimizer's count of updates."""
        self.step = step

    def plan(self, epoch: int) -> BatchPlan:
        if self._planned is None or self._planned[0] != epoch:
            self._planned = (epoch, self._plan(epoch))
        return self._planned[1]

    def _plan_shapes(self) -> StaticShapes:
        lengths = self._train.source.lengths, self._train.target.lengths
        planned = static_shapes(
            *lengths, count=self._shapes, batch_type=str(self._batch.type), batch_size=self._batch.size
        )
        logger.info(
            "%d shapes of batches, rows x (source + target): %s; %.0f %% of their positions hold tokens.",
            len(planned.shapes),
            ", ".join(f"{shape.rows} x ({shape.source} + {shape.target})" for shape in planned.shapes),
            100.0 * (sum(int(side.sum()) for side in lengths) + len(self._train)) / planned.positions(),
        )
        return planned

    def _plan(self, epoch: int) -> BatchPlan:
        if self._static is not None:
            return self._static.plan(seed=self._seed, epoch=epoch)
        return batch_plan(
            self._train.source.lengths,
            self._train.target.lengths,
            batch_type=str(self._batch.type),
            batch_size=self._batch.size,
            seed=self._seed,
            epoch=epoch,
            window_batches=self._batch.window,
        )

    def steps_per_epoch(self, epoch: int) -> int:
        return len(self.plan(epoch))

    def batches(self, epoch: int, skip: int) -> tf.data.Dataset:
        return self._stream(epoch, skip)

    def loss(self, model: TranslationModel, batch: Batch, training: bool) -> Loss:
        probability = scheduled_probability(self._config.scheduled_sampling, self.step) if training else None
        return translation_loss(model, batch, training, self._config.label_smoothing, probability)

    def tokens(self, batch: Batch) -> int:
        """Real ones, of source and target."""
        real = np.asarray(batch.example_ids) >= 0
        return int(np.asarray(batch.source_length)[real].sum() + np.sum(batch.target_length))

    def validate(self, model: TranslationModel) -> dict[str, float]:
        if self._evaluator is None or self._evaluator.translator.model is not model:
            translator = Translator(
                model, *self._tokenizers, self._search, max_source_length=self._max_source_length
            )
            self._evaluator = Evaluator(translator, self._config, self._batch, shapes=self._shapes)
        return self._evaluator.evaluate(self._val).metrics


def translation_loss(
    model: TranslationModel,
    batch: Batch,
    training: bool,
    label_smoothing: float = 0.0,
    sampling_probability: tf.Tensor | None = None,
) -> Loss:
    """The loss of a batch of tensors."""
    encoded = model.encode(batch.source_ids, batch.source_length, training)
    return target_loss(model, encoded, batch, training, label_smoothing, sampling_probability)


class Evaluator:
    """Loss, translations and scores of a corpus.

    Args:
      translator: the model and its search.
      task: what text is compared with.
      batch: how batches of the loss are filled.
      shapes: how many shapes the batches of the loss have at most; 0: any.
    """

    def __init__(
        self, translator: Translator, task: TranslationTaskConfig, batch: BatchConfig, *, shapes: int = 0
    ) -> None:
        self.translator = translator
        self._task = task
        self._batch_type, self._batch_size = str(batch.type), batch.size_eval or batch.size
        self._shapes = shapes
        self._sums = tf.function(self._loss_sums, input_signature=None if shapes else [SIGNATURE])

    def _loss_sums(self, batch: Batch) -> tf.Tensor:
        loss = translation_loss(self.translator.model, batch, training=False)
        return tf.stack([loss.cross_entropy, loss.tokens])

    def _sums_of(self, batch: Batch) -> np.ndarray:
        # Where each shape has its graph, it is asked for by name: TensorFlow would warn of so many.
        function = self._sums.get_concrete_function(batch) if self._shapes else self._sums
        return function(batch).numpy()

    def perplexity(self, index: PairIndex) -> tuple[float, float]:
        """Nats per token, and its exponential."""
        lengths = index.source.lengths, index.target.lengths
        size: dict[str, Any] = {"batch_type": self._batch_type, "batch_size": self._batch_size}
        shapes = static_shapes(*lengths, count=self._shapes, **size) if self._shapes else None
        plan = shapes.plan(shuffle=False) if shapes else evaluation_plan(*lengths, **size)
        tokenizers = self.translator.source_tokenizer, self.translator.target_tokenizer
        maker = BatchMaker(index, *tokenizers, shapes=shapes)
        sums = np.sum([self._sums_of(Batch(*map(tf.constant, maker(rows)))) for rows in plan], axis=0)
        loss = float(sums[0] / sums[1])
        return loss, math.exp(min(loss, 700.0))

    def evaluate(self, index: PairIndex) -> Evaluation:
        """Evaluates on an index that holds its text."""
        loss, perplexity = self.perplexity(index)
        predictions = self.translator.translate_index(index)
        sources, references = (side.texts(np.arange(len(index))) for side in (index.source, index.target))
        scores = text_scores(
            [prediction.texts[0] for prediction in predictions],
            references,
            tokenized=self._task.metric_on == "tokenized",
            lowercase=self._task.lowercase_metric,
        )
        metrics = {"loss": loss, "perplexity": perplexity, **scores.scores}
        return Evaluation(metrics, scores.signatures, predictions, sources, references)
