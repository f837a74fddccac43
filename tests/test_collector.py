"""Garbage collection leaves out what stays as long as the process, and nothing else for good."""

import gc
import os
import subprocess
import sys
import types
import weakref

import pytest
from builders import ROOT
from streamlit.testing.v1 import AppTest

from second_opinion import Registry
from second_opinion.models.formats import loading
from second_opinion.ui import collector


@pytest.fixture(autouse=True)
def nothing_left_out(monkeypatch):
    """A process in which nothing was left out yet."""
    gc.unfreeze()
    monkeypatch.setattr(collector, "_left_out", {"modules": 0, "loaded": 0})
    yield
    gc.unfreeze()


@pytest.fixture
def collections():
    """The whole collections that ran, one entry each."""
    seen = []

    def note(phase, details):
        if phase == "stop" and details["generation"] == 2:
            seen.append(details)

    gc.callbacks.append(note)
    yield seen
    gc.callbacks.remove(note)


@pytest.fixture
def imports(monkeypatch):
    """Brings so many new modules into the process."""

    def come(number):
        for at in range(number):
            monkeypatch.setitem(sys.modules, f"late_{len(sys.modules)}_{at}", types.ModuleType("x"))

    return come


class Held:
    """Something that is not a number or a text, so that the collector follows it."""


def test_what_is_there_is_no_longer_looked_at():
    held = Held()
    collector.leave_out_what_stays()
    assert not any(thing is held for thing in gc.get_objects())


def test_without_new_modules_and_models_nothing_is_walked_again(collections, imports):
    collector.leave_out_what_stays()
    del collections[:]
    imports(collector.FEW - 1)
    collector.leave_out_what_stays()
    assert collections == []


def test_many_new_modules_are_left_out_too(collections, imports):
    collector.leave_out_what_stays()
    imports(collector.FEW)
    held = Held()
    collector.leave_out_what_stays()
    assert len(collections) == 2
    assert not any(thing is held for thing in gc.get_objects())


def test_a_model_loaded_later_is_left_out_too(models):
    collector.leave_out_what_stays()
    estimator = loaded_anew(Registry(models), "iris")
    collector.leave_out_what_stays()
    assert not any(thing is estimator for thing in gc.get_objects())


def test_a_model_that_was_left_out_is_freed_with_its_last_reference(models):
    estimator = loaded_anew(Registry(models), "iris")
    gone = weakref.ref(estimator)
    collector.leave_out_what_stays()
    del estimator
    unload(Registry(models).card("iris"))
    assert gone() is None


def test_a_circle_that_was_left_out_is_freed_at_the_next_import(imports):
    first, second = Held(), Held()
    first.other, second.other = second, first
    gone = weakref.ref(first)
    collector.leave_out_what_stays()
    del first, second
    gc.collect()
    assert gone() is not None
    imports(collector.FEW)
    collector.leave_out_what_stays()
    assert gone() is None


@pytest.mark.usefixtures("place")
def test_a_page_leaves_out_what_it_imported():
    AppTest.from_file(ROOT / "Home.py", default_timeout=30).run()
    assert gc.get_freeze_count() > 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("environment", "watcher"),
    [({}, "none"), ({"STREAMLIT_SERVER_FILE_WATCHER_TYPE": "auto"}, "auto")],
)
def test_code_is_watched_only_for_whoever_edits_it(environment, watcher):
    command = [sys.executable, "-m", "streamlit", "config", "show"]
    plain = {k: v for k, v in os.environ.items() if not k.startswith("STREAMLIT_")}
    answer = subprocess.run(
        command, cwd=ROOT, env=plain | environment, capture_output=True, text=True, check=True
    )
    assert f'\nfileWatcherType = "{watcher}"\n' in answer.stdout


def loaded_anew(registry, name):
    """The estimator of a model, from its file even if it was loaded before."""
    unload(registry.card(name))
    return registry.load(name).estimator


def unload(card):
    """Take a model out of memory."""
    artifact = card.artifact
    loading._loaded.pop((artifact.sha256, artifact.format, artifact.trusted), None)
