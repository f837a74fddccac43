"""Settings: environment first, then secrets, then the default."""

import re

import pytest

from second_opinion import settings
from second_opinion.errors import UserError
from second_opinion.settings import Settings, names, origins, secrets_of


@pytest.fixture(autouse=True)
def bare(monkeypatch, tmp_path):
    """Neither a setting in the environment nor a secrets file."""
    for name in names():
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(settings, "SECRETS", tmp_path / "secrets.toml")
    return tmp_path / "secrets.toml"


def test_without_anything_each_setting_has_its_default():
    assert Settings.read() == Settings()
    assert set(origins({}).values()) == {"default"}


@pytest.mark.parametrize("name", names())
def test_the_environment_beats_the_secrets_and_they_beat_the_default(bare, monkeypatch, name):
    bare.write_text(f'[second_opinion]\n{name} = "from secrets"\n', "utf-8")
    assert getattr(Settings.read(), name) == "from secrets"
    assert origins(secrets_of(bare))[name] == "secrets"
    monkeypatch.setenv(name.upper(), "from environment")
    assert getattr(Settings.read(), name) == "from environment"
    assert origins(secrets_of(bare))[name] == "environment"
    others = set(names()) - {name}
    assert all(getattr(Settings.read(), other) == getattr(Settings(), other) for other in others)


@pytest.mark.parametrize("name", names())
def test_an_empty_setting_is_not_set(bare, monkeypatch, name):
    bare.write_text(f'[second_opinion]\n{name} = ""\n', "utf-8")
    monkeypatch.setenv(name.upper(), "")
    assert Settings.read() == Settings()
    assert origins(secrets_of(bare))[name] == "default"


@pytest.mark.parametrize(("written", "read"), [("true", "1"), ("false", "0"), ("1", "1")])
def test_durable_may_be_written_as_a_truth_or_a_number(bare, written, read):
    bare.write_text(f"[second_opinion]\ndurable = {written}\n", "utf-8")
    assert Settings.read().durable == read


def test_secrets_that_the_caller_has_are_used_in_place_of_the_file(bare):
    bare.write_text("not TOML", "utf-8")
    assert Settings.read({"model": "churn@champion"}).model == "churn@champion"


def test_other_sections_of_the_secrets_are_not_ours(bare):
    bare.write_text('model = "a"\n[roles]\n"ada@example.org" = "owner"\n', "utf-8")
    assert Settings.read() == Settings()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[second_opinion", "expected TOML with a section"),
        (b"model = \xff", "expected TOML with a section"),
        (b'second_opinion = "x"', "expected a section"),
        (b"[second_opinion]\nmodel = [1]", "expected a text in quotes"),
        (b"[second_opinion.model]\nname = 1", "expected a text in quotes"),
    ],
)
def test_a_broken_secrets_file_says_where_and_what_to_do(bare, content, said):
    bare.write_bytes(content)
    with pytest.raises(UserError, match=re.escape(said)) as error:
        Settings.read()
    assert "Correct that place" in str(error.value)


def test_a_secrets_file_that_cannot_be_read_is_named(bare):
    bare.mkdir()
    with pytest.raises(UserError, match=re.escape(str(bare))):
        Settings.read()
