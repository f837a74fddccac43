"""What the check of a file found: how it was read, what is wrong, and what to do about it."""

from __future__ import annotations

import streamlit as st

from second_opinion.access import roles
from second_opinion.batches import column_rights, downloads, jobs, stored_chunks
from second_opinion.formatting import joined, plural
from second_opinion.records.batch import Batch
from second_opinion.records.stamp import new_id
from second_opinion.records.value import plain
from second_opinion.ui import file_button
from second_opinion.ui.batch import column_choice, upload
from second_opinion.ui.drawing import height_for
from second_opinion.ui.frame import callback, escape, notice, remark, show_problem
from second_opinion.ui.visit import Visit

SHOWN_PROBLEMS = 100
SHOWN_ROWS = 5
# Its number counts all rows of the file; those of the result are counted anew, without bad ones.
ROW_IN_FILE = "Row in the file"
SHOWN_FIELDS = 12
FORMATS = {
    "xlsx": "Excel workbook",
    "xlsb": "Excel workbook (.xlsb)",
    "xls": "Excel workbook (.xls)",
    "ods": "OpenDocument sheet",
    "json": "JSON",
    "jsonl": "JSON, one case a line",
    "parquet": "Parquet",
}
BY_LINK = (
    "You opened this batch by its link. It can be scored, or another file put in its place, in the "
    "browser that uploaded it, or by a reviewer."
)
UNFAMILIAR = (
    "Not seen in the training of the model. These rows can be scored as they are, and are marked "
    "in the result; a slip of the pen is better corrected in the file."
)


def is_by_link(visit: Visit, batch: Batch) -> bool:
    """Whether the batch is open by its link alone: to look at and to judge, not to change."""
    return not roles.owns(visit.asker, batch)


def check_result(visit: Visit, batch: Batch) -> None:
    """What was understood, what is wrong, and the choice of what to do about it."""
    st.header("2 Check", anchor=False)
    facts(visit, batch)
    problems(visit, batch)
    unfamiliar_values(batch)
    first_rows(visit, batch)
    column_choice.form(visit, batch)
    if not batch.rows:
        st.text("No row of this file can be scored." if batch.bad_rows else "The file has no rows.")
        if not is_by_link(visit, batch):
            st.button("Choose another file", key="batch_fix", on_click=_let_go, args=(visit, batch))
            show_problem("batch")
        return
    if is_by_link(visit, batch):
        st.text(BY_LINK)
        return
    good = plural(batch.rows, "good row" if batch.bad_rows else "row")
    with st.container(horizontal=True):
        st.button(
            f"Score the {good}",
            key="batch_score",
            type="primary",
            on_click=score,
            args=(visit, batch.id),
        )
        label = "Fix the file first" if batch.bad_rows else "Choose another file"
        st.button(label, key="batch_fix", on_click=_let_go, args=(visit, batch))
    show_problem("batch")


def facts(visit: Visit, batch: Batch) -> None:
    """How the file was read: rows, form, columns."""
    schema = visit.card.case_schema
    inputs, taken = schema.inputs_in(batch.columns), schema.taken_from(batch.columns)
    visible = column_rights.visible(visit.store, batch, visit.asker)
    carried = [name for name in visible if name not in taken]
    parts = [plural(batch.rows + batch.bad_rows, "row"), _form(batch)]
    parts.append(f"{len(inputs)} of {plural(len(schema), 'column')}")
    if carried:
        are = "is" if len(carried) == 1 else "are"
        parts.append(f"{plural(len(carried), 'other column')} {are} kept but not used")
    if batch.bad_rows:
        parts.append(f"{plural(batch.bad_rows, 'row')} with problems")
    st.text(" · ".join(parts))
    for note in batch.notes:
        remark(note)
    _other_separators(visit, batch)
    if carried:
        st.caption(escape(f"Kept but not used by the model: {joined(carried[:20])}"))
    personal = [name for name in batch.personal if name in visible]
    if personal and batch.state == "checked":
        notice(
            f"{joined(personal)}: this looks like names or record numbers of people. The "
            "model does not need them. Take such columns out of the file, unless you need them to "
            "find the rows again."
        )


def _other_separators(visit: Visit, batch: Batch) -> None:
    """Read a text with another separator, also where it was read well: the cells may say more."""
    if batch.format != "csv" or batch.state != "checked" or is_by_link(visit, batch):
        return
    with st.container(horizontal=True, vertical_alignment="center", key="batch_separators"):
        st.caption("Columns not parted as they should be?", width="content")
        for number, (delimiter, words) in enumerate(upload.DELIMITERS.items()):
            if delimiter != batch.delimiter:
                st.button(
                    f"Read with {words}s",
                    key=f"batch_separator_{number}",
                    type="tertiary",
                    on_click=_read_with,
                    args=(visit, batch, delimiter),
                )


