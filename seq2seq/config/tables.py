"""What can be chosen by a name: tables that one line is added to.

A `Table` has dataclasses: of tasks, models and formats of data, below. `Parts` are what a run is built of, each table
beside the group of keys that chooses from it: attention, encoders, optimizers, schedules. What is given as
`module:attribute` is imported when it is first asked for: groups name these tables, which name groups, and a
configuration is read without TensorFlow. Code that runs before anything is composed, a test or a plugin, adds its own:
`TASKS["tagging"] = TaggingConfig`.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, MutableMapping
from dataclasses import dataclass, fields
from enum import Enum
from functools import partial
from pkgutil import resolve_name
from typing import Any, Callable

from seq2seq.errors import UserError


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


@dataclass(frozen=True)
class Part:
    """What is built where a name is chosen.

    Attributes:
        build: a class or a function, or `module:attribute` of one.
        about: what the name means, where it does not say so itself.
        takes: the keys of its group that are arguments of the same name.
        problems: of the group and the whole configuration: what is wrong with them for this one, a sentence each.
    """

    build: Any
    about: str = ""
    takes: tuple[str, ...] = ()
    problems: Callable[[Any, Any], Iterable[str]] = lambda group, config: ()

    @property
    def target(self) -> Callable[..., Any]:
        """The class or function itself."""
        target: Any = resolve_name(self.build) if isinstance(self.build, str) else self.build
        return target

    def bind(self, group: Any, key: str, *later: str) -> Callable[..., Any]:
        """It, with the arguments that the configuration has for it: the keys that it takes, and `options`.

        Args:
            group: of keys, with `options`.
            key: that group's, from the root.
            later: the arguments that the caller gives.

        Raises:
            UserError: `options` names what is no argument of it, or lacks one that it needs.
        """
        taken = {name: _plain(getattr(group, name)) for name in self.takes if name not in later}
        options = group.options or {}
        own = {
            name: parameter.default is parameter.empty
            for name, parameter in inspect.signature(self.target).parameters.items()
            if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
            and not (name in (*later, "name") or hasattr(group, name))  # whether it takes that key or not
        }
        valid = f"valid: {', '.join(own)}" if own else "it has none"
        for name in options:
            if name not in own:
                raise UserError(f"{key}.options: {self.target.__name__} has no option {name}; {valid}")
        for name, required in own.items():
            if required and name not in options:
                raise UserError(f"{key}.options: {self.target.__name__} needs {name}")
        return partial(self.target, **taken, **options)


class Parts(Table):
    """A table of parts; a class, a function or `module:attribute` by itself is a part that takes no key."""

    def __getitem__(self, name: str) -> Part:
        entry = self._entries[name]
        return entry if isinstance(entry, Part) else Part(entry)

    def about(self, name: str) -> str:
        """What a name means; empty where it says so itself."""
        return self[name].about

    def misplaced(self, name: str, group: Any) -> Iterator[tuple[str, Any, str]]:
        """Keys that are on, and off by default, though only others than `name` take them.

        Yields:
            the key, its value, and the names of the others.
        """
        for field in fields(group):
            takers = [other for other in self if field.name in self[other].takes]
            value = getattr(group, field.name)
            if takers and name not in takers and value and not field.default:
                yield field.name, value, " or ".join(takers)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Enum) else value


#: `task=`: the dataclass of its keys, a `TaskConfig`, which names the `Task` itself and the keys of its model.
TASKS = Table(
    translation="seq2seq.config.groups.translation:TranslationTaskConfig",
    speech="seq2seq.config.groups.speech:SpeechTaskConfig",
    classification="seq2seq.config.groups.classification:ClassificationTaskConfig",
    autoencoder="seq2seq.config.groups.autoencoder:AutoencoderTaskConfig",
    language_model="seq2seq.config.groups.language_model:LanguageModelTaskConfig",
)


def models() -> dict[str, Any]:
    """The dataclass of its model's keys, a `BaseModelConfig`, by the name of a task."""
    return {name: task.model for name, task in TASKS.items()}


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
    labelled_text="seq2seq.config.groups.labelled_data:LabelledTextConfig",
    text="seq2seq.config.groups.line_data:TextConfig",
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
    accuracy="seq2seq.metrics.label_scores:Accuracy",
    macro_f1="seq2seq.metrics.label_scores:MacroF1",
    loss="seq2seq.metrics.metric:Loss",
)

#: `search.scorers`: of `seq2seq.search.types.ScorerInputs` a `seq2seq.search.types.Scorer`.
SCORERS = Table(presence="seq2seq.search.presence:PresencePenalty")

#: `export.signatures`: the class of the signature, a `seq2seq.serving.signature.Signature`.
SIGNATURES = Table(
    embed="seq2seq.serving.embed:Embed",
    embed_mean="seq2seq.serving.embed:EmbedMean",
    embed_max="seq2seq.serving.embed:EmbedMax",
)
