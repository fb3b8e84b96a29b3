"""`task=translation`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from seq2seq.config.fields import Choice, choice_of, option
from seq2seq.config.groups.data import DataConfig
from seq2seq.config.groups.task import TaskConfig, metric_names
from seq2seq.config.groups.text_data import PairDataConfig
from seq2seq.config.spelling import suggestion
from seq2seq.config.tables import TASKS


class MetricText(Choice):
    detokenized = "detokenized", "plain text, which bleu_tokenizer splits"
    tokenized = "tokenized", "the text is tokenised already and compared as it stands (tokenize=none)"


@dataclass
class TranslationTaskConfig(TaskConfig):
    """Text in, text out."""

    implementation = "seq2seq.tasks.translation.task:TranslationTask"
    metrics: ClassVar[tuple[str, ...]] = ("bleu", "chrf")
    reads: ClassVar[type[DataConfig]] = PairDataConfig

    name: str = choice_of(TASKS, "translation", "set by the choice of task=")
    metric: str = choice_of(metric_names, "bleu", "picks the best checkpoint, on the validation data")
    metric_on: MetricText = option(MetricText.detokenized, "what the metrics compare")
    bleu_tokenizer: str = option(
        "13a", "of sacreBLEU: what BLEU's words are; zh, ja-mecab, ko-mecab, char, intl, flores200, none, …"
    )

    def problems(self, config: Any) -> Iterator[str]:
        yield from super().problems(config)
        if self.bleu_tokenizer == "13a":
            return
        from sacrebleu.metrics import BLEU  # which of them can be chosen depends on its version

        key = f"task.bleu_tokenizer={self.bleu_tokenizer}"
        if self.bleu_tokenizer not in BLEU.TOKENIZERS:
            hint = suggestion(self.bleu_tokenizer, BLEU.TOKENIZERS)
            yield f"{key}: must be one of {', '.join(BLEU.TOKENIZERS)}{hint}"
        elif self.metric_on is MetricText.tokenized and self.bleu_tokenizer != "none":
            yield f"{key}: with task.metric_on=tokenized the text is compared as it stands; leave out one of the two"
