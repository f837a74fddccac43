"""A table whose rows only open something: what is pressed is what stood in that row."""

import pytest
from streamlit.testing.v1 import AppTest
from visits import messages

from second_opinion.ui import case_table, frame
from second_opinion.ui.case_table import CasePress


def page():
    import streamlit as st

    from second_opinion.ui import frame, opening_list
    from second_opinion.ui.case_table import CaseRow, CaseTable

    def note(ref):
        st.session_state["opened"] = ref

    rows = [CaseRow(4, []), CaseRow(9, [], name="Ada")]
    opening_list.draw(CaseTable("Cases", [], rows), ["four", "nine"], "cases", note)
    frame.show_problem("page")


@pytest.fixture
def pressed(monkeypatch):
    """The page after the browser has sent that a row was pressed."""

    def press(row):
        def draw(table, key, act):
            frame.callback("page")(act)(CasePress(row, "open"))

        monkeypatch.setattr(case_table, "draw", draw)
        return AppTest.from_function(page).run()

    return press


@pytest.mark.parametrize(("row", "ref"), [(4, "four"), (9, "nine")])
def test_the_one_whose_row_was_pressed_is_opened(pressed, row, ref):
    at = pressed(row)
    assert messages(at) == []
    assert at.session_state["opened"] == ref


@pytest.mark.parametrize("row", [0, 1, 5, 10])
def test_a_row_that_is_no_longer_there_opens_nothing_and_says_so(pressed, row):
    at = pressed(row)
    assert messages(at) == ["The table has changed since. Press again."]
    assert "opened" not in at.session_state
