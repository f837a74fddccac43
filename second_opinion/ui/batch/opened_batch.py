"""A batch on its page: which one is open, what was found in its file, and what came of it."""

from __future__ import annotations

from functools import partial

import streamlit as st

from second_opinion.access import roles
from second_opinion.batches import column_rights, downloads, jobs, stored_chunks
from second_opinion.formatting import joined, plural
from second_opinion.records.batch import Batch
from second_opinion.records.stamp import new_id
from second_opinion.records.value import plain
from second_opinion.ui import file_button, who
from second_opinion.ui.batch import column_choice
from second_opinion.ui.drawing import height_for
from second_opinion.ui.frame import callback, escape, notice, problem, remark, say, show_problem
from second_opinion.ui.labels import flag_name
from second_opinion.ui.visit import Visit

SHOWN_PROBLEMS = 100
SHOWN_ROWS = 5
# Its number counts all rows of the file; those of the result are counted anew, without bad ones.
ROW_IN_FILE = "Row in the file"
SHOWN_FIELDS = 12
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
FORMATS = {
    "xlsx": "Excel workbook",
    "xlsb": "Excel workbook (.xlsb)",
    "xls": "Excel workbook (.xls)",
    "ods": "OpenDocument sheet",
    "json": "JSON",
    "jsonl": "JSON, one case a line",
    "parquet": "Parquet",
}
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ANY = "application/octet-stream"
TO_READ = "Answers, flags and your verdicts in words, with the fields of each case"
AS_IT_CAME = (
    "Every cell as it came, and the columns prediction, confidence and flags behind them: {form}"
)
SPREADSHEET = "Text that a spreadsheet would run as a formula begins with an apostrophe"
BY_LINK = (
    "You opened this batch by its link. It can be scored, or another file put in its place, in the "
    "browser that uploaded it, or by a reviewer."
)
UNFAMILIAR = (
    "Not seen in the training of the model. These rows can be scored as they are, and are marked "
    "in the result; a slip of the pen is better corrected in the file."
)
BECAME = {"cancelled": "was cancelled", "failed": "stopped"}
STATES = {
    "checking": "is being checked",
    "checked": "checked, not scored yet",
    "scoring": "is being scored",
    "done": "scored",
    "cancelled": "cancelled",
    "failed": "failed",
}


def current(visit: Visit) -> Batch | None:
    """The batch that is open, as it stands now; None while a file is to be chosen.

    It is opened by its link. Another model in the menu closes it.
    """
    was_open = st.session_state.get("batch_id")
    batch_id = st.query_params.get("batch") or was_open
    if not batch_id:
        return None
    batch = visit.store.batches.find(batch_id)
    if batch is None:
        _forget()
        say(
            "page",
            "This link names a batch that is not in the feedback database. Check that the link is "
            "whole, or choose the file again.",
        )
        return None
    if (batch.model, batch.version) != visit.version:
        if was_open == batch_id:
            _forget()
            return None
        visit.catalog.resolve(batch.ref)
        # The menu takes it up on the next run, before its widget is drawn.
        st.session_state["frame_model"] = batch.ref
        st.query_params["batch"] = batch_id
        st.rerun()
    st.query_params["batch"] = st.session_state["batch_id"] = batch_id
    if batch_id not in who.batches():
        who.add_linked_batch(batch_id)
    return jobs.revive(visit.store, visit.registry, batch)


def is_by_link(visit: Visit, batch: Batch) -> bool:
    """Whether the batch is open by its link alone: to look at and to judge, not to change."""
    return not roles.owns(visit.asker, batch)


def title(visit: Visit, batch: Batch) -> None:
    """Which file it is, from whom, and the way to another one."""
    with st.container(horizontal=True, vertical_alignment="center", key="batch_title"):
        st.header(escape(batch.name), anchor=False)
        st.button("Another file", key="batch_another", icon=":material/add:", on_click=another)
    origin = f"{visit.clock(batch.created_at)} · {batch.model} version {batch.version}"
    st.caption(escape(f"{batch.asked_by} · {origin}"))
    if batch.message:
        problem(batch.message)


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
            on_click=_score,
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
    if carried:
        st.caption(escape(f"Kept but not used by the model: {joined(carried[:20])}"))
    personal = [name for name in batch.personal if name in visible]
    if personal and batch.state == "checked":
        notice(
            f"{joined(personal)}: this looks like names or record numbers of people. The "
            "model does not need them. Take such columns out of the file, unless you need them to "
            "find the rows again."
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
            file_name=f"{_stem(batch)}-problems.csv",
            key="batch_problems_download",
        )
        if not column_rights.hidden_from(visit.store, batch, asker):
            file_button.draw(
                _rows_to_correct(batch.bad_rows),
                data=lambda: downloads.rejected_file(visit.store, batch, by=asker),
                file_name=f"{_stem(batch)}-bad-rows.csv",
                key="batch_rejected",
                help="The rows with problems as they stand in the file, to mend and upload again",
            )


def _rows_to_correct(count: int) -> str:
    return "The row to correct" if count == 1 else f"The {plural(count, 'row')} to correct"


