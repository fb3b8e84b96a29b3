"""A metric that sacreBLEU computes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sacrebleu.metrics import BLEU, CHRF

from seq2seq.metrics.metric import Comparison, CountedMetric


class SacrebleuMetric(CountedMetric):
    """What sacreBLEU's metrics share.

    Args:
      comparison: how texts are compared.
      scorer: sacreBLEU's.

    Its `corpus_score` is these two calls, one after the other; apart they let resampled corpora be scored without
    counting n-grams again.
    """

    def __init__(self, comparison: Comparison, scorer: BLEU | CHRF) -> None:
        super().__init__(comparison)
        self._scorer = scorer

    def counts(self, hypotheses: Sequence[str], references: Sequence[str]) -> np.ndarray:
        return np.asarray(self._scorer._extract_corpus_statistics(list(hypotheses), [list(references)]))

    def value(self, sums: np.ndarray) -> float:
        return float(self._scorer._compute_score_from_stats(sums.tolist()).score)

    def signature(self, references: Sequence[str]) -> str:
        return str(self._scorer.get_signature())