def unfamiliar_values(batch: Batch) -> None:
    """What the model has not seen in its training, while the file can still be corrected."""
    if batch.unfamiliar:
        sentences = list(batch.unfamiliar[:SHOWN_FIELDS])
        if more := len(batch.unfamiliar) - len(sentences):
            sentences.append(f"And {plural(more, 'more field')}.")
        listed = "\n".join(f"- {escape(sentence)}" for sentence in sentences)
        st.warning(f"{UNFAMILIAR}\n\n{listed}", icon=":material/warning:")


def first_rows(visit: Visit, batch: Batch) -> None:
    """The first good rows as the model will take them."""
    from second_opinion.tables import typed

    chunk = stored_chunks.next_chunk(visit.store, batch)
    if chunk is None or not len(chunk.text):
        return
    schema = visit.card.case_schema
    cases, _ = typed(chunk.text.slice(0, SHOWN_ROWS), schema, decimal=batch.decimal)
    columns = {
        feature.name: [
            None if value is None else feature.text(value)
            for value in map(plain, cases[feature.name])
        ]
        for feature in schema
    }
    st.caption("The first rows as the model takes them")
    st.dataframe(
        {ROW_IN_FILE: chunk.lines[:SHOWN_ROWS].tolist(), **columns},
        hide_index=True,
        key="batch_first_rows",
        alt="The first rows as the model takes them",
    )


def problems(visit: Visit, batch: Batch) -> None:
    """The problems by line, as many as a person reads, with all of them to download."""
    if not batch.problems:
        return
    first_problems = stored_chunks.problems(visit.store, batch.id, SHOWN_PROBLEMS)
    with st.container(key="batch_problems"):
        st.dataframe(
            [
                {ROW_IN_FILE: problem.line}
                | {n.capitalize(): cell for n, cell in problem.cells.items() if n != "line"}
                for problem in first_problems
            ],
            hide_index=True,
            height=height_for(len(first_problems), 8),
            alt="What is wrong with the file, row by row",
        )
    if batch.problems > len(first_problems):
        st.caption(f"The first {len(first_problems)} of {plural(batch.problems, 'problem')}.")
    asker = visit.asker
    with st.container(horizontal=True):
        file_button.draw(
            "List of what is wrong",
            data=lambda: downloads.problems_file(visit.store, batch, by=asker),
            file_name=f"{stem(batch)}-problems.csv",
            key="batch_problems_download",
        )
        if not column_rights.hidden_from(visit.store, batch, asker):
            file_button.draw(
                _rows_to_correct(batch.bad_rows),
                data=lambda: downloads.rejected_file(visit.store, batch, by=asker),
                file_name=f"{stem(batch)}-bad-rows.csv",
                key="batch_rejected",
                help="The rows with problems as they stand in the file, to mend and upload again",
            )


def _rows_to_correct(count: int) -> str:
    return "The row to correct" if count == 1 else f"The {plural(count, 'row')} to correct"


@callback("batch")
def score(visit: Visit, batch_id: str) -> None:
    """Score a batch in the background, all of it or the rest."""
    jobs.score(visit.store, visit.registry, batch_id, by=visit.asker)


@callback("batch")
def _read_with(visit: Visit, batch: Batch, delimiter: str) -> None:
    """Drop what was checked, and read the file with another separator once it is chosen again."""
    # Its bytes are gone: they would take the memory of everybody while somebody looks at a check.
    visit.store.batches.cancel(batch.id, by=visit.asker)
    upload.forget()
    st.session_state[upload.AGAIN] = upload.Again(batch.name, delimiter)


@callback("batch")
def _let_go(visit: Visit, batch: Batch) -> None:
    """Drop what was checked: the person comes back with another file."""
    visit.store.batches.cancel(batch.id, by=visit.asker)
    upload.forget()


def _form(batch: Batch) -> str:
    if batch.format in FORMATS:
        return FORMATS[batch.format]
    delimiter = upload.DELIMITERS.get(batch.delimiter, batch.delimiter)
    return f"{delimiter} · {batch.encoding.upper()}"


def stem(batch: Batch) -> str:
    """A plain name for a file to download, whatever the upload was called."""
    stem = batch.name.removesuffix(".gz").rsplit(".", 1)[0]
    return "".join(c if c.isalnum() or c in "-_ " else "-" for c in stem)[:60] or new_id()
