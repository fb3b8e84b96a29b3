"""`data.tokenizer`: what turns text into ids."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Optional

from seq2seq.config.fields import Choice, Group, choice_of, group, number, option
from seq2seq.config.tables import TOKENIZERS


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
        if self.alpha > 0 and "sampling" not in TOKENIZERS[kind].takes:
            yield (
                f"data.tokenizer.sampling.alpha={self.alpha:g}: kind={kind} cuts a text in"
                f" one way only; sampling needs kind {_kinds_with('sampling')}"
            )
        if self.nbest in (0, 1):
            yield f"data.tokenizer.sampling.nbest={self.nbest}: leaves nothing to sample; -1 (all) or from 2"


@dataclass
class TokenizerConfig(Group):
    """What turns text into ids."""

    kind: str = choice_of(
        TOKENIZERS, "unigram", "subwords (unigram, bpe), words between spaces, or characters"
    )
    vocabulary_size: int = number(
        8000, "special pieces included; for word and character at most this many", above=4
    )
    shared: bool = option(True, "one vocabulary for both languages")
    source_model: Optional[str] = option(
        None, "a SentencePiece model to use instead of training one (both sides if shared)"
    )
    target_model: Optional[str] = option(None, "the same for the target, where shared is false")
    run: Optional[str] = option(
        None, "a run whose tokenizer is taken with all that is said of it here; init=RUN takes that of RUN"
    )
    normalization: Normalization = option(Normalization.nfkc, "of Unicode, before anything else")
    lowercase: bool = option(False, "lower-case all text")
    character_coverage: float = number(
        1.0, "share of the text's characters that get an id", above=0, at_most=1
    )
    byte_fallback: bool = option(
        False, "unigram, bpe: spell a character without an id in bytes, which take 256 of the ids"
    )
    sampling: SubwordSamplingConfig = group(SubwordSamplingConfig)

    def problems(self, config: Any) -> Iterator[str]:
        tokenizer = TOKENIZERS[self.kind]
        if self.character_coverage < tokenizer.min_coverage:
            yield (
                f"data.tokenizer.character_coverage={self.character_coverage:g}: at least"
                f" {tokenizer.min_coverage:g} with data.tokenizer.kind={self.kind}"
            )
        for side, model in (("source_model", self.source_model), ("target_model", self.target_model)):
            if model is not None and "source_model" not in tokenizer.takes:
                yield f"data.tokenizer.{side}={model}: SentencePiece models need kind {_kinds_with('source_model')}"
        if self.byte_fallback and "byte_fallback" not in tokenizer.takes:
            yield (
                f"data.tokenizer.byte_fallback=true: only kind {_kinds_with('byte_fallback')} has it, not"
                f" kind={self.kind}"
            )
        if self.shared and self.target_model not in (None, self.source_model):
            yield (
                f"data.tokenizer.target_model={self.target_model}: with shared=true one model serves both"
                " sides; give source_model alone, or shared=false"
            )


def _kinds_with(option: str) -> str:
    """The kinds of tokenizers that an option means something to."""
    return " or ".join(name for name, tokenizer in TOKENIZERS.items() if option in tokenizer.takes)
