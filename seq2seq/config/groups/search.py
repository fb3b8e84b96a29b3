"""`search`: from a model to targets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Optional

from seq2seq.config.fields import (
    Choice,
    Group,
    choices_of,
    files,
    not_negative,
    number,
    numbers,
    option,
    positive,
)
from seq2seq.config.ranges import shown
from seq2seq.config.tables import SCORERS, TASKS


class SearchName(Choice):
    greedy = "greedy", "the likeliest token at each step"
    beam = "beam", "the best of several hypotheses"
    sampling = "sampling", "n_best outputs drawn at random, best first"


class LengthPenaltyFunction(Choice):
    average = "average", "length ^ length_penalty"
    gnmt = "gnmt", "((5 + length) / 6) ^ length_penalty, milder on short outputs (arXiv:1609.08144)"


class EnsembleMean(Choice):
    probability = "probability", "the arithmetic mean of probabilities"
    log_probability = "log_probability", "the mean of log-probabilities, normalised again"


@dataclass
class SearchConfig(Group):
    """From a model to targets."""

    name: SearchName = option(SearchName.greedy, "the kind of search")
    beam_width: int = positive(1, "beam: hypotheses that are followed")
    n_best: int = positive(1, "outputs returned for each source")
    length_penalty: float = not_negative(1.0, "exponent; 0 compares plain log-probabilities")
    length_penalty_function: LengthPenaltyFunction = option(
        LengthPenaltyFunction.average, "beam: what the log-probability of an output is divided by"
    )
    coverage_penalty: float = not_negative(
        0.0, "weight of what lowers the score of sources not attended to (arXiv:1609.08144)"
    )
    ctc_weight: Optional[float] = number(
        None, "speech: of CTC's prefix scores; null: the task's", at_least=0, at_most=1
    )
    scorers: list[str] = choices_of(SCORERS, "what adds to the model's log-probability of each token")
    scorer_weights: list[float] = numbers(about="one for each of scorers; []: 1 for all", at_least=0)
    ensemble: Any = files(
        "further runs (RUN or RUN/checkpoints/NAME), one or a list, whose models decide together with this one"
    )
    ensemble_mean: EnsembleMean = option(
        EnsembleMean.probability, "what becomes of the models' probabilities"
    )
    language_model: Optional[str] = option(
        None,
        "a run of a language model with the tokenizer of the targets, for shallow fusion (arXiv:1503.03535)",
    )
    language_model_weight: float = not_negative(0.3, "of the language model's log-probabilities")
    stop_early: bool = option(
        True, "beam: stop when no hypothesis, ended now, would be better; false: when none could become so"
    )
    temperature: float = positive(1.0, "sampling: below 1 prefers likely tokens, above 1 evens out")
    top_k: int = not_negative(0, "sampling: draw from so many of the likeliest tokens; 0: from all")
    top_p: float = number(
        1.0, "sampling: draw from the fewest tokens that have this probability together", above=0, at_most=1
    )
    seed: int = number(1, "sampling: the same one gives the same outputs", at_least=0)
    max_length_ratio: float = number(
        2.0, "longest target: this × source length + max_length_offset", at_least=0, at_most=1000
    )
    max_length_offset: int = number(10, "see max_length_ratio", at_least=0, at_most=1_000_000)
    min_length_ratio: float = number(0.0, "shortest target, relative to the source", at_least=0, at_most=1000)
    batch_size: int = positive(64, "sources searched at once")
    max_seconds: float = not_negative(
        600.0, "speech: longer audio is refused by predict and align; 0: none is"
    )

    @property
    def width(self) -> int:
        """Hypotheses of each source that are followed."""
        widths = {SearchName.greedy: 1, SearchName.sampling: self.n_best}
        return widths.get(self.name, self.beam_width)

    @property
    def members(self) -> list[str]:
        """The further runs of the ensemble."""
        given = self.ensemble
        return [] if given is None else [given] if isinstance(given, str) else list(given)

    def problems(self, config: Any) -> Iterator[str]:
        if self.language_model is not None and not config.task.searches:
            yield f"search.language_model={self.language_model}: task={config.task.name} does not search"
        if self.ctc_weight and not hasattr(config.task, "ctc_weight"):
            able = " and ".join(f"task={name}" for name, task in TASKS.items() if hasattr(task, "ctc_weight"))
            yield f"search.ctc_weight={self.ctc_weight:g}: only {able} has CTC"
        if self.name is SearchName.greedy and self.beam_width > 1:
            yield f"search.beam_width={self.beam_width}: greedy search follows one hypothesis; take search=beam"
        elif config.task.searches and self.name is not SearchName.sampling and self.n_best > self.beam_width:
            yield f"search.n_best={self.n_best}: at most as many as search.beam_width={self.beam_width}"
        if self.min_length_ratio > self.max_length_ratio:
            yield (
                f"search.min_length_ratio={self.min_length_ratio:g}: above"
                f" search.max_length_ratio={self.max_length_ratio:g}"
            )
        if self.scorer_weights and len(self.scorer_weights) != len(self.scorers):
            yield (
                f"search.scorer_weights={shown(self.scorer_weights)}: must have a number for each of"
                f" search.scorers={shown(self.scorers)}, or none"
            )
        for name, value, unused in (
            ("temperature", self.temperature, 1.0),
            ("top_k", self.top_k, 0),
            ("top_p", self.top_p, 1.0),
        ):
            if value != unused and self.name is not SearchName.sampling:
                yield f"search.{name}={shown(value)}: only search=sampling has it, not search.name={self.name}"
