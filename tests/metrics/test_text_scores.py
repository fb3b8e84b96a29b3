"""BLEU and chrF: their options, and what is said where BLEU cannot tell models apart."""

from __future__ import annotations

from typing import Any

import pytest
from sacrebleu.metrics import BLEU

from seq2seq.errors import UserError
from seq2seq.metrics.corpus_scorer import CorpusScorer
from seq2seq.metrics.metric import Comparison
from seq2seq.metrics.scripts import main_language

CHINESE = ["我们买猫。", "他喜欢猫。", "他们吃鱼。", "我想要苹果。"]
SEGMENTED = ["我们 买 猫 。", "他 喜欢 猫 。", "他们 吃 鱼 。"]
JAPANESE = ["私は猫が好きです。", "東京に行きます。"]
KOREAN = ["나는 고양이를 좋아합니다.", "우리는 사과를 먹고 싶습니다."]
ENGLISH = ["we buy a cat .", "he likes the cat ."]


def scorer(**options: Any) -> CorpusScorer:
    return CorpusScorer(["bleu", "chrf"], Comparison(**options))


def test_scores_know_their_options() -> None:
    same = scorer(tokenizer="none")(["Ein Hund läuft ."], ["Ein Hund läuft ."])
    assert same.scores["bleu"] == pytest.approx(100.0)
    assert same.scores["chrf"] == pytest.approx(100.0)
    assert "tok:none" in same.signatures["bleu"]
    cased = [scorer(lowercase=x)(["EIN HUND LÄUFT ."], ["ein hund läuft ."]) for x in (False, True)]
    assert cased[0].scores["bleu"] < 50.0
    assert cased[1].scores["bleu"] == pytest.approx(100.0)
    assert "tok:13a" in cased[1].signatures["bleu"]


@pytest.mark.parametrize("tokenizer", ["13a", "zh", "char", "intl", "none"])
def test_the_signature_names_the_tokenizer(tokenizer: str) -> None:
    scores = scorer(tokenizer=tokenizer)(CHINESE, CHINESE)
    assert f"|tok:{tokenizer}|" in scores.signatures["bleu"]
    assert scores.scores["bleu"] == pytest.approx(100.0 if tokenizer in ("zh", "char") else 0.0)
    assert scores.scores["chrf"] == pytest.approx(100.0)


def test_a_tokenizer_that_is_not_installed_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    from sacrebleu.tokenizers import tokenizer_ja_mecab, tokenizer_ko_mecab

    for module in (tokenizer_ja_mecab, tokenizer_ko_mecab):
        monkeypatch.setattr(module, "MeCab", None)
    for language in ("ja", "ko"):
        with pytest.raises(UserError) as error:
            scorer(tokenizer=f"{language}-mecab")
        assert str(error.value) == (
            f"task.bleu_tokenizer={language}-mecab: needs `pip install 'sacrebleu[{language}]'`,"
            " which is not installed."
        )


def test_a_model_that_cannot_be_downloaded_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr("sacrebleu.tokenizers.tokenizer_spm.download_file", offline)
    monkeypatch.setattr("sacrebleu.tokenizers.tokenizer_spm.SACREBLEU_DIR", "/nowhere")
    with pytest.raises(UserError, match=r"flores200: its model could not be downloaded \(no route to host\)"):
        scorer(tokenizer="flores200")


def test_an_unknown_tokenizer_is_answered_with_those_there_are() -> None:
    with pytest.raises(UserError) as error:
        scorer(tokenizer="zh-cn")
    assert str(error.value) == f"task.bleu_tokenizer=zh-cn: sacreBLEU has {', '.join(BLEU.TOKENIZERS)}."


def test_no_line_at_all_is_one_sentence() -> None:
    with pytest.raises(UserError, match="There is nothing to measure"):
        scorer()([], [])


