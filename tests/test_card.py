"""The card: what people write by hand is kept, and each fault in it is named with its place."""

import hashlib
import json
import os

import pytest

from second_opinion.errors import UserError
from second_opinion.models.card import ModelCard

FIELDS = {
    "name": "churn",
    "version": "1",
    "title": "Customer churn",
    "task": "binary",
    "target": {"name": "has_left", "event": "leaving within 90 days"},
    "classes": [{"value": 0, "label": "Stays"}, {"value": 1, "label": "Leaves"}],
    "positive": 1,
    "features": [
        {"name": "age", "kind": "integer", "min": 18, "max": 90},
        {"name": "contract", "kind": "category", "choices": ["monthly", "yearly"]},
    ],
    "artifact": {"file": "model.joblib", "format": "joblib", "sha256": "a" * 64},
    "bands": {"low": 0.6},
    "answer": "class",
}


def changed(place, value):
    """The fields with another value at a place such as ``features.0.kind``."""
    fields = json.loads(json.dumps(FIELDS))
    *steps, last = [int(step) if step.isdigit() else step for step in place.split(".")]
    part = fields
    for step in steps:
        part = part[step]
    if value is None:
        del part[last]
    else:
        part[last] = value
    return fields


@pytest.fixture
def path(tmp_path):
    return tmp_path / "card.json"


def read(path, fields):
    path.write_text(fields if isinstance(fields, str) else json.dumps(fields), "utf-8")
    return ModelCard.read(path)


def test_a_card_is_read_with_the_hash_of_its_file(path):
    card = read(path, FIELDS)
    assert card.ref == "churn/1"
    assert card.case_schema.names == ["age", "contract"]
    assert card.class_values == (0, 1)
    assert card.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_keys_that_are_not_known_are_kept(path):
    fields = changed("owner", "Ada")
    fields["our_ticket"] = {"id": 7}
    fields["features"][0]["asked_of"] = "the nurse"
    fields["target"]["note"] = "!"
    written = read(path, fields).model_dump()
    assert written["our_ticket"] == {"id": 7}
    assert written["features"][0]["asked_of"] == "the nurse"
    assert written["target"]["note"] == "!"


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ("task", "clustering", "task is 'clustering'"),
        ("task", None, "task: field required"),
        ("title", 7, "title is 7"),
        ("target.name", None, "target.name: field required"),
        ("features.0.kind", "numbr", "features[0].kind is 'numbr'"),
        ("features.1.choices", [], "features[1]: a category needs its choices"),
        ("features.0.missing", "maybe", "features[0].missing"),
        ("features.1.unknown", "guess", "features[1].unknown is 'guess'"),
        ("features.0.name", "", "features[0].name is ''"),
        ("features.1.name", "age", "features: age stands there twice"),
        ("features", [], "features is []"),
        ("artifact.sha256", "abc", "artifact.sha256 is 'abc'"),
        ("artifact.file", "../model.joblib", "artifact.file is '../model.joblib'"),
        ("artifact.file", "a\\b.joblib", "artifact.file is"),
        ("artifact.format", "exe", "artifact.format is 'exe'"),
        ("artifact", None, "artifact: field required"),
        ("bands.low", 60, "bands.low is 60"),
        ("answer", "maybe", "answer is 'maybe'"),
        ("classes", [0], "classes: a classifier needs at least two"),
        ("classes", [0, 1, 0], "classes: 0 stands there twice"),
        ("positive", "1", "positive is '1': expected one of the classes"),
        ("positive", True, "positive is True: expected one of the classes"),
        ("features.0.min", "low", 'features[0]: min is "low"; expected a whole number'),
        ("features.0.max", "90", 'features[0]: max is "90"; expected a whole number'),
        ("features.0.max", 90.5, "features[0]: max is 90.5; expected a whole number"),
        ("features.0.max", 17, "features[0]: min is 18, above max, which is 17"),
        ("features.0.typical", "forty", 'features[0]: typical is "forty"; expected a whole'),
        ("features.0.typical", [40], "features[0]: typical is [40]; expected a whole number"),
        ("features.0.typical", True, "features[0]: typical is true; expected a whole number"),
        ("features.0.places", "two", "features[0].places is 'two'"),
        ("bands.low", "often", "bands.low is 'often'"),
        ("importance", {"age": "much"}, "importance.age is 'much'"),
    ],
)
def test_a_fault_is_named_with_its_place(path, place, value, said):
    with pytest.raises(UserError) as caught:
        read(path, changed(place, value))
    message = str(caught.value)
    assert str(path) in message
    assert said in message
    assert message.endswith("Correct the card, or add the model again.")
    assert "\n" not in message


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({**FIELDS, "answer": "probability", "positive": None}, "needs the class that it is of"),
        ({**FIELDS, "answer": "probability", "task": "multiclass"}, "only a binary model"),
    ],
)
def test_an_answer_as_a_probability_needs_an_event(path, fields, said):
    with pytest.raises(UserError, match=said):
        read(path, fields)


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "null", '"card"', "\ufeff{}"])
def test_a_file_that_is_no_card_is_named(path, text):
    with pytest.raises(UserError) as caught:
        read(path, text)
    assert str(path) in str(caught.value)
    assert "add the model again" in str(caught.value)


