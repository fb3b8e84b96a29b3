"""The bundled translation sample: made by its script, split without overlap, and in correct German."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from data import make_translation as sample

FOLDER = Path(sample.__file__).parent / "translation"
PARTS = ("train", "val", "test")


def lines(part: str, language: str) -> list[str]:
    return (FOLDER / f"{part}.{language}").read_text(encoding="utf-8").splitlines()


@pytest.fixture(scope="module")
def nouns() -> dict[str, sample.Noun]:
    return {noun.english: noun for noun in sample.ALL_NOUNS}


def verb(base: str, particle: str = "", preposition: str = "") -> sample.Verb:
    found = [
        v for v in sample.VERB_LIST if (v.base, v.particle, v.preposition) == (base, particle, preposition)
    ]
    assert len(found) == 1, (base, particle, preposition)
    return found[0]


def person(english: str, german: str, who: str) -> sample.Phrase:
    return sample.Phrase(english, {"nominative": german}, who, pronoun=True)


def test_script_writes_the_committed_bytes(tmp_path: Path) -> None:
    sample.write(tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == sorted(path.name for path in FOLDER.iterdir())
    for name in names:
        assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes(), name


def test_sizes_and_form() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 2_000_000
    for part in PARTS:
        english, german = lines(part, "en"), lines(part, "de")
        assert len(english) == len(german) == sample.SIZES[part]
        for sentence in english + german:
            assert re.fullmatch(r"[A-ZÄÖÜ][^.?\s]*( [^.?\s]+)*[.?]", sentence), sentence
            assert len(sentence.split()) in sample.WORDS, sentence


@pytest.mark.parametrize("language", ["en", "de"])
def test_no_sentence_is_in_two_parts_or_twice_in_one(language: str) -> None:
    sentences = [sentence for part in PARTS for sentence in lines(part, language)]
    assert len(set(sentences)) == len(sentences)


@pytest.mark.parametrize("language", ["en", "de"])
def test_words_of_the_held_out_parts_occur_in_training(language: str) -> None:
    known = {word for sentence in lines("train", language) for word in sample.words(sentence)}
    for part in ("val", "test"):
        unknown = {word for sentence in lines(part, language) for word in sample.words(sentence)} - known
        assert not unknown


def test_held_out_combinations_are_absent_from_training() -> None:
    """Looked for in the text itself, apart from how the script looks for them."""
    rows = [re.findall(r"[\w'-]+", sentence.lower()) for sentence in lines("train", "en")]
    together = {pair for row in rows for pair in itertools.permutations(set(row), 2)}
    followed = {pair for row in rows for pair in zip(row, row[1:])}
    near = followed | {pair for row in rows for pair in zip(row, row[2:])}
    dates = {(first, month) for row in rows for first, of, month in zip(row, row[1:], row[2:]) if of == "of"}
    noun_forms = {n.english: {n.english, n.english_plural} for n in sample.ALL_NOUNS}
    verb_forms = {v.base: sample.forms(v) for v in sample.VERB_LIST}
    adjectives = {adjective for choices in sample.ADJECTIVE_LIST.values() for adjective, _ in choices}
    kinds = dict.fromkeys(("verb", "adjective", "number", "date"), 0)
    for first, second in sample.held_out_pairs():
        nouns = noun_forms.get(second, set())
        if not nouns:
            kinds["date"] += 1
            assert (first, second.lower()) not in dates
        elif first in verb_forms:
            kinds["verb"] += 1
            assert together.isdisjoint(itertools.product(verb_forms[first], nouns)), (first, second)
        elif first in adjectives:
            kinds["adjective"] += 1
            assert followed.isdisjoint((first, noun) for noun in nouns), (first, second)
        else:
            kinds["number"] += 1
            assert near.isdisjoint((first, noun) for noun in nouns), (first, second)
    assert min(kinds.values()) >= 10, kinds


@pytest.mark.parametrize("part", ["val", "test"])
def test_half_of_a_held_out_part_holds_unseen_combinations(part: str) -> None:
    held_out = sample.held_out_pairs()
    unseen = [not held_out.isdisjoint(sample.combinations(sentence)) for sentence in lines(part, "en")]
    assert sum(unseen) == sample.SIZES[part] // 2


def test_german_is_a_function_of_english() -> None:
    grammar, translations = sample.Grammar(7), {}
    for _ in range(20_000):
        english, german = grammar.sentence()
        assert translations.setdefault(english, german) == german, english


@pytest.mark.parametrize(
    ("noun", "determiner", "adjective", "number", "case", "german"),
    [
        ("man", "the", ("old", "alt"), 1, "nominative", "der alte Mann"),
        ("man", "the", ("old", "alt"), 1, "accusative", "den alten Mann"),
        ("man", "a", ("old", "alt"), 1, "nominative", "ein alter Mann"),
        ("man", "a", ("old", "alt"), 1, "dative", "einem alten Mann"),
        ("woman", "a", ("young", "jung"), 1, "dative", "einer jungen Frau"),
        ("child", "the", ("small", "klein"), 2, "dative", "den kleinen Kindern"),
        ("car", "a", ("expensive", "teuer"), 1, "accusative", "ein teures Auto"),
        ("car", "number", ("new", "neu"), 3, "dative", "drei neuen Autos"),
        ("apple", "number", ("", ""), 21, "accusative", "einundzwanzig Äpfel"),
        ("colleague", "my", ("", ""), 1, "dative", "meinem Kollegen"),
        ("neighbour", "this", ("tired", "müde"), 1, "nominative", "dieser müde Nachbar"),
        ("sister", "our", ("", ""), 2, "accusative", "unsere Schwestern"),
        ("coffee", "", ("hot", "heiß"), 1, "accusative", "heißen Kaffee"),
        ("coffee", "any", ("", ""), 1, "accusative", "keinen Kaffee"),
        ("hat", "Anna's", ("red", "rot"), 1, "nominative", "Annas roter Hut"),
        ("car", "the king's", ("", ""), 1, "accusative", "das Auto des Königs"),
        ("dog", "the child's", ("big", "groß"), 1, "dative", "dem großen Hund des Kindes"),
        ("book", "the student's", ("", ""), 2, "nominative", "die Bücher des Studenten"),
        ("friend", "many", ("old", "alt"), 2, "dative", "vielen alten Freunden"),
    ],
)
def test_agreement(
    nouns: dict[str, sample.Noun],
    noun: str,
    determiner: str,
    adjective: tuple[str, str],
    number: int,
    case: str,
    german: str,
) -> None:
    phrase = sample.Grammar(0).phrase(nouns[noun], determiner, adjective, number)
    assert phrase.german[case] == german


def test_clauses(nouns: dict[str, sample.Noun]) -> None:
    grammar = sample.Grammar(0)
    man = grammar.phrase(nouns["man"], "the", ("old", "alt"))
    doctor = grammar.phrase(nouns["doctor"], "the")
    call = sample.Clause(man, verb("call"), "progressive", direct=doctor, time=("today", "heute"))
    assert call.english() == "the old man is calling the doctor today"
    assert call.german() == "der alte Mann ruft heute den Arzt an"
    assert call.german("last") == "der alte Mann heute den Arzt anruft"
    assert call.german("first") == "ruft der alte Mann heute den Arzt an"
    assert call.german("zu") == "heute den Arzt anzurufen"

    fronted = sample.replace(call, tense="past", time=("yesterday", "gestern"), front="time")
    assert fronted.english() == "yesterday the old man called the doctor"
    assert fronted.german() == "gestern hat der alte Mann den Arzt angerufen"

    negated = sample.replace(call, negated=True)
    assert negated.english() == "the old man is not calling the doctor today"
    assert negated.german() == "der alte Mann ruft den Arzt heute nicht an"

    him = grammar.as_object(grammar.pronoun(doctor))
    wake = sample.Clause(
        person("I", "ich", "I"), verb("wake", "up"), "want to", direct=him, time=("now", "jetzt")
    )
    assert wake.english() == "I want to wake him up now"
    assert wake.german() == "ich will ihn jetzt aufwecken"
    assert wake.german("last") == "ich ihn jetzt aufwecken will"

    wait = sample.Clause(
        person("they", "sie", "they"), verb("wait", "", "for"), "perfect", direct=doctor, negated=True
    )
    assert wait.english() == "they have not waited for the doctor"
    assert wait.german() == "sie haben nicht auf den Arzt gewartet"

    go = sample.Clause(person("we", "wir", "we"), verb("go"), "past", place=("to the park", "in den Park"))
    assert (go.english("first"), go.german("first")) == (
        "did we go to the park",
        "sind wir in den Park gegangen",
    )

    lamp = grammar.phrase(nouns["lamp"], "the")
    it = sample.Predicate(grammar.pronoun(lamp), ("beautiful", "schön"), ("very", "sehr"))
    assert (it.english(), it.german()) == ("it is very beautiful", "sie ist sehr schön")
    assert it.german("last") == "sie sehr schön ist"


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (2, ("two", "zwei")),
        (12, ("twelve", "zwölf")),
        (16, ("sixteen", "sechzehn")),
        (30, ("thirty", "dreißig")),
        (21, ("twenty-one", "einundzwanzig")),
        (77, ("seventy-seven", "siebenundsiebzig")),
    ],
)
def test_numbers(number: int, words: tuple[str, str]) -> None:
    assert sample.cardinal(number) == words


@pytest.mark.parametrize(
    ("day", "words"),
    [
        (1, ("first", "ersten")),
        (3, ("third", "dritten")),
        (7, ("seventh", "siebten")),
        (8, ("eighth", "achten")),
        (19, ("nineteenth", "neunzehnten")),
        (20, ("twentieth", "zwanzigsten")),
        (22, ("twenty-second", "zweiundzwanzigsten")),
        (31, ("thirty-first", "einunddreißigsten")),
    ],
)
def test_dates(day: int, words: tuple[str, str]) -> None:
    assert sample.ordinal(day) == words
