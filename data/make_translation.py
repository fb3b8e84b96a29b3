"""Makes the bundled English–German sample: `python data/make_translation.py` writes
data/translation/{train,val,test}.{en,de}.

A small grammar of our own draws an English sentence and the German one that belongs to it. German is a
function of English: a form that could mean two things ("sheep", "you", "they read") is never drawn, so
whatever a model gets wrong it could have known. What it has to learn is real German:

- gender, number and case on articles, possessives, adjectives and nouns ("mit drei alten Freunden", "den
  jungen Kollegen");
- separable verbs ("sie ruft den Arzt an", "anzurufen", "angerufen") and the verb at the end of dass, ob,
  weil, obwohl, wenn and relative clauses, of perfect, future and modal verbs;
- the verb in second place after a fronted time or place, and in first place in a question;
- pronouns that agree with the noun they stand for ("Die Lampe ist teuer, aber sie ist schön."), "kein"
  against "nicht";
- prepositions with their case, at rest and in motion ("im Park", "in den Park"), genitives, numbers and dates
  in words.

Held out: of all pairs of a verb and a noun it may govern, of an adjective and a noun, of a number and a noun,
and of a day and a month, a share (`HELD_OUT_SHARE`) never occurs in the training part: not the verb and the
noun anywhere in one sentence, not the adjective before the noun, not the number before the noun or before its
adjective, not the date. Half of val and of test holds at least one such pair each; the other half are new
sentences of familiar pairs. No sentence of either language is in two parts, and each word of val and test
occurs in the training part.

The bytes depend on nothing but this file: one seeded generator, from which only `random()` is drawn.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import NamedTuple, TypeVar

SEED = 20160711
SIZES = {"train": 14_000, "val": 500, "test": 500}
HELD_OUT_SHARE = 0.06
MINIMUM_COUNT = 3  # how often a word of val or test occurs in training, at least
WORDS = range(4, 15)  # sentence length on either side

T = TypeVar("T")
Pair = tuple[str, str]  # an English sentence and its German one; or the two lemmas of a combination


def entries(table: str) -> list[str]:
    """The entries of a table, which stand one a line or divided by slashes."""
    return [entry.strip() for line in table.splitlines() for entry in line.split("/") if entry.strip()]


def pairs(table: str, divider: str | None = "=") -> list[Pair]:
    return [(english, german) for english, german in (entry.split(divider) for entry in entries(table))]


# ---------------------------------------------------------------------------------------------------- lexicon
# Nouns by kind: singular plural, German singular plural, gender. `*`: weak declension (-n in all but the
# nominative).

NOUNS = {
    "person": """
        man men Mann Männer m/woman women Frau Frauen f/child children Kind Kinder n
        boy boys Junge Jungen m*/girl girls Mädchen Mädchen n/friend friends Freund Freunde m
        neighbour neighbours Nachbar Nachbarn m*/teacher teachers Lehrer Lehrer m
        doctor doctors Arzt Ärzte m/student students Student Studenten m*
        colleague colleagues Kollege Kollegen m*/baker bakers Bäcker Bäcker m
        farmer farmers Bauer Bauern m*/musician musicians Musiker Musiker m/guest guests Gast Gäste m
        king kings König Könige m/queen queens Königin Königinnen f""",
    "relative": """
        father fathers Vater Väter m/mother mothers Mutter Mütter f/brother brothers Bruder Brüder m
        sister sisters Schwester Schwestern f/uncle uncles Onkel Onkel m/aunt aunts Tante Tanten f
        grandmother grandmothers Großmutter Großmütter f/son sons Sohn Söhne m
        daughter daughters Tochter Töchter f""",
    "animal": """
        dog dogs Hund Hunde m/cat cats Katze Katzen f/horse horses Pferd Pferde n/bird birds Vogel Vögel m
        cow cows Kuh Kühe f""",
    "food": """
        apple apples Apfel Äpfel m/egg eggs Ei Eier n/potato potatoes Kartoffel Kartoffeln f
        tomato tomatoes Tomate Tomaten f/cake cakes Kuchen Kuchen m/sausage sausages Wurst Würste f""",
    "drink": """
        coffee - Kaffee - m/tea - Tee - m/milk - Milch - f/water - Wasser - n""",
    "text": """
        letter letters Brief Briefe m/novel novels Roman Romane m/message messages Nachricht Nachrichten f
        story stories Geschichte Geschichten f/book books Buch Bücher n""",
    "clothes": """
        dress dresses Kleid Kleider n/hat hats Hut Hüte m/coat coats Mantel Mäntel m
        shirt shirts Hemd Hemden n/jacket jackets Jacke Jacken f/skirt skirts Rock Röcke m""",
    "device": """
        lamp lamps Lampe Lampen f/radio radios Radio Radios n/computer computers Computer Computer m
        camera cameras Kamera Kameras f""",
    "container": """
        door doors Tür Türen f/window windows Fenster Fenster n/suitcase suitcases Koffer Koffer m
        box boxes Kiste Kisten f""",
    "vehicle": """
        car cars Auto Autos n/bicycle bicycles Fahrrad Fahrräder n/bus buses Bus Busse m
        boat boats Boot Boote n""",
    "furniture": """
        table tables Tisch Tische m/chair chairs Stuhl Stühle m/bed beds Bett Betten n
        cupboard cupboards Schrank Schränke m/mirror mirrors Spiegel Spiegel m""",
    "thing": """
        key keys Schlüssel Schlüssel m/knife knives Messer Messer n/plate plates Teller Teller m
        cup cups Tasse Tassen f/picture pictures Bild Bilder n/ball balls Ball Bälle m
        umbrella umbrellas Regenschirm Regenschirme m/gift gifts Geschenk Geschenke n
        clock clocks Uhr Uhren f/flower flowers Blume Blumen f""",
    "room": """
        kitchen kitchens Küche Küchen f/house houses Haus Häuser n/room rooms Zimmer Zimmer n
        office offices Büro Büros n""",
    "place": """
        garden gardens Garten Gärten m/park parks Park Parks m/school schools Schule Schulen f
        library libraries Bibliothek Bibliotheken f/museum museums Museum Museen n
        hotel hotels Hotel Hotels n/village villages Dorf Dörfer n/town towns Stadt Städte f
        station stations Bahnhof Bahnhöfe m/market markets Markt Märkte m/lake lakes See Seen m""",
}

# A place at rest takes the dative, as a goal the accusative (but "zu" the dative). English, at rest, goal;
# else in, in, in.
PREPOSITIONS = {
    "station": ("at", "an", "zu"),
    "market": ("at", "auf", "auf"),
    "lake": ("at", "an", "an"),
}
# Who can be somebody's: "my neighbour", but not "my man".
POSSESSED = ("friend", "neighbour", "teacher", "doctor", "colleague", "guest", "student")
CONTRACTIONS = {"in dem": "im", "in das": "ins", "an dem": "am", "zu dem": "zum", "zu der": "zur"}

NAMES = "Anna f/Maria f/Julia f/Emma f/Peter m/Paul m/Martin m/David m"
CITIES = "Berlin Berlin/Hamburg Hamburg/Vienna Wien/Munich München/Cologne Köln/Rome Rom"

# English, German, the kinds of noun it suits.
ADJECTIVES = """
    old alt person animal text clothes device container vehicle furniture thing room place
    new neu text clothes device container vehicle furniture thing room/young jung person animal
    tall groß person/small klein animal container vehicle furniture thing room place device
    big groß animal container vehicle furniture room place device/friendly freundlich person
    tired müde person relative animal/happy glücklich person/sad traurig person/rich reich person
    hungry hungrig person animal/clever klug person animal
    expensive teuer clothes device vehicle furniture thing drink
    cheap billig clothes device vehicle furniture thing
    beautiful schön clothes vehicle furniture thing place room animal text/red rot clothes vehicle thing
    blue blau clothes vehicle thing/green grün clothes vehicle furniture
    black schwarz clothes animal vehicle/white weiß clothes animal furniture
    heavy schwer container furniture device/broken kaputt device vehicle furniture
    dirty schmutzig clothes container vehicle room/long lang text/interesting interessant text place
    boring langweilig text/important wichtig text/fresh frisch food drink/cold kalt drink room place
    hot heiß drink/good gut food drink text/quiet ruhig room place/empty leer container room place