@pytest.mark.parametrize("levels", [60, 900, 100_000])
@pytest.mark.parametrize("ends", ["[]", ('{"a":', "}")])
def test_a_card_of_many_levels_is_refused_in_words(path, levels, ends):
    opening, closing = ends
    text = json.dumps(FIELDS)[:-1] + f', "note": {opening * levels}1{closing * levels}}}'
    with pytest.raises(UserError, match=r"more than 50 levels deep\. Correct that place"):
        read(path, text)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is empty"),
        (b" \n", "it is blank"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9",
            "a pointer of Git LFS",
        ),
        (b"<!DOCTYPE html><title>Sign in</title>", "a web page"),
        (b"\xef\xbb\xbf  <html><body>404", "a web page"),
    ],
)
def test_what_came_in_the_place_of_a_card_is_called_by_name(path, content, said):
    path.write_bytes(content)
    with pytest.raises(UserError, match=said):
        ModelCard.read(path)


def test_a_pipe_in_the_place_of_a_card_does_not_hang(path):
    os.mkfifo(path)
    with pytest.raises(UserError, match=r"cannot be read .a pipe or device, not a file"):
        ModelCard.read(path)


def test_a_file_that_is_not_there_is_named(path):
    with pytest.raises(UserError, match=r"card\.json cannot be read \(No such file"):
        ModelCard.read(path)


def test_a_file_in_another_encoding_is_named(path):
    path.write_bytes(b'{"title": "\xff\xfe\xfa"}')
    with pytest.raises(UserError, match=r"card\.json"):
        ModelCard.read(path)


def test_classes_have_words_and_keep_their_types(path):
    card = read(path, FIELDS)
    assert [card.label(value) for value in (0, 1, True, "1", 7)] == [
        "Stays",
        "Leaves",
        "True",
        "1",
        "7",
    ]


def test_confidence_is_low_below_the_band(path):
    card = read(path, FIELDS)
    assert [card.band(share) for share in (None, 0.59, 0.6, 1.0)] == ["none", "low", "high", "high"]


def test_the_probability_is_that_of_the_positive_class(path):
    assert read(path, FIELDS).probability((0.9, 0.1)) == 0.1
    assert read(path, changed("positive", 0)).probability((0.9, 0.1)) == 0.9
    assert read(path, FIELDS).probability(None) is None
    other = read(path, FIELDS).model_copy(update={"positive": "1"})
    assert other.probability((0.9, 0.1)) is None


def test_the_event_is_a_noun_even_where_the_card_has_none(path):
    assert read(path, FIELDS).event == "leaving within 90 days"
    assert read(path, changed("target.event", None)).event == "has left"


def test_shares_of_importance_add_up_and_leave_out_what_made_no_difference():
    drops = {"age": 0.3, "colour": -0.01, "gone": 5.0, "pulse": 0.1}
    features = [{"name": name, "kind": "number"} for name in ("pulse", "colour", "age", "new")]
    card = ModelCard.model_validate(FIELDS | {"features": features, "importance": drops})
    found = card.looks_at
    assert [(feature.name, share) for feature, share in found] == [
        ("age", pytest.approx(0.75)),
        ("pulse", pytest.approx(0.25)),
        ("colour", 0),
    ]


def test_a_card_without_importance_looks_at_nothing():
    assert ModelCard.model_validate(FIELDS).looks_at == []
    flat = ModelCard.model_validate(FIELDS | {"importance": {"age": 0}})
    assert [share for _, share in flat.looks_at] == [0]
