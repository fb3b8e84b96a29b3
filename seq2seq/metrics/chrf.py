"""ChrF, by sacreBLEU."""

from __future__ import annotations

from collections.abc import Sequence

from sacrebleu.metrics import CHRF

from seq2seq.metrics.metric import Comparison, Metric, Score


class Chrf(Metric):
    """ChrF (Popović 2015), in percent."""

    name = "chrf"
    label = "chrF"
    higher_is_better = True

    def __init__(self, comparison: Comparison) -> None:
        super().__init__(comparison)
        self._chrf = CHRF(lowercase=comparison.lowercase)

    def __call__(self, hypotheses: Sequence[str], references: Sequence[str]) -> Score:
        score = self._chrf.corpus_score(list(hypotheses), [list(references)]).score
        return Score(score, str(self._chrf.get_signature()))
