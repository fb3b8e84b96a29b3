"""Makes the bundled sample of labelled sentences: `python data/make_classification.py` writes
data/classification/{train,val,test}.tsv, a label, a tab and an English sentence on each line.

A small grammar of our own draws sentences of four kinds, without capitals and punctuation, which would tell them apart:

- statement: "the old farmer has seen my horse", "nobody knows how tall the boy is";
- question: "has the old farmer seen my horse", "how tall is the boy", "what does the boy carry";
- command: "carry the lamp", "do not sell the bicycle";
- exclamation: "how tall the boy is", "what a tall boy that is".

The same words make several kinds ("how tall the boy is" is not "how tall is the boy", "do the boys sell …" is not "do
not sell …"), so that their order has to be read, and the beginning of a sentence alone does not do ("how tall the boy
is nobody knows" is a statement). Which kind a sentence is never depends on anything but the sentence.

Each kind is drawn as often as the others. No sentence is there twice, and each word of val and test occurs in the
training part. The bytes depend on nothing but this file: one seeded generator, from which only `random()` is drawn.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

SEED = 20151107
SIZES = {"train": 1_600, "val": 200, "test": 200}

PEOPLE = [
    "boy",
    "girl",
    "farmer",
    "teacher",
    "doctor",
    "baker",
    "neighbour",
    "student",
    "king",
    "queen",
    "guest",
    "musician",
]
THINGS = [
    "lamp",
    "window",
    "door",
    "letter",
    "box",
    "horse",
    "chair",
    "table",
    "picture",
    "bicycle",
    "basket",
    "coat",
]
PLACES = ["garden", "kitchen", "station", "market", "school", "village", "river", "bridge"]
OF_PEOPLE = ["tall", "old", "young", "tired", "happy", "clever", "friendly", "hungry"]
OF_THINGS = ["old", "heavy", "small", "expensive", "beautiful", "strange", "new", "dark"]
VERBS = (
    "sell sells sold/carry carries carried/find finds found/see sees seen/bring brings brought/"
    "watch watches watched/buy buys bought/clean cleans cleaned"
)
FORMS = [tuple(verb.split()) for verb in VERBS.split("/")]
"""Base, third person, participle."""
KNOWERS = ["nobody", "everybody", "somebody"]


def article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


class Grammar:
    """Draws sentences.

    Args:
        seed: of all that it draws.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed).random

    def pick(self, items: Sequence[str]) -> str:
        return items[int(self._random() * len(items))]

    def chance(self, share: float) -> bool:
        return self._random() < share

    def phrase(self, nouns: Sequence[str], adjectives: Sequence[str]) -> str:
        """As "the old farmer"; half have an adjective."""
        words = [self.pick(["the", "this", "my", "our"])]
        if self.chance(0.5):
            words.append(self.pick(adjectives))
        return " ".join([*words, self.pick(nouns)])

    def person(self) -> str:
        return self.phrase(PEOPLE, OF_PEOPLE)

    def thing(self) -> str:
        return self.phrase(THINGS, OF_THINGS)

    def place(self) -> str:
        """Where; often nowhere."""
        return f" near the {self.pick(PLACES)}" if self.chance(0.4) else ""

    def subject(self) -> tuple[str, str]:
        """Somebody or something, and an adjective for it."""
        if self.chance(0.5):
            return f"the {self.pick(PEOPLE)}", self.pick(OF_PEOPLE)
        return f"the {self.pick(THINGS)}", self.pick(OF_THINGS)

    def statement(self) -> str:
        base, third, participle = FORMS[int(self._random() * len(FORMS))]
        subject, adjective = self.subject()
        return self._one_of(
            lambda: f"{self.person()} {third} {self.thing()}{self.place()}",
            lambda: f"{self.person()} has {participle} {self.thing()}{self.place()}",
            lambda: f"{self.person()} does not {base} {self.thing()}",
            lambda: f"{self.person()} is {self.pick(OF_PEOPLE)}",
            lambda: f"{self.pick(KNOWERS)} knows how {adjective} {subject} is",
            lambda: f"how {adjective} {subject} is {self.pick(KNOWERS)} knows",
        )

    def question(self) -> str:
        base, _, participle = FORMS[int(self._random() * len(FORMS))]
        subject, adjective = self.subject()
        return self._one_of(
            lambda: f"does {self.person()} {base} {self.thing()}{self.place()}",
            lambda: f"do the {self.pick(PEOPLE)}s {base} {self.thing()}{self.place()}",
            lambda: f"has {self.person()} {participle} {self.thing()}{self.place()}",
            lambda: f"is {self.person()} {self.pick(OF_PEOPLE)}",
            lambda: f"how {adjective} is {subject}",
            lambda: f"what does {self.person()} {base}{self.place()}",
        )

    def command(self) -> str:
        base = FORMS[int(self._random() * len(FORMS))][0]
        return self._one_of(
            lambda: f"{base} {self.thing()}{self.place()}",
            lambda: f"do not {base} {self.thing()}{self.place()}",
            lambda: f"please {base} {self.thing()}{self.place()}",
            lambda: f"do {base} {self.thing()}{self.place()}",
        )

    def exclamation(self) -> str:
        subject, adjective = self.subject()
        third = FORMS[int(self._random() * len(FORMS))][1]
        noun = subject.split()[1]
        return self._one_of(
            lambda: f"how {adjective} {subject} is{self.place()}",
            lambda: f"how {adjective} {subject} was{self.place()}",
            lambda: f"what {article(adjective)} {adjective} {noun} that is{self.place()}",
            lambda: f"what {article(adjective)} {adjective} {noun} {self.person()} {third}",
        )

    def _one_of(self, *ways: Callable[[], str]) -> str:
        return ways[int(self._random() * len(ways))]()


KINDS = ("command", "exclamation", "question", "statement")


def draw(seed: int) -> Iterator[tuple[str, str]]:
    """Labels and sentences without end, the kinds in turn; none was drawn before."""
    grammar, seen = Grammar(seed), set[str]()
    while True:
        for kind in KINDS:
            sentence = getattr(grammar, kind)()
            while sentence in seen:
                sentence = getattr(grammar, kind)()
            seen.add(sentence)
            yield kind, sentence


def make() -> dict[str, list[tuple[str, str]]]:
    """The labelled sentences of each part."""
    drawn = draw(SEED)
    parts = {part: [next(drawn) for _ in range(size)] for part, size in SIZES.items()}
    known = {word for _, sentence in parts["train"] for word in sentence.split()}
    assert all(known.issuperset(sentence.split()) for part in parts.values() for _, sentence in part)
    return parts


def write(folder: Path) -> None:
    """Writes the file of every part into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for part, sentences in make().items():
        text = "".join(f"{label}\t{sentence}\n" for label, sentence in sentences)
        (folder / f"{part}.tsv").write_bytes(text.encode())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Makes the bundled sample of labelled sentences.")
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parent / "classification")
    write(parser.parse_args().folder)