"""
# Only after "to be"; then the subject is a person.
PREDICATES = (
    "tired müde/happy glücklich/sad traurig/ill krank/hungry hungrig/thirsty durstig/busy beschäftigt"
)
OPPOSITES = [
    {"old", "new"}, {"big", "small"}, {"cheap", "expensive"}, {"hot", "cold"}, {"interesting", "boring"},
]  # fmt: skip
COLOURS = ("red", "blue", "green", "black", "white")

# English base, past, participle (a regular verb gives its base alone); German infinitive, third person,
# participle, the particle of a separable verb before `|`; flags; the kinds of noun it governs. In English `+`
# marks a particle that moves behind a pronoun, `~` a preposition. Flags: s = perfect with "sein", d = governs
# the dative, 2 = gives something to somebody, t = no progressive, k = a state (no progressive, no modal verb,
# no adverb), w = done with others, g = to a place, c = to a city, 1 = without a place, p… = German
# preposition with its case.
VERBS = """
    buy,bought,bought; kaufen kauft gekauft; ; food drink clothes device vehicle furniture thing text
    sell,sold,sold; verkaufen verkauft verkauft; ; food clothes device vehicle furniture thing animal
    need; brauchen braucht gebraucht; k; clothes device vehicle furniture thing person
    see,saw,seen; sehen sieht gesehen; t; person relative animal vehicle
    look~for; suchen sucht gesucht; ; person animal thing clothes relative
    find,found,found; finden findet gefunden; t; thing animal clothes text
    read,read,read; lesen liest gelesen; ; text
    write,wrote,written; schreiben schreibt geschrieben; ; text
    eat,ate,eaten; essen isst gegessen; ; food
    drink,drank,drunk; trinken trinkt getrunken; ; drink
    wash; waschen wäscht gewaschen; ; clothes vehicle
    repair; reparieren repariert repariert; ; device vehicle furniture
    clean; putzen putzt geputzt; ; room container
    visit; besuchen besucht besucht; ; person relative
    know,knew,known; kennen kennt gekannt; k; person relative
    ask; fragen fragt gefragt; ; person relative
    hear,heard,heard; hören hört gehört; t; person relative animal
    carry; tragen trägt getragen; ; thing furniture container
    wear,wore,worn; tragen trägt getragen; ; clothes
    forget,forgot,forgotten; vergessen vergisst vergessen; t; thing clothes text
    feed,fed,fed; füttern füttert gefüttert; ; animal
    follow; folgen folgt gefolgt; sd; person animal
    help; helfen hilft geholfen; d; person relative
    thank; danken dankt gedankt; d; person relative
    call; an|rufen ruft gerufen; ; person relative
    pick+up; ab|holen holt geholt; ; person relative
    invite; ein|laden lädt geladen; ; person relative
    wake+up,woke,woken; auf|wecken weckt geweckt; ; person relative
    open; auf|machen macht gemacht; ; container
    close; zu|machen macht gemacht; ; container
    turn+on; ein|schalten schaltet geschaltet; ; device
    turn+off; aus|schalten schaltet geschaltet; ; device
    bring+along,brought,brought; mit|bringen bringt gebracht; ; food drink person
    tidy+up; auf|räumen räumt geräumt; ; room
    try+on; an|probieren probiert probiert; ; clothes
    put+on,put,put; an|ziehen zieht gezogen; ; clothes
    throw+away,threw,thrown; weg|werfen wirft geworfen; ; thing clothes text
    return; zurück|geben gibt gegeben; ; thing text device
    wait~for; warten wartet gewartet; pauf accusative; person relative
    think~of,thought,thought; denken denkt gedacht; pan accusative; person relative
    talk~about; sprechen spricht gesprochen; püber accusative; person relative text vehicle
    play~with; spielen spielt gespielt; pmit dative; animal person thing
    give,gave,given; geben gibt gegeben; 2; thing text food clothes
    show,showed,shown; zeigen zeigt gezeigt; 2; thing text vehicle clothes
    send,sent,sent; schicken schickt geschickt; 2; thing text clothes
    work; arbeiten arbeitet gearbeitet; w;
    sleep,slept,slept; schlafen schläft geschlafen; ;
    dance; tanzen tanzt getanzt; w;
    sing,sang,sung; singen singt gesungen; w;
    cry; weinen weint geweint; ;
    wait; warten wartet gewartet; w;
    play; spielen spielt gespielt; ;
    get+up,got,got; auf|stehen steht gestanden; s1;
    fall+asleep,fell,fallen; ein|schlafen schläft geschlafen; s1;
    arrive; an|kommen kommt gekommen; s1;
    come+back,came,come; zurück|kommen kommt gekommen; s1;
    go,went,gone; gehen geht gegangen; sg;
    drive,drove,driven; fahren fährt gefahren; sg;
    run,ran,run; laufen läuft gelaufen; sg;
    travel; reisen reist gereist; sc;
    fly,flew,flown; fliegen fliegt geflogen; sc;
"""
CLAUSE_VERBS = """
    know,knew,known; wissen weiß gewusst; t;
    believe; glauben glaubt geglaubt; t;
    say,said,said; sagen sagt gesagt; t;
    hope; hoffen hofft gehofft; t;
    think,thought,thought; denken denkt gedacht; t;
    hear,heard,heard; hören hört gehört; t;