def go_on(visit: Visit, batch: Batch) -> None:
    """What became of a batch that runs no more, and how the rest of it can be scored."""
    left = batch.rows - batch.rows_done
    if batch.state == "done":
        return
    if batch.rows_done:
        scored = f"{batch.rows_done:,} of {plural(batch.rows, 'row')}"
        st.text(f"This batch {BECAME[batch.state]} after {scored}.")
    else:
        st.text(f"This batch {BECAME[batch.state]} before anything was scored.")
    if left and is_by_link(visit, batch):
        st.text(BY_LINK)
    elif left and visit.store.batches.is_whole(batch.id):
        st.button(
            f"Score the other {left:,}" if batch.rows_done else f"Score {plural(left, 'row')}",
            key="batch_score",
            type="primary",
            on_click=_score,
            args=(visit, batch.id),
        )
        show_problem("batch")


def files(visit: Visit, batch: Batch) -> None:
    """The result for people, the file as it came with columns more, and what was not scored."""
    from second_opinion.tables import as_it_came

    # The download is made on a thread that has no page.
    end, card, asker = as_it_came.suffix(batch), visit.card, visit.asker
    with st.container(horizontal=True, key="batch_downloads"):
        file_button.draw(
            "Excel to read",
            data=lambda: downloads.result_workbook(
                visit.store, batch, card, by=asker, flag_words=flag_name
            ),
            file_name=f"{_stem(batch)}-result.xlsx",
            mime=EXCEL,
            key="batch_excel",
            help=TO_READ,
        )
        file_button.draw(
            "Your file with the answers",
            data=partial(downloads.file_as_it_came, visit.store, batch, by=asker),
            file_name=f"{_stem(batch)}-scored.{end}",
            mime=EXCEL if end == "xlsx" else file_button.CSV if end == "csv" else ANY,
            key="batch_download",
            help=AS_IT_CAME.format(form=_written_as(batch, end)),
        )
        file_button.draw(
            "CSV without formulas",
            data=partial(
                downloads.scored_file, visit.store, batch, by=asker, spreadsheet_safe=True
            ),
            file_name=f"{_stem(batch)}-spreadsheet.csv",
            key="batch_download_safe",
            help=SPREADSHEET,
        )
    if batch.bad_rows:
        with st.expander(f"{plural(batch.bad_rows, 'row')} not scored: what is wrong"):
            problems(visit, batch)


def past(visit: Visit) -> None:
    """The batches that were asked for here, the latest first: who, when, model, progress."""
    expert = visit.expert
    everything = expert is not None and expert.role != "expert"
    ids = None if everything else who.batches()
    batches = [
        jobs.revive(visit.store, visit.registry, batch) if batch.is_running else batch
        for batch in visit.store.batches.listed(ids, of=expert)
    ]
    if not batches:
        return
    st.header("Batches so far", anchor=False)
    for batch in batches:
        with st.container(
            horizontal=True, vertical_alignment="center", key=f"batch_row_{batch.id}"
        ):
            st.button(
                escape(batch.name),
                key=f"batch_open_{batch.id}",
                type="tertiary",
                icon=":material/table_rows:",
                on_click=reopen,
                args=(batch.id,),
            )
            st.text(
                f"{visit.clock(batch.created_at)} · {batch.asked_by} · {batch.model} version "
                f"{batch.version} · {progress_text(batch)}"
            )


def progress_text(batch: Batch) -> str:
    """How far a batch has come: ``812 of 1,237 rows, cancelled``."""
    if batch.state in ("checking", "failed") and not batch.rows_done:
        return STATES[batch.state]
    rows = plural(batch.rows, "row")
    if batch.state == "done":
        return f"{rows} {STATES['done']}"
    scored = f"{batch.rows_done:,} of {rows}, " if batch.rows_done else f"{rows}, "
    return scored + STATES[batch.state]


@callback("page")
def reopen(batch_id: str) -> None:
    """Open a batch of the list."""
    _forget()
    st.query_params["batch"] = batch_id


@callback("page")
def another() -> None:
    """Leave the batch for another file."""
    _forget()


@callback("batch")
def _score(visit: Visit, batch_id: str) -> None:
    jobs.score(visit.store, visit.registry, batch_id, by=visit.asker)


@callback("batch")
def _let_go(visit: Visit, batch: Batch) -> None:
    """Drop what was checked: the person comes back with another file."""
    visit.store.batches.cancel(batch.id, by=visit.asker)
    _forget()


def _forget() -> None:
    for name in [name for name in st.session_state if str(name).startswith("batch_")]:
        del st.session_state[name]
    st.query_params.pop("batch", None)


def _form(batch: Batch) -> str:
    if batch.format in FORMATS:
        return FORMATS[batch.format]
    delimiter = DELIMITERS.get(batch.delimiter, batch.delimiter)
    return f"{delimiter} · {batch.encoding.upper()}"


def _written_as(batch: Batch, end: str) -> str:
    """The kind of the file that goes out, in words."""
    if batch.format == "csv":
        return "a text with the separator, decimal sign and letters of yours"
    end = end.removesuffix(".gz")
    same = end == batch.format
    return FORMATS[batch.format] if same else f"{FORMATS[end]}, as no .{batch.format} is written"


def _stem(batch: Batch) -> str:
    """A plain name for a file to download, whatever the upload was called."""
    stem = batch.name.removesuffix(".gz").rsplit(".", 1)[0]
    return "".join(c if c.isalnum() or c in "-_ " else "-" for c in stem)[:60] or new_id()
