"""What the training data is to decide, as it is typed."""

from __future__ import annotations

import pytest

from seq2seq.config.auto import AUTO_KEYS, with_auto
from seq2seq.config.compose import compose
from seq2seq.errors import ConfigError

FIXED = [
    "model=translation_small",
    "model.encoder.units=7",
    "optimizer.learning_rate=0.1",
    "training.max_steps=3",
]


def test_a_key_that_is_auto_is_left_to_the_data() -> None:
    by_default = compose(FIXED).auto
    chosen = ["optimizer.learning_rate", "training.max_steps", "model.encoder.units"]
    assert not set(chosen) & set(by_default)
    config = compose([*FIXED[:1], *(f"{key}=auto" for key in chosen)])
    assert set(config.auto) == {*by_default, *chosen}


def test_a_group_that_is_auto_is_left_to_the_data_where_it_has_such_keys() -> None:
    config = compose(["model=translation_small", "model.encoder.units=7", "model=auto"])
    assert "model.encoder.units" in config.auto
    assert not {"model.spec_augment.warmup_steps", "model.encoder.projection"} & set(config.auto)
    assert "model.spec_augment.warmup_steps" in compose(["task=speech", "model=auto"]).auto


def test_every_choice_of_auto_counts() -> None:
    assert with_auto(["a=b", "training=auto", "model.encoder.units=auto"]) == [
        "a=b",
        *2
        * [
            f"auto=[{','.join([*[key for key in AUTO_KEYS if key.startswith('training.')], 'model.encoder.units'])}]"
        ],
    ]
    assert set(compose(["training=auto", "model=auto"]).auto) == set(compose([]).auto)


@pytest.mark.parametrize("override", ["data=auto", "model.bridge=auto", "seed=auto", "search=auto"])
def test_what_the_data_does_not_decide(override: str) -> None:
    with pytest.raises(ConfigError, match=override):
        compose([override])
