"""The dataclasses of tasks, models and formats of data by name: a new one is a file of `groups` and a line here.

A value is a dataclass, or where that is (`module:attribute`), imported when it is first asked for: groups name these
tables, and these tables name the groups. Code that runs before anything is composed, a test or a plugin, adds its own:
`TASKS["tagging"] = TaggingConfig`.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from pkgutil import resolve_name
from typing import Any


class Table(MutableMapping[str, Any]):
    """A dictionary whose values may be given as `module:attribute`."""

    def __init__(self, **entries: Any) -> None:
        self._entries = entries

    def __getitem__(self, name: str) -> Any:
        value = self._entries[name]
        return resolve_name(value) if isinstance(value, str) else value

    def __setitem__(self, name: str, value: Any) -> None:
        self._entries[name] = value

    def __delitem__(self, name: str) -> None:
        del self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


#: `task=`: the dataclass of its keys, a `TaskConfig`.
TASKS = Table(
    translation="seq2seq.config.groups.translation:TranslationTaskConfig",
    speech="seq2seq.config.groups.speech:SpeechTaskConfig",
)

#: The model of each task: the dataclass of its keys, a `ModelConfig`.
MODELS = Table(
    translation="seq2seq.config.groups.model:ModelConfig",
    speech="seq2seq.config.groups.speech:SpeechModelConfig",
)

#: `data.format`: the dataclass of its keys, a `DataConfig`.
DATA_FORMATS = Table(
    parallel_text="seq2seq.config.groups.text_data:ParallelTextConfig",
    tsv="seq2seq.config.groups.text_data:TsvConfig",
    jsonl="seq2seq.config.groups.text_data:JsonlConfig",
    audio_table="seq2seq.config.groups.speech_data:AudioTableConfig",
    audio_jsonl="seq2seq.config.groups.speech_data:AudioJsonlConfig",
    librispeech="seq2seq.config.groups.speech_data:LibriSpeechConfig",
    common_voice="seq2seq.config.groups.speech_data:CommonVoiceConfig",
    kaldi="seq2seq.config.groups.speech_data:KaldiConfig",
)

#: `data.tokenizer.kind`: the class of the tokenizer, see `seq2seq.text.tokenizer.Tokenizer`.
TOKENIZERS = Table(
    unigram="seq2seq.text.sentencepiece_tokenizer:SentencePieceTokenizer",
    bpe="seq2seq.text.sentencepiece_tokenizer:SentencePieceTokenizer",
    word="seq2seq.text.word_tokenizer:WordTokenizer",
    character="seq2seq.text.character_tokenizer:CharacterTokenizer",
)

#: `task.metric`, `task.extra_metrics`: the class of the metric, a `seq2seq.metrics.metric.Metric`.
METRICS = Table(
    bleu="seq2seq.metrics.bleu:Bleu",
    chrf="seq2seq.metrics.chrf:Chrf",
    wer="seq2seq.metrics.error_rates:WordErrorRate",
    cer="seq2seq.metrics.error_rates:CharacterErrorRate",
    loss="seq2seq.metrics.metric:Loss",
)

#: `search.scorers`: of `seq2seq.search.types.ScorerInputs` a `seq2seq.search.types.Scorer`.
SCORERS = Table(presence="seq2seq.search.presence:PresencePenalty")

#: `export.signatures`: the class of the signature, a `seq2seq.serving.signature.Signature`.
SIGNATURES = Table(embed="seq2seq.serving.embed:Embed")
