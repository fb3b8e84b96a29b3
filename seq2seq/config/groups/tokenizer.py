"""`data.tokenizer`: what turns text into ids."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Optional

from seq2seq.config.fields import Choice, Group, group, number, option


class TokenizerKind(Choice):
    unigram = "unigram"
    bpe = "bpe"
    word = "word"
    character = "character"


class Normalization(Choice):
    none = "none"
    nfc = "nfc"
    nfkc = "nfkc"


@dataclass
class SubwordSamplingConfig(Group):
    """Subword regularisation (arXiv:1804.10959) for unigram, BPE-dropout (arXiv:1910.13267) for bpe; in training."""

    alpha: float = number(
        0.0, "0 is off; unigram: smoothing, bpe: share of merges left out", at_least=0, at_most=1
    )
    nbest: int = number(-1, "unigram: segmentations sampled from, -1 for all", at_least=-1, at_most=512)

    def problems(self, config: Any) -> Iterator[str]:
        kind = config.data.tokenizer.kind
        if self.alpha > 0 and not is_subword(kind):
            yield (
                f"data.tokenizer.sampling.alpha={self.alpha:g}: kind={kind} cuts a text in"
                " one way only; sampling needs kind unigram or bpe"
            )
        if self.nbest in (0, 1):
            yield f"data.tokenizer.sampling.nbest={self.nbest}: leaves nothing to sample; -1 (all) or from 2"


@dataclass
class TokenizerConfig(Group):
    """What turns text into ids."""

    kind: TokenizerKind = option(
        TokenizerKind.unigram, "subwords (unigram, bpe), words between spaces, or characters"
    )
    vocabulary_size: int = number(
        8000, "special pieces included; for word and character at most this many", above=4
    )
    shared: bool = option(True, "one vocabulary for both languages")
    source_model: Optional[str] = option(
        None, "a SentencePiece model to use instead of training one (both sides if shared)"
    )
    target_model: Optional[str] = option(None, "the same for the target, where shared is false")
    normalization: Normalization = option(Normalization.nfkc, "of Unicode, before anything else")
    lowercase: bool = option(False, "lower-case all text")
    character_coverage: float = number(
        1.0, "share of the text's characters that get an id", above=0, at_most=1
    )
    sampling: SubwordSamplingConfig = group(SubwordSamplingConfig)

    def problems(self, config: Any) -> Iterator[str]:
        if is_subword(self.kind) and self.character_coverage < 0.98:
            yield (
                f"data.tokenizer.character_coverage={self.character_coverage:g}: at least 0.98 with"
                f" data.tokenizer.kind={self.kind}"
            )
        for side, model in (("source_model", self.source_model), ("target_model", self.target_model)):
            if model is not None and not is_subword(self.kind):
                yield f"data.tokenizer.{side}={model}: SentencePiece models need kind unigram or bpe"
        if self.shared and self.target_model not in (None, self.source_model):
            yield (
                f"data.tokenizer.target_model={self.target_model}: with shared=true one model serves both"
                " sides; give source_model alone, or shared=false"
            )


def is_subword(kind: str) -> bool:
    """Whether SentencePiece makes it, which can cut a text in several ways."""
    return kind in ("unigram", "bpe")
