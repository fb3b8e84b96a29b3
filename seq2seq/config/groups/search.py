"""`search`: from a model to targets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Optional

from seq2seq.config.fields import Choice, Group, not_negative, number, option, positive
from seq2seq.config.tables import TASKS


class SearchName(Choice):
    greedy = "greedy", "the likeliest token at each step"
    beam = "beam", "the best of several hypotheses"


@dataclass
class SearchConfig(Group):
    """From a model to targets."""

    name: SearchName = option(SearchName.greedy, "the kind of search")
    beam_width: int = positive(1, "beam: hypotheses that are followed")
    n_best: int = positive(1, "outputs returned for each source")
    length_penalty: float = not_negative(1.0, "exponent; 0 compares plain log-probabilities")
    coverage_penalty: float = not_negative(
        0.0, "weight of what lowers the score of sources not attended to (arXiv:1609.08144)"
    )
    ctc_weight: Optional[float] = number(
        None, "speech: of CTC's prefix scores; null: the task's", at_least=0, at_most=1
    )
    max_length_ratio: float = number(
        2.0, "longest target: this × source length + max_length_offset", at_least=0, at_most=1000
    )
    max_length_offset: int = number(10, "see max_length_ratio", at_least=0, at_most=1_000_000)
    min_length_ratio: float = number(0.0, "shortest target, relative to the source", at_least=0, at_most=1000)
    batch_size: int = positive(64, "sources searched at once")
    max_seconds: float = not_negative(
        600.0, "speech: longer audio is refused by predict and align; 0: none is"
    )

    def problems(self, config: Any) -> Iterator[str]:
        if self.ctc_weight and not hasattr(config.task, "ctc_weight"):
            able = " and ".join(f"task={name}" for name, task in TASKS.items() if hasattr(task, "ctc_weight"))
            yield f"search.ctc_weight={self.ctc_weight:g}: only {able} has CTC"
        if self.name is SearchName.greedy and self.beam_width > 1:
            yield f"search.beam_width={self.beam_width}: greedy search follows one hypothesis; take search=beam"
        elif self.n_best > self.beam_width:
            yield f"search.n_best={self.n_best}: at most as many as search.beam_width={self.beam_width}"
        if self.min_length_ratio > self.max_length_ratio:
            yield (
                f"search.min_length_ratio={self.min_length_ratio:g}: above"
                f" search.max_length_ratio={self.max_length_ratio:g}"
            )
