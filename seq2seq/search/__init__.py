"""Greedy, beam and sampling search over any step function, with scorers that add up."""

from seq2seq.search.types import Scorer, SearchResult, SpecialIds, StepFunction

__all__ = ["Scorer", "SearchResult", "SpecialIds", "StepFunction"]
