"""Greedy, beam and sampling search over any step function, with scorers that add up."""

from seq2seq.search.beam import beam_search
from seq2seq.search.greedy import greedy_search
from seq2seq.search.language_model import LanguageModel, LanguageModelScorer
from seq2seq.search.limits import relative_length
from seq2seq.search.penalties import average_length_penalty, gnmt_length_penalty
from seq2seq.search.replay import StepScorer, replay, scored_tokens
from seq2seq.search.sampling import sample
from seq2seq.search.types import ScoreParts, Scorer, ScorerInputs, SearchResult, SpecialIds, StepFunction

__all__ = [
    "LanguageModel",
    "LanguageModelScorer",
    "ScoreParts",
    "Scorer",
    "ScorerInputs",
    "SearchResult",
    "SpecialIds",
    "StepFunction",
    "StepScorer",
    "average_length_penalty",
    "beam_search",
    "gnmt_length_penalty",
    "greedy_search",
    "relative_length",
    "replay",
    "sample",
    "scored_tokens",
]
