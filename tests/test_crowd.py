"""The client of benchmarks/experts.py does on a page what a person does in a browser."""

import asyncio
import sys

import pytest
from builders import ROOT
from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch):
    """Benchmarks are scripts: they find one another beside themselves."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    yield
    for name in ("crowd", "tab"):
        sys.modules.pop(name, None)


@pytest.mark.slow
def test_an_expert_judges_a_case_and_the_verdict_is_in_the_database(own_app):
    import crowd

    clicks = crowd.Clicks()
    acknowledged = asyncio.run(crowd.crowd(own_app.url, clicks, number=1, seconds=0, pace=0))
    assert clicks.faults == []
    assert list(acknowledged.values()) == [1]
    assert crowd.stored(own_app.database) == acknowledged


def test_an_error_on_the_page_is_a_fault():
    from tab import PageError, Tab

    message = ForwardMsg()
    message.delta.new_element.alert.format = Alert.ERROR
    message.delta.new_element.alert.body = "The database is full."
    with pytest.raises(PageError, match="The database is full"):
        Tab("http://127.0.0.1")._take(message)
