"""What a language model is measured by: its loss, and perplexities per token, word and character."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from seq2seq.config.groups.data import BatchConfig
from seq2seq.datasets.batches.batch_maker import BatchMaker
from seq2seq.datasets.batches.pairs import Batch
from seq2seq.datasets.batches.stream import SIGNATURE
from seq2seq.datasets.index.pair_index import PairIndex
from seq2seq.tasks.data_report import unknown_share
from seq2seq.tasks.evaluation import Evaluation, LossGraph
from seq2seq.tasks.language_model.generator import Generator
from seq2seq.tasks.language_model.reading import StreamScorer
from seq2seq.tasks.language_model.scoring import token_log_probs
from seq2seq.tasks.language_model.signs import frequency_statistics

PROMPT_WORDS = 3
"""Words of a line, at most, that an example goes on from."""


class LanguageModelEvaluator:
    """Loss and perplexities of a corpus, and how a few of its lines might go on.

    Args:
      generator: the model and its search.
      batch: how batches are filled.
      examples: lines that are gone on with.
      shapes: how many shapes the batches have at most; 0: any.
      scorer: what reads the lines as one text, each after those before it; None: they are read one by one.
    """

    def __init__(
        self,
        generator: Generator,
        batch: BatchConfig,
        *,
        examples: int = 0,
        shapes: int = 0,
        scorer: StreamScorer | None = None,
    ) -> None:
        self.generator = generator
        self._examples = examples
        self._scorer = scorer
        self._graph = LossGraph(self._line_log_probs, SIGNATURE, batch, shapes=shapes)

    def _line_log_probs(self, batch: Batch) -> tf.Tensor:
        return tf.reduce_sum(token_log_probs(self.generator.model, batch), axis=1)

    def line_log_probs(self, index: PairIndex) -> np.ndarray:
        """``[N]`` float64: of each line, the end included, in nats."""
        if self._scorer is not None:
            return self._scorer.line_log_probs(index)
        plan, shapes = self._graph.plan(index.source.lengths, index.target.lengths)
        tokenizer = self.generator.tokenizer
        maker = BatchMaker(index, tokenizer, tokenizer, shapes=shapes)
        log_probs = np.zeros(len(index))
        for rows in plan:
            log_probs[rows] = self._graph(maker(rows)).numpy()[: len(rows)]
        return log_probs

    def evaluate(self, index: PairIndex) -> Evaluation:
        """``loss`` in nats per token and ``perplexity``, its exponential; ``word_perplexity`` per word between spaces,
        ``character_perplexity`` per character, which tokenizers have in common; the ends of lines counted in all of
        them. Predictions go on from the beginnings of the first lines."""
        texts = index.target.texts(np.arange(len(index)))
        log_probs = self.line_log_probs(index)
        tokens = int(index.target.lengths.sum()) + len(index)
        metrics, signatures = perplexities(float(-log_probs.sum()), tokens, texts)
        unknown = unknown_share(index.target.ids, self.generator.tokenizer.unknown_id)
        notes = []
        if unknown:
            notes.append(
                f"{unknown:.2%} of the tokens are unknown and count as one token that is known: perplexities are too"
                " low to be compared with those of another tokenizer."
            )
        references = texts[: self._examples]
        prompts = [beginning(text) for text in references]
        return Evaluation(
            metrics,
            signatures,
            list(self.generator.predict(prompts)) if prompts else [],
            prompts,
            references,
            notes=notes,
            statistics=frequency_statistics(metrics["loss"], index.target.ids, len(index)),
        )


def perplexities(nats: float, tokens: int, texts: Sequence[str]) -> tuple[dict[str, float], dict[str, str]]:
    """The metrics of a corpus, and what each of them counts.

    Args:
      nats: minus the log-probability of all lines together.
      tokens: the ends of lines counted.
      texts: the lines as they were read.
    """
    words = sum(len(text.split()) for text in texts) + len(texts)
    characters = sum(map(len, texts)) + len(texts)
    counts = {"perplexity": tokens, "word_perplexity": words, "character_perplexity": characters}
    units = {"perplexity": "tokens", "word_perplexity": "words", "character_perplexity": "characters"}
    values = {name: math.exp(min(nats / count, 700.0)) for name, count in counts.items()}
    signatures = {name: f"{unit}:{counts[name]}|ends:{len(texts)}" for name, unit in units.items()}
    return {"loss": nats / tokens, **values}, signatures


def beginning(text: str) -> str:
    """The first words of a line, no more than half of it; of text without spaces, its first third."""
    words = text.split()
    if len(words) > 1:
        return " ".join(words[: min(PROMPT_WORDS, len(words) // 2)])
    return text[: len(text) // 3]
