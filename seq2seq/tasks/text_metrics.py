"""BLEU and chrF, by sacreBLEU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sacrebleu.metrics import BLEU, CHRF


class TextScores(NamedTuple):
    """Corpus scores and the signatures that say how they were computed (Post 2018)."""

    scores: dict[str, float]
    signatures: dict[str, str]


def text_scores(
    hypotheses: Sequence[str], references: Sequence[str], *, tokenized: bool, lowercase: bool
) -> TextScores:
    """BLEU (Papineni et al. 2002) and chrF (Popović 2015) of a corpus, in percent.

    Args:
      hypotheses, references: one line each.
      tokenized: the text is tokenised already and is compared as it stands; else sacreBLEU's 13a tokenises it.
      lowercase: compare without regard to case.
    """
    bleu = BLEU(lowercase=lowercase, tokenize="none" if tokenized else "13a", force=True)
    chrf = CHRF(lowercase=lowercase)
    scores, signatures = {}, {}
    for name, metric in (("bleu", bleu), ("chrf", chrf)):
        scores[name] = metric.corpus_score(list(hypotheses), [list(references)]).score
        signatures[name] = str(metric.get_signature())
    return TextScores(scores, signatures)
