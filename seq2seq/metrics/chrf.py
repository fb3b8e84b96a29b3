"""ChrF, by sacreBLEU."""

from __future__ import annotations

from sacrebleu.metrics import CHRF

from seq2seq.metrics.metric import Comparison
from seq2seq.metrics.sacrebleu_metric import SacrebleuMetric


class Chrf(SacrebleuMetric):
    """ChrF (Popović 2015), in percent."""

    name = "chrf"
    label = "chrF"
    higher_is_better = True
    ceiling = 100.0

    def __init__(self, comparison: Comparison) -> None:
        super().__init__(comparison, CHRF(lowercase=comparison.lowercase))