@pytest.mark.parametrize("lines", [[""], ["", "", ""]])
def test_empty_hypotheses_and_references_have_scores(lines: list[str]) -> None:
    for hypotheses, references in ((lines, lines), (lines, ["a"] * len(lines)), (["a"] * len(lines), lines)):
        assert scorer()(hypotheses, references).scores == {"bleu": 0.0, "chrf": 0.0}


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (CHINESE, "Chinese"),
        (["我们在 Berlin 买猫。"], "Chinese"),
        (
            ["这里的动漫叫ドラえもん，非常好看，我们大家都很喜欢看这个动漫，因为它讲的是一只来自未来的猫"],
            "Chinese",
        ),
        (JAPANESE, "Japanese"),
        (KOREAN, "Korean"),
        (["ฉันชอบแมว"], "Thai"),
        (["ຂ້ອຍມັກແມວ"], "Lao"),
        (["ខ្ញុំចូលចិត្តឆ្មា"], "Khmer"),
        (["ငါကြောင်ကြိုက်တယ်"], "Burmese"),
        (["ང་ཞི་མི་ལ་དགའ།"], "Tibetan"),
        (ENGLISH, None),
        (["Der Hund heißt 猫."], None),
        (["Мы покупаем кошку.", "أحب القطط", "मुझे बिल्ली पसंद है।"], None),
        (["12 , 34 !", ""], None),
        ([], None),
    ],
)
def test_languages_are_known_by_their_script(text: list[str], language: str | None) -> None:
    assert main_language(text) == language


@pytest.mark.parametrize(
    ("references", "tokenizer", "notes"),
    [
        (
            CHINESE,
            "13a",
            [
                "The references are Chinese, which task.bleu_tokenizer=13a does not split; write"
                " task.bleu_tokenizer=zh."
            ],
        ),
        (
            JAPANESE,
            "intl",
            [
                "The references are Japanese, which task.bleu_tokenizer=intl does not split; write"
                " task.bleu_tokenizer=ja-mecab (`pip install 'sacrebleu[ja]'`), or char."
            ],
        ),
        (
            KOREAN,
            "13a",
            [
                "The references are Korean, which task.bleu_tokenizer=13a does not split; write"
                " task.bleu_tokenizer=ko-mecab (`pip install 'sacrebleu[ko]'`), or char."
            ],
        ),
        (
            ["ฉันชอบแมว"],
            "13a",
            ["The references are Thai, which task.bleu_tokenizer=13a does not split; write"
             " task.bleu_tokenizer=char, or flores200."],
        ),
        (CHINESE, "zh", []),
        (SEGMENTED, "13a", []),
        (ENGLISH, "13a", []),
        (
            ["yes", "no", "may be"],
            "13a",
            [
                "BLEU counts up to four words in a row, and none of 3 references has four"
                " (task.bleu_tokenizer=13a): chrF tells models of such short lines apart and picks the best checkpoint."
            ],
        ),
        (
            ["yes"] * 99 + ["one two three four"],
            "13a",
            [
                "BLEU counts up to four words in a row, and only 1 of 100 references has four"
                " (task.bleu_tokenizer=13a): chrF tells models of such short lines apart and picks the best checkpoint."
            ],
        ),
        (["", " "], "13a", ["All 2 references are empty: every score of them is 0."]),
    ],
)  # fmt: skip
def test_what_bleu_cannot_tell_apart_is_said(references: list[str], tokenizer: str, notes: list[str]) -> None:
    assert list(scorer(tokenizer=tokenizer).notes(references)) == notes


def test_bleu_is_blind_where_hardly_a_reference_has_four_words() -> None:
    long, short = "one two three four", "one two three"
    assert scorer().is_blind("bleu", [short] * 96 + [long] * 4)
    assert not scorer().is_blind("bleu", [short] * 95 + [long] * 5)
    assert scorer().is_blind("bleu", CHINESE) and not scorer(tokenizer="zh").is_blind("bleu", CHINESE)
    assert not scorer().is_blind("chrf", [short])
