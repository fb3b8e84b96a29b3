import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.errors import UserError
from seq2seq.text import Normalizer

E_ACUTE = "e\u0301"  # decomposed


@pytest.mark.parametrize(
    ("normalization", "lowercase", "expected"),
    [
        ("none", False, f"Caf{E_ACUTE} Ａ ﬁ x²"),
        ("none", True, f"caf{E_ACUTE} ａ ﬁ x²"),
        ("nfc", False, "Café Ａ ﬁ x²"),
        ("nfkc", False, "Café A fi x2"),
        ("nfkc", True, "café a fi x2"),
    ],
)
def test_forms(normalization, lowercase, expected):
    assert Normalizer(normalization, lowercase)(f"Caf{E_ACUTE} Ａ ﬁ x²") == expected


def test_every_white_space_is_one_space():
    assert Normalizer()("\t a \u00a0 b\u2028c\u0085\rd\u3000") == "a b c d"


def test_unknown_form_is_refused_by_name():
    with pytest.raises(UserError, match="normalization=nfd is unknown; choose one of none, nfc, nfkc"):
        Normalizer("nfd")


@given(st.text(), st.sampled_from(["none", "nfc", "nfkc"]), st.booleans())
def test_once_is_enough(text, normalization, lowercase):
    normalize = Normalizer(normalization, lowercase)
    assert normalize(normalize(text)) == normalize(text)