"""

# Times by what tense they go with; English, German.
TIMES = {
    "present": """every day=jeden Tag/every morning=jeden Morgen/every evening=jeden Abend
        every week=jede Woche/in winter=im Winter/in summer=im Sommer""",
    "progressive": """today=heute/now=jetzt/this morning=heute Morgen/this evening=heute Abend
        at the moment=im Moment""",
    "past": "yesterday=gestern/last week=letzte Woche/last year=letztes Jahr/last month=letzten Monat",
    "future": """tomorrow=morgen/next week=nächste Woche/next year=nächstes Jahr/next month=nächsten Monat
        soon=bald""",
}
FREQUENCIES = "often=oft/always=immer/sometimes=manchmal/never=nie/usually=meistens/rarely=selten"
WEEKDAYS = (
    "Monday=Montag/Tuesday=Dienstag/Wednesday=Mittwoch/Thursday=Donnerstag/Friday=Freitag/Saturday=Samstag"
)
MONTHS = """January=Januar/February=Februar/March=März/April=April/May=Mai/June=Juni/July=Juli/August=August
    September=September/October=Oktober/November=November/December=Dezember"""
DAYS = {"February": 28, "April": 30, "June": 30, "September": 30, "November": 30}  # the others have 31
UNITS = {"days": "Tagen", "weeks": "Wochen", "months": "Monaten", "years": "Jahren"}

# ----------------------------------------------------------------------------------------------------- German

CASES = ("nominative", "accusative", "dative", "genitive")
# Endings of "dieser"; weak (after it), mixed (after "ein") and strong (after nothing) endings of adjectives.
# One row a case, one column each for masculine, feminine, neuter, plural; `-` is no ending.
DEMONSTRATIVE = "er e es e/en e es e/em er em en/es er es er"
WEAK = "e e e en/en e e en/en en en en/en en en en"
MIXED = "er e es en/en e es en/en en en en/en en en en"
STRONG = "er e es e/en e es e/em er em en/en er en er"
POSSESSIVE = "- e - e/en e - e/em er em en/es er es er"
DEFINITE = "der die das die/den die das die/dem der dem den/des der des der"
PRONOUNS = "er sie es sie/ihn sie es sie/ihm ihr ihm ihnen/- - - -"
ENGLISH_PRONOUNS = "he she it they/him her it them/him her it them/- - - -"


def cell(table: str, case: str, column: str) -> str:
    """The entry of one of the tables above; `column` is m, f, n or p (plural)."""
    entry = table.split("/")[CASES.index(case)].split()["mfnp".index(column)]
    return "" if entry == "-" else entry


class Noun(NamedTuple):
    english: str
    english_plural: str
    german: str
    german_plural: str
    gender: str
    weak: bool
    kind: str

    @property
    def personal(self) -> bool:
        return self.kind in ("person", "relative")

    def inflect(self, case: str, plural: bool) -> str:
        """The German noun alone."""
        if plural:
            add_n = case == "dative" and not self.german_plural.endswith(("n", "s"))
            return self.german_plural + "n" * add_n
        if self.weak and case != "nominative":
            return self.german_plural
        if case == "genitive" and self.gender != "f":
            return self.german + ("es" if self.german in ("Arzt", "Freund", "Gast", "Kind", "Mann") else "s")
        return self.german


class Phrase(NamedTuple):
    """A noun phrase, `german` by case. `person` is I, we, he (third singular) or they."""

    english: str
    german: dict[str, str]
    person: str = "he"
    column: str = "n"  # of the pronoun that stands for it: m, f, n, p
    kind: str = ""
    definite: bool = True  # negated with "nicht", not "kein"
    pronoun: bool = False
    refers: bool = True  # whether a pronoun may stand for it without doubt


class Verb(NamedTuple):
    base: str
    past: str
    participle: str
    particle: str  # English; moves behind a pronoun
    preposition: str  # English
    infinitive: str  # German without its particle, and so the next two
    third: str
    german_participle: str
    german_particle: str
    flags: str
    governs: tuple[str, str]  # German preposition (may be empty) and case of the object
    kinds: tuple[str, ...]

    @property
    def english_third(self) -> str:
        if self.base.endswith("y") and self.base[-2] not in "aeiou":
            return self.base[:-1] + "ies"
        return self.base + ("es" if self.base.endswith(("sh", "ch", "ss", "go")) else "s")

    @property
    def english_ing(self) -> str:
        if self.base in ("get", "put", "run", "forget", "travel"):
            return self.base + self.base[-1] + "ing"
        return (self.base[:-1] if self.base.endswith("e") and self.base != "see" else self.base) + "ing"

    def present(self, person: str) -> str:
        if person in ("we", "they"):
            return self.infinitive
        if person == "he" or self.infinitive == "wissen":
            return self.third
        return self.infinitive[:-1] + "e" if self.infinitive.endswith("ern") else self.infinitive[:-1]


def decline(adjective: str, ending: str) -> str:
    if not adjective or not ending:
        return adjective
    stem = {"teuer": "teur", "dunkel": "dunkl", "müde": "müd"}.get(adjective, adjective)
    return stem + ending


# The finite verb of the compound tenses, by the English tense: ich, er, wir and sie.
FINITE = {
    "future": ("werde", "wird", "werden"),
    "can": ("kann", "kann", "können"),
    "must": ("muss", "muss", "müssen"),
    "want to": ("will", "will", "wollen"),
    "should": ("sollte", "sollte", "sollten"),
    "could": ("konnte", "konnte", "konnten"),
    "had to": ("musste", "musste", "mussten"),
    "wanted to": ("wollte", "wollte", "wollten"),
    "haben": ("habe", "hat", "haben"),
    "sein": ("bin", "ist", "sind"),
    "war": ("war", "war", "waren"),
}


# English verbs that are inflected in place of the verb after them.
LIGHT_VERBS = {"want to": ("want", "wants", "wanted"), "had to": ("have", "has", "had")}
LIGHT_VERBS["wanted to"] = LIGHT_VERBS["want to"]


def finite(name: str, person: str) -> str:
    return FINITE[name][{"I": 0, "he": 1}.get(person, 2)]


def english_auxiliary(verb: Verb, tense: str, person: str, support: bool) -> tuple[str, str]:
    """The English auxiliary ("" for none) and main verb; `support`: "do" is needed (not, questions)."""
    third = person == "he"
    if tense == "progressive":
        return {"I": "am", "he": "is"}.get(person, "are"), verb.english_ing
    if tense == "perfect":
        return ("has" if third else "have"), verb.participle
    if tense in ("future", "can", "must", "should", "could"):
        return ("will" if tense == "future" else tense), verb.base
    base, third_person, past = verb.base, verb.english_third, verb.past
    if tense in LIGHT_VERBS:
        base, third_person, past = (f"{form} to {verb.base}" for form in LIGHT_VERBS[tense])
    if tense in ("past", "wanted to", "had to"):
        return ("did", base) if support else ("", past)
    if support:
        return ("does" if third else "do"), base
    return "", third_person if third else base


def join(*parts: str) -> str:
    return " ".join(part for part in parts if part)


@dataclass(frozen=True)
class Clause:
    """A verb with its subject and all that goes with it, spoken in either language and in every order.

    German has four orders: the finite verb "second" or "first", the verb "last", and the infinitive "zu".
    English follows: "first" is its question, "zu" its infinitive.
    `time`, `place`, `company` and `frequency` are pairs (English, German).
    """

    subject: Phrase
    verb: Verb
    tense: str
    indirect: Phrase | None = None
    direct: Phrase | None = None
    time: Pair = ("", "")
    place: Pair = ("", "")
    company: Pair = ("", "")
    frequency: Pair = ("", "")
    negated: bool = False
    front: str = ""  # "time" or "place"

    def english(self, order: str = "second") -> str:
        verb, direct = self.verb, self.direct
        auxiliary, main = english_auxiliary(
            verb, self.tense, self.subject.person, self.negated or order == "first"
        )
        if order == "zu":
            auxiliary, main = "to", verb.base
        objects = direct.english if direct else ""
        if verb.particle:
            objects = (
                join(objects, verb.particle) if direct and direct.pronoun else join(verb.particle, objects)
            )
        objects = join(self.indirect.english if self.indirect else "", verb.preposition, objects)
        negation = "not" if self.negated else ""
        head = {
            "first": (auxiliary, self.subject.english, negation),
            "zu": (auxiliary, "", ""),
        }.get(order, (self.subject.english, auxiliary, negation))
        place = self.place[0] if self.front != "place" else ""
        time = self.time[0] if self.front != "time" else ""
        front = {"time": self.time, "place": self.place}.get(self.front, ("", ""))[0]
        return join(front, *head, self.frequency[0], main, objects, self.company[0], place, time).replace(
            "can not", "cannot"
        )

    def german(self, order: str = "second") -> str:
        verb, direct, person = self.verb, self.direct, self.subject.person
        if self.tense in ("present", "progressive"):
            verb_second, tail = verb.present(person), verb.german_particle
            verb_last = verb.german_particle + verb_second
        else:
            if self.tense in ("past", "perfect"):
                verb_second = finite("sein" if "s" in verb.flags else "haben", person)
                tail = verb.german_particle + verb.german_participle
            else:
                verb_second, tail = finite(self.tense, person), verb.german_particle + verb.infinitive
            verb_last = join(tail, verb_second)
        if order == "zu":
            verb_last = (
                f"{verb.german_particle}zu{verb.infinitive}"
                if verb.german_particle
                else f"zu {verb.infinitive}"
            )

        preposition, case = verb.governs
        indirect = self.indirect.german["dative"] if self.indirect else ""
        prepositional = join(preposition, direct.german[case]) if direct and preposition else ""
        bare = direct.german[case] if direct and not preposition else ""
        # Pronouns, then the time, then nouns; a definite object stands before the time if "nicht" follows.
        early = late = ""
        for phrase, words in ((self.indirect, indirect), (direct, bare)):
            if phrase and (phrase.pronoun or (self.negated and phrase.definite)):
                early = join(early, words)
            else:
                late = join(late, words)
        negation = "nicht" if self.negated and (direct is None or direct.definite) else ""
        time = self.time[1] if self.front != "time" else ""
        place = self.place[1] if self.front != "place" else ""
        middle = (early, time, self.frequency[1], late, negation, prepositional, self.company[1], place)
        subject = self.subject.german["nominative"]
        if order == "zu":
            return join(*middle, verb_last)
        if order == "last":
            return join(subject, *middle, verb_last)
        front = {"time": self.time, "place": self.place}.get(self.front, ("", ""))[1]
        start = (
            (verb_second, subject)
            if order == "first"
            else (front, verb_second, subject)
            if front
            else (subject, verb_second)
        )
        return join(*start, *middle, tail)


@dataclass(frozen=True)
class Predicate:
    """ "To be" with an adjective; `adjective` and `degree` are pairs (English, German)."""

    subject: Phrase
    adjective: Pair
    degree: Pair = ("", "")
    tense: str = "present"  # present, past or future
    negated: bool = False

    def english(self, order: str = "second") -> str:
        person, rest = self.subject.person, ""
        if self.tense == "present":
            verb = {"I": "am", "he": "is"}.get(person, "are")
        elif self.tense == "past":
            verb = "was" if person in ("I", "he") else "were"
        else:
            verb, rest = "will", "be"
        head = (verb, self.subject.english) if order == "first" else (self.subject.english, verb)
        return join(*head, "not" if self.negated else "", rest, self.degree[0], self.adjective[0])

    def german(self, order: str = "second") -> str:
        verb = finite({"present": "sein", "past": "war"}.get(self.tense, "future"), self.subject.person)
        rest = "sein" if self.tense == "future" else ""
        subject = self.subject.german["nominative"]
        middle = ("nicht" if self.negated else "", self.degree[1], self.adjective[1], rest)
        if order == "last":
            return join(subject, *middle, verb)
        return join(*((verb, subject) if order == "first" else (subject, verb)), *middle)


# ---------------------------------------------------------------------------------------------------- numbers

ONES = pairs("""zero=null/one=eins/two=zwei/three=drei/four=vier/five=fünf/six=sechs/seven=sieben/eight=acht
    nine=neun/ten=zehn/eleven=elf/twelve=zwölf/thirteen=dreizehn/fourteen=vierzehn/fifteen=fünfzehn
    sixteen=sechzehn/seventeen=siebzehn/eighteen=achtzehn/nineteen=neunzehn""")
TENS = pairs("""-=-/-=-
    twenty=zwanzig/thirty=dreißig/forty=vierzig/fifty=fünfzig/sixty=sechzig/seventy=siebzig
    eighty=achtzig/ninety=neunzig""")
ENGLISH_ORDINALS = dict(
    pairs("""one=first/two=second/three=third/five=fifth/eight=eighth/nine=ninth/twelve=twelfth
    twenty=twentieth/thirty=thirtieth""")
)
GERMAN_ORDINALS = {1: "ersten", 3: "dritten", 7: "siebten", 8: "achten"}


def cardinal(number: int) -> Pair:
    """2 to 99 in words: 21 → twenty-one, einundzwanzig."""
    if number < 20:
        return ONES[number]
    tens, ones = divmod(number, 10)
    if not ones:
        return TENS[tens]
    german = "ein" if ones == 1 else ONES[ones][1]
    return f"{TENS[tens][0]}-{ONES[ones][0]}", f"{german}und{TENS[tens][1]}"


def ordinal(number: int) -> Pair:
    """1 to 31 in words, German as after "am": 3 → third, dritten."""
    english, german = cardinal(number)
    start, dash, last = english.rpartition("-")
    english = start + dash + ENGLISH_ORDINALS.get(last, last + "th")
    return english, GERMAN_ORDINALS.get(number, german + ("ten" if number < 20 else "sten"))


# ------------------------------------------------------------------------------------- the tables, as objects


def read_verb(line: str) -> Verb:
    english, german, flags, kinds = (field.strip() for field in line.split(";"))
    forms = english.split(",")
    base, _, particle = forms[0].partition("+")
    base, _, preposition = base.partition("~")
    regular = base + "d" if base.endswith("e") else base + "ed"
    if base.endswith("y") and base[-2] not in "aeiou":
        regular = base[:-1] + "ied"
    if base == "travel":
        regular = "travelled"
    past, participle = forms[1:] or (regular, regular)
    first, third, german_participle = german.split()
    german_particle, _bar, infinitive = first.rpartition("|")
    governs = ("", "dative" if "d" in flags else "accusative")
    if flags.startswith("p"):
        german_preposition, case = flags[1:].split()
        governs, flags = (german_preposition, case), "p"
    return Verb(
        base,
        past,
        participle,
        particle,
        preposition,
        infinitive,
        third,
        german_participle,
        german_particle,
        flags,
        governs,
        tuple(kinds.split()),
    )


def read_noun(entry: str, kind: str) -> Noun:
    english, english_plural, german, german_plural, gender = entry.split()
    return Noun(english, english_plural, german, german_plural, gender[0], gender.endswith("*"), kind)


NOUN_LIST = {kind: [read_noun(entry, kind) for entry in entries(table)] for kind, table in NOUNS.items()}
ALL_NOUNS = [noun for nouns in NOUN_LIST.values() for noun in nouns]
VERB_LIST = [read_verb(line) for line in VERBS.strip().splitlines()]
CLAUSE_VERB_LIST = [read_verb(line) for line in CLAUSE_VERBS.strip().splitlines()]
ADJECTIVE_LIST: dict[str, list[Pair]] = {
    kind: [(words[0], words[1]) for words in map(str.split, entries(ADJECTIVES)) if kind in words[2:]]
    for kind in NOUNS
}
EIN_WORDS = {
    "a": "ein", "any": "kein", "no": "kein",
    "my": "mein", "our": "unser", "his": "sein", "her": "ihr", "their": "ihr",
}  # fmt: skip


def german_article(determiner: str, case: str, column: str, number: int) -> tuple[str, str]:
    """The German determiner, and which endings an adjective takes after it."""
    if determiner == "the" or determiner.startswith("the "):
        return cell(DEFINITE, case, column), WEAK
    if determiner == "this":
        return "dies" + cell(DEMONSTRATIVE, case, column), WEAK
    if determiner in EIN_WORDS:
        return EIN_WORDS[determiner] + cell(POSSESSIVE, case, column), MIXED
    if determiner in ("some", "many"):
        return ("einige" if determiner == "some" else "viele") + "n" * (case == "dative"), STRONG
    if determiner == "number":
        return cardinal(number)[1], STRONG
    return determiner.replace("'", ""), STRONG  # a name ("Annas"), or nothing


def adverb(preposition: str, phrase: Phrase, case: str) -> str:
    """A German prepositional phrase, contracted where German does ("in dem Park" → "im Park")."""
    words = f"{preposition} {phrase.german[case]}".split(" ", 2)
    start = " ".join(words[:2])
    return " ".join([CONTRACTIONS.get(start, start), *words[2:]])


# --------------------------------------------------------------------------------------------- held-out pairs


def forms(verb: Verb) -> set[str]:
    return {verb.base, verb.english_third, verb.english_ing, verb.past, verb.participle}


NOUN_OF = {form: noun.english for noun in ALL_NOUNS for form in (noun.english, noun.english_plural)}
VERB_OF = {form: verb.base for verb in VERB_LIST for form in forms(verb)}


def held_out_pairs() -> frozenset[Pair]:
    """The combinations that training never shows, as pairs of English lemmas."""
    rng = random.Random(SEED + 1)
    candidates: list[Pair] = []
    for verb in VERB_LIST:  # a particle or preposition stands apart from its verb: those verbs are all seen
        if not verb.particle and not verb.preposition:
            candidates += [(verb.base, noun.english) for noun in ALL_NOUNS if noun.kind in verb.kinds]
    candidates += [
        (adjective[0], noun.english) for noun in ALL_NOUNS for adjective in ADJECTIVE_LIST[noun.kind]
    ]
    candidates += [
        (cardinal(n)[0], noun.english) for n in range(2, 100) for noun in ALL_NOUNS if noun.kind != "drink"
    ]
    candidates += [
        (ordinal(day)[0], month) for month, _ in pairs(MONTHS) for day in range(1, DAYS.get(month, 31) + 1)
    ]
    return frozenset(pair for pair in candidates if rng.random() < HELD_OUT_SHARE)


def combinations(sentence: str) -> set[Pair]:
    """Every pair of lemmas in an English sentence that could be one of the held-out pairs."""
    row = words(sentence)
    found = {
        (VERB_OF[verb], NOUN_OF[noun])
        for verb, noun in product(row, row)
        if verb in VERB_OF and noun in NOUN_OF
    }
    for first, second, third in zip(row, [*row[1:], ""], [*row[2:], "", ""]):
        for following in (second, third):
            if following in NOUN_OF:
                found.add((first.lower(), NOUN_OF[following]))
        if second == "of":
            found.add((first, third))
    return found


# ---------------------------------------------------------------------------------------------------- drawing


class Grammar:
    """Draws sentences; every choice comes from one generator, through `random()` alone."""

    def __init__(self, seed: int):
        self._rng = random.Random(seed)

    def chance(self, probability: float) -> bool:
        return self._rng.random() < probability

    def pick(self, items: Sequence[T]) -> T:
        return items[int(self._rng.random() * len(items))]

    def weighted(self, table: dict[str, float]) -> str:
        point = self._rng.random() * sum(table.values())
        last = ""
        for name, weight in table.items():
            last, point = name, point - weight
            if point < 0:
                break
        return last

    # Noun phrases

    def phrase(self, noun: Noun, determiner: str, adjective: Pair = ("", ""), number: int = 1) -> Phrase:
        """A noun phrase; `number` > 1 is plural.

        `determiner`: the, a, this, any and no (after a negation), number, some, many, "" for none, a
        possessive, or a genitive ("Anna's", "the king's").
        """
        plural = number > 1
        column = "p" if plural else noun.gender
        english_adjective, german_adjective = adjective
        english_noun = noun.english_plural if plural else noun.english
        english = {
            "this": "these" if plural else "this",
            "number": cardinal(number)[0] if plural else "",
            "a": "an" if (english_adjective or english_noun)[0] in "aeiou" else "a",
        }.get(determiner, determiner)
        after = ""
        if determiner.startswith("the "):  # "the king's house" is "das Haus des Königs"
            owner = next(other for other in ALL_NOUNS if other.english == determiner[4:-2])
            after = f"{cell(DEFINITE, 'genitive', owner.gender)} {owner.inflect('genitive', False)}"
        german = {}
        for case in CASES[:3]:
            article, endings = german_article(determiner, case, column, number)
            attribute = decline(german_adjective, cell(endings, case, column))
            german[case] = join(article, attribute, noun.inflect(case, plural), after)
        return Phrase(
            join(english, english_adjective, english_noun),
            german,
            "they" if plural else "he",
            column,
            noun.kind,
            definite=determiner not in ("a", "any", ""),
            refers=not (noun.personal and column == "n"),
        )

    def adjective(self, noun: Noun, probability: float) -> Pair:
        choices = ADJECTIVE_LIST[noun.kind]
        return self.pick(choices) if choices and self.chance(probability) else ("", "")

    def name(self) -> Phrase:
        name, gender = self.pick([entry.split() for entry in entries(NAMES)])
        return Phrase(name, dict.fromkeys(CASES, name), "he", gender, "person")

    def pronoun(self, phrase: Phrase) -> Phrase:
        """The pronoun that stands for a phrase."""
        column = phrase.column
        english = {case: cell(ENGLISH_PRONOUNS, case, column) for case in CASES}
        if phrase.person == "he" and phrase.kind not in ("person", "relative"):
            english = dict.fromkeys(CASES, "it")
        german = {case: cell(PRONOUNS, case, column) for case in CASES}
        return phrase._replace(english=english["nominative"], german=german, pronoun=True, definite=True)

    def as_object(self, pronoun: Phrase) -> Phrase:
        return pronoun._replace(
            english={"he": "him", "she": "her", "they": "them"}.get(pronoun.english, pronoun.english)
        )

    def subject(self, pronouns: bool = True) -> Phrase:
        how = self.weighted({"noun": 6, "name": 1.6, "pronoun": 2.4 if pronouns else 0, "relative": 2})
        if how == "name":
            return self.name()
        if how == "pronoun":
            english, german, column = self.pick(
                [
                    ("I", "ich", "m"),
                    ("we", "wir", "p"),
                    ("he", "er", "m"),
                    ("she", "sie", "f"),
                    ("they", "sie", "p"),
                ]
            )
            person = "he" if english == "she" else english
            return Phrase(english, {"nominative": german}, person, column, "person", pronoun=True)
        noun = self.pick(NOUN_LIST["relative" if how == "relative" else "person"])
        if how == "relative":
            determiner = self.pick(
                ("my", "our", "his", "her", "their", "my", "our", self.pick(entries(NAMES)).split()[0] + "'s")
            )
            return self.phrase(noun, determiner, self.adjective(noun, 0.15), self.relatives(noun))
        determiner = self.weighted(
            {
                "the": 6,
                "a": 1,
                "this": 1,
                "number": 1.2,
                "many": 0.4,
                "some": 0.4,
                "my": 1.5 * (noun.english in POSSESSED),
            }
        )
        plural = determiner in ("many", "some") or (determiner in ("the", "this", "my") and self.chance(0.3))
        number = 2 + int(self._rng.random() * 98) if determiner == "number" else 1 + plural
        return self.phrase(noun, determiner, self.adjective(noun, 0.35), number)

    def possessive(self, subject: Phrase) -> str:
        """The possessive that goes back to the subject."""
        if subject.person in ("I", "we"):
            return {"I": "my", "we": "our"}[subject.person]
        return {"m": "his", "f": "her", "p": "their"}.get(subject.column, "my")

    def relatives(self, noun: Noun) -> int:
        """How many: nobody has two mothers here."""
        return 1 if noun.english.endswith(("father", "mother")) else 1 + self.chance(0.25)

    def owner(self) -> str:
        if self.chance(0.5):
            return self.pick(entries(NAMES)).split()[0] + "'s"
        return f"the {self.pick(NOUN_LIST['person']).english}'s"

    def object(self, kinds: Sequence[str], subject: Phrase, negated: bool = False) -> Phrase:
        """An object of one of the kinds; after a negation one that "kein" or "nicht" can negate."""
        kind = self.pick(kinds)
        noun = self.pick(NOUN_LIST[kind])
        adjective = self.adjective(noun, 0.35)
        if kind == "drink":
            return self.phrase(
                noun,
                self.pick(("any", "the") if negated else ("", "", "the", self.possessive(subject))),
                adjective,
            )
        if noun.personal and self.chance(0.12):
            return self.name()
        if kind == "relative":
            return self.phrase(noun, self.possessive(subject), adjective, self.relatives(noun))
        table = {"the": 4.0, "a": 2.5, "this": 0.8}
        if noun.kind != "person" or noun.english in POSSESSED:
            table.update({self.possessive(subject): 1.2, "owner": 0.7})
        table.update({"any": 1.2} if negated else {"number": 1.8, "": 0.8, "some": 0.4, "many": 0.4})
        determiner = self.weighted(table)
        if determiner == "owner":
            return self.phrase(noun, self.owner(), ("", ""), 1)
        if determiner == "a" and negated:  # "does not buy a lamp" is "kauft keine Lampe"
            keine = self.phrase(noun, "no", adjective)
            return self.phrase(noun, "a", adjective)._replace(german=keine.german)
        plural = determiner in ("any", "", "some", "many") or (determiner != "a" and self.chance(0.3))
        number = 2 + int(self._rng.random() * 98) if determiner == "number" else 1 + plural
        return self.phrase(noun, determiner, adjective, number)

    # Adverbs

    def time(self, tense: str) -> Pair:
        kind = tense if tense in TIMES else ""
        if tense in ("can", "must", "want to", "should"):
            kind = self.pick(("progressive", "future"))
        if tense in ("could", "had to", "wanted to"):
            kind = "past"
        if kind in ("past", "future") and self.chance(0.6):
            how = self.weighted({"weekday": 1, "date": 2.2, "month": 0.6, "hour": 1, "span": 1.2})
            if how == "weekday":
                english, german = self.pick(pairs(WEEKDAYS))
                return f"on {english}", f"am {german}"
            if how == "date":
                month = self.pick(pairs(MONTHS))
                english, german = ordinal(1 + int(self._rng.random() * DAYS.get(month[0], 31)))
                return f"on the {english} of {month[0]}", f"am {german} {month[1]}"
            if how == "month":
                english, german = self.pick(pairs(MONTHS))
                return f"in {english}", f"im {german}"
            if how == "hour":
                english, german = cardinal(2 + int(self._rng.random() * 11))
                return f"at {english} o'clock", f"um {german} Uhr"
            english, german = cardinal(2 + int(self._rng.random() * 30))
            unit = self.pick(list(UNITS))
            if kind == "past":
                return f"{english} {unit} ago", f"vor {german} {UNITS[unit]}"
            return f"in {english} {unit}", f"in {german} {UNITS[unit]}"
        return self.pick(pairs(TIMES[kind])) if kind else ("", "")

    def place(self, goal: bool) -> Pair:
        noun = self.pick(NOUN_LIST["place"] if goal or self.chance(0.6) else NOUN_LIST["room"])
        english, rest, motion = PREPOSITIONS.get(noun.english, ("in", "in", "in"))
        phrase = self.phrase(noun, "the", self.adjective(noun, 0.2))
        if goal:
            return f"to {phrase.english}", adverb(
                motion, phrase, "dative" if motion == "zu" else "accusative"
            )
        return f"{english} {phrase.english}", adverb(rest, phrase, "dative")

    def company(self, subject: Phrase) -> Pair:
        kind = self.pick(("relative", "person", "animal"))
        phrase = self.object((kind,), subject)
        if self.chance(0.75):
            return f"with {phrase.english}", adverb("mit", phrase, "dative")
        return f"without {phrase.english}", adverb("ohne", phrase, "accusative")

    # Clauses

    def clause(
        self,
        subject: Phrase,
        *,
        verb: Verb | None = None,
        direct: Phrase | None = None,
        tense: str = "",
        plain: bool = False,
        negation: float = 0.15,
    ) -> Clause:
        """A clause about the subject; `plain`: without adverbs."""
        verb = verb or self.pick(VERB_LIST)
        if not tense:
            tense = self.weighted(
                {
                    "present": 2,
                    "progressive": 2.4,
                    "past": 3,
                    "perfect": 1.2,
                    "future": 1.3,
                    "can": 0.6,
                    "must": 0.6,
                    "want to": 0.7,
                    "should": 0.4,
                    "could": 0.3,
                    "had to": 0.4,
                    "wanted to": 0.4,
                }
            )
        state = "k" in verb.flags
        if (state and tense not in ("present", "past", "future")) or (
            tense == "progressive" and "t" in verb.flags
        ):
            tense = "present"
        if tense == "present" and verb.past == verb.base:  # "they read" would be ambiguous
            tense = "progressive"
        negated = tense not in ("must", "had to", "should") and self.chance(negation)
        clause = Clause(subject, verb, tense, negated=negated)
        if direct is not None:
            clause = replace(clause, direct=direct)
        elif verb.kinds:
            clause = replace(clause, direct=self.object(verb.kinds, subject, negated))
        if "2" in verb.flags:
            clause = replace(
                clause, indirect=self.object(("person", "relative"), subject)._replace(definite=True)
            )
            if negated and clause.direct and not clause.direct.definite:
                clause = replace(
                    clause, indirect=clause.indirect and clause.indirect._replace(definite=False)
                )
        if "g" in verb.flags:
            clause = replace(clause, place=self.place(goal=True))
        elif "c" in verb.flags:
            english, german = self.pick(pairs(CITIES, None))
            clause = replace(clause, place=(f"to {english}", f"nach {german}"))
        if plain or state:
            return clause
        if tense == "present" and not negated and self.chance(0.5):
            clause = replace(clause, frequency=self.pick(pairs(FREQUENCIES)))
        elif tense != "perfect" and self.chance(0.5):
            clause = replace(clause, time=self.time(tense))
        if not clause.place[0] and not {"p", "t", "1"} & set(verb.flags) and self.chance(0.25):
            clause = replace(clause, place=self.place(goal=False), front="place" if self.chance(0.25) else "")
        elif not negated and not clause.indirect and ({"w", "g", "c"} & set(verb.flags)) and self.chance(0.4):
            clause = replace(clause, company=self.company(subject))
        if clause.time[0] and not clause.front and self.chance(0.4):
            clause = replace(clause, front="time")
        return clause

    def predicate(self, subject: Phrase) -> Predicate:
        adjective = self.pick(pairs(PREDICATES, None))
        tense = self.weighted({"present": 3, "past": 2, "future": 0.7})
        negated = self.chance(0.2)
        degree = ("very", "sehr") if not negated and self.chance(0.3) else ("", "")
        return Predicate(subject, adjective, degree, tense, negated)

    def about(self, subject: Phrase) -> Clause | Predicate:
        return self.predicate(subject) if self.chance(0.2) else self.clause(subject, plain=self.chance(0.5))

    # Sentences

    def sentence(self) -> Pair:
        """One pair of sentences, English and German."""
        kind = self.weighted(
            {
                "main": 9,
                "question": 1.3,
                "that": 1.4,
                "because": 1.5,
                "if": 0.9,
                "relative": 1.1,
                "purpose": 0.6,
                "but": 0.6,
                "predicate": 0.6,
                "whether": 0.5,
            }
        )
        english, german = getattr(self, f"_{kind}")()
        return english[0].upper() + english[1:], german[0].upper() + german[1:]

    def _main(self) -> Pair:
        clause = self.clause(self.subject())
        return f"{clause.english()}.", f"{clause.german()}."

    def _predicate(self) -> Pair:
        predicate = self.predicate(self.subject())
        return f"{predicate.english()}.", f"{predicate.german()}."

    def _question(self) -> Pair:
        word = self.pick(
            [("", ""), ("", ""), ("why ", "warum "), ("when ", "wann "), ("where ", "wo "), ("who", "wer")]
        )
        if word[0] == "who":
            clause = self.clause(Phrase("who", {"nominative": "wer"}, column="-"), plain=True, negation=0)
            return f"{clause.english()}?", f"{clause.german()}?"
        plain = word[0] in ("when ", "where ")
        clause = self.clause(self.subject(), plain=plain, negation=0.1 if word[0] == "why " else 0)
        clause = replace(clause, front="", frequency=("", ""))
        if word[0] == "where " and clause.place[0]:
            clause = replace(clause, place=("", ""), verb=next(v for v in VERB_LIST if v.base == "sleep"))
        return f"{word[0]}{clause.english('first')}?", f"{word[1]}{clause.german('first')}?"

    def _that(self) -> Pair:
        tense = self.pick(("present", "past"))
        main = self.clause(
            self.subject(), verb=self.pick(CLAUSE_VERB_LIST), tense=tense, plain=True, negation=0
        )
        clause = replace(self.clause(self.subject(), plain=self.chance(0.6)), front="")
        content = self.predicate(self.subject()) if self.chance(0.2) else clause
        return (
            f"{main.english()} that {content.english()}.",
            f"{main.german()}, dass {content.german('last')}.",
        )

    def _whether(self) -> Pair:
        main = self.clause(self.subject(), verb=CLAUSE_VERB_LIST[0], tense="present", plain=True, negation=1)
        content = replace(self.clause(self.subject(), plain=self.chance(0.6), negation=0), front="")
        return (
            f"{main.english()} whether {content.english()}.",
            f"{main.german()}, ob {content.german('last')}.",
        )

    def _because(self) -> Pair:
        word = self.pick([("because", "weil"), ("because", "weil"), ("although", "obwohl")])
        subject = self.subject()
        main = self.clause(subject, plain=self.chance(0.6))
        same = subject
        if subject.person not in ("I", "we"):
            same = self.pronoun(subject) if subject.refers else self.subject()
        thing = main.direct
        reason: Clause | Predicate = self.about(same)
        if (
            thing
            and thing.refers
            and thing.kind not in ("person", "relative")
            and not main.negated
            and not main.indirect
        ):
            verbs = [
                v for v in VERB_LIST if thing.kind in v.kinds and "2" not in v.flags and not v.governs[0]
            ]
            if self.chance(0.7):  # "… because she needs it": the pronoun takes the gender of the German noun
                verb = self.pick([v for v in verbs if v != main.verb])
                reason = self.clause(same, verb=verb, direct=self.as_object(self.pronoun(thing)), plain=True)
        if isinstance(reason, Clause):
            reason = replace(reason, front="")
        return (
            f"{main.english()} {word[0]} {reason.english()}.",
            f"{main.german()}, {word[1]} {reason.german('last')}.",
        )

    def _if(self) -> Pair:
        subject = self.subject(pronouns=False)
        other = self.pronoun(subject) if subject.refers else self.subject()
        tense = self.pick(("present", "can", "want to"))
        condition = self.clause(subject, tense=tense, plain=True)
        main = self.clause(other, tense=self.pick(("present", "future", "must", "can")), plain=True)
        if condition.tense == "progressive" or main.tense == "progressive":
            return self._if()
        if self.chance(0.6):
            return (
                f"if {condition.english()}, {main.english()}.",
                f"wenn {condition.german('last')}, {main.german('first')}.",
            )
        main, condition = replace(main, subject=subject), replace(condition, subject=other)
        return (
            f"{main.english()} if {condition.english()}.",
            f"{main.german()}, wenn {condition.german('last')}.",
        )

    def _relative(self) -> Pair:
        if self.chance(0.5):  # the noun is the subject of its clause: "the man who sold the lamp"
            noun = self.pick(NOUN_LIST["person"])
            head = self.phrase(
                noun, self.pick(("the", "the", "this")), self.adjective(noun, 0.3), 1 + self.chance(0.3)
            )
            pronoun = cell(DEFINITE, "nominative", head.column)
            clause = self.clause(head._replace(english="who", german={"nominative": pronoun}), plain=True)
            english, german = clause.english(), clause.german("last")
        else:  # or its object: "the lamp that the man sold"
            verb = self.pick(
                [v for v in VERB_LIST if v.kinds and v.governs == ("", "accusative") and v.flags in ("", "t")]
            )
            noun = self.pick(NOUN_LIST[self.pick(verb.kinds)])
            determiner, plural = (
                ("my", False)
                if noun.kind == "relative"
                else ("the", noun.kind != "drink" and self.chance(0.3))
            )
            head = self.phrase(noun, determiner, self.adjective(noun, 0.3), 1 + plural)
            gap = Phrase("", {"accusative": ""})
            clause = self.clause(self.subject(), verb=verb, direct=gap, plain=True, negation=0)
            english = f"{'whom' if noun.personal else 'that'} {clause.english()}"
            german = f"{cell(DEFINITE, 'accusative', head.column)} {clause.german('last')}"
        if self.chance(0.5):
            whole = dict(head.german, nominative=f"{head.german['nominative']}, {german},")
            predicate = self.quality(head._replace(english=f"{head.english} {english}", german=whole))
            return f"{predicate.english()}.", f"{predicate.german()}."
        verb = self.pick([v for v in VERB_LIST if head.kind in v.kinds and "2" not in v.flags])
        main = self.clause(self.subject(), verb=verb, direct=head, plain=True, negation=0)
        return f"{main.english()} {english}.", f"{main.german()}, {german}."

    def quality(self, subject: Phrase) -> Predicate:
        """ "To be" with an adjective that suits the subject."""
        if subject.kind in ("person", "relative"):
            return self.predicate(subject)
        adjective = self.pick(ADJECTIVE_LIST[subject.kind])
        degree = ("", "")
        if adjective[0] not in COLOURS:
            degree = self.pick([("", ""), ("", ""), ("very", "sehr"), ("too", "zu")])
        return Predicate(subject, adjective, degree, self.pick(("present", "present", "past")))

    def _purpose(self) -> Pair:
        subject = self.subject()
        main = self.clause(
            subject, verb=self.pick([v for v in VERB_LIST if "g" in v.flags]), plain=True, negation=0
        )
        errand = self.pick([v for v in VERB_LIST if v.kinds and "t" not in v.flags])
        purpose = self.clause(subject, verb=errand, plain=True, negation=0)
        return f"{main.english()} {purpose.english('zu')}.", f"{main.german()}, um {purpose.german('zu')}."

    def _but(self) -> Pair:
        noun = self.pick([n for n in ALL_NOUNS if not n.personal])
        determiner = self.pick(("the", "the", "this", "my", "our", self.owner()))
        thing = self.phrase(noun, determiner, number=1 + (noun.kind != "drink" and self.chance(0.3)))
        first, second = self.quality(thing), self.quality(self.pronoun(thing))
        second = replace(second, tense=first.tense, negated=self.chance(0.3))
        if second.adjective == first.adjective or {first.adjective[0], second.adjective[0]} in OPPOSITES:
            return self._but()
        return f"{first.english()}, but {second.english()}.", f"{first.german()}, aber {second.german()}."


# ------------------------------------------------------------------------------------------------------ parts


def words(sentence: str) -> list[str]:
    return sentence.strip(".?").replace(",", "").split()


def draw(grammar: Grammar, seen: set[str]) -> Iterator[Pair]:
    """Pairs of a fit length, neither sentence of which was ever drawn before."""
    while True:
        pair = grammar.sentence()
        if seen.isdisjoint(pair) and all(len(words(sentence)) in WORDS for sentence in pair):
            seen.update(pair)
            yield pair


def make() -> dict[str, list[Pair]]:
    """The pairs of each part."""
    held_out = held_out_pairs()
    pairs_of = draw(Grammar(SEED), set())
    parts: dict[str, list[Pair]] = {part: [] for part in SIZES}
    train = parts["train"]
    while len(train) < SIZES["train"]:
        pair = next(pairs_of)
        if held_out.isdisjoint(combinations(pair[0])):
            train.append(pair)
    counts = [Counter(word for pair in train for word in words(pair[side])) for side in (0, 1)]
    for part in ("val", "test"):
        room = {False: SIZES[part] // 2, True: SIZES[part] - SIZES[part] // 2}
        while any(room.values()):
            pair = next(pairs_of)
            unseen = not held_out.isdisjoint(combinations(pair[0]))
            known = all(counts[side][word] >= MINIMUM_COUNT for side in (0, 1) for word in words(pair[side]))
            if known and room[unseen]:
                room[unseen] -= 1
                parts[part].append(pair)
    return parts


def write(folder: Path) -> None:
    """Writes the files of every part into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for part, sentences in make().items():
        for side, language in enumerate(("en", "de")):
            text = "".join(pair[side] + "\n" for pair in sentences)
            (folder / f"{part}.{language}").write_bytes(text.encode())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Makes the bundled English-German sample.")
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parent / "translation")
    write(parser.parse_args().folder)
