"""The command ``score``: a file of cases in, the same file with the model's answers out."""

from __future__ import annotations

import getpass
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NoReturn

import click

from second_opinion.cli.printing import printable
from second_opinion.errors import UserError
from second_opinion.formatting import joined, plural
from second_opinion.models.aliases import managed
from second_opinion.models.remote.model_address import local_ref
from second_opinion.settings import Settings
from second_opinion.store import Store

if TYPE_CHECKING:
    from second_opinion.batches.score_file import OnProgress, ScoreSummary
    from second_opinion.models.card import ModelCard
    from second_opinion.models.catalog import Catalog
    from second_opinion.models.registry import Registry
    from second_opinion.tables import Look, TableFile

OTHER_FORMATS = (".json", ".jsonl", ".parquet", ".xlsx", ".xls", ".xlsb", ".ods")
path = click.Path(path_type=Path)


@click.command()
@click.argument("file", metavar="IN", type=path)
@click.option(
    "-o", "--output", metavar="OUT", type=path, help="The CSV file to write.  [default: the screen]"
)
@click.option("--model", default="", help="NAME, NAME@ALIAS or NAME/VERSION.  [default: MODEL]")
@click.option(
    "--bad-rows", type=path, help="Put rows that cannot be scored here; score the others."
)
@click.option("--problems", type=path, help="List here all that is wrong, line by line, as CSV.")
@click.option("--record", is_flag=True, help="Keep the rows and answers for the pages as well.")
@click.option("--jobs", type=click.IntRange(1), default=1, help="Processes that predict at once.")
@click.option("--absent-ok", is_flag=True, help="Score without columns that may be missing.")
@click.option("--alike-ok", is_flag=True, help="Take names that differ in case or marks alone.")
@click.option("--sheet", default="", help="The sheet of a workbook, if several would do.")
@click.option("--encoding", default="", help="How IN is encoded, if not in UTF-8, like cp1250.")
@click.option("--delimiter", default="", help="What parts the cells of IN: , ; | or tab.")
@click.option("--decimal", default="", help="The decimal sign of IN: . or ,")
def score(
    file: Path,
    output: Path | None,
    model: str,
    bad_rows: Path | None,
    problems: Path | None,
    record: bool,
    jobs: int,
    **decided: Any,
) -> None:
    """Predict every row of IN.

    IN is CSV or other text, .xlsx, .xls, .xlsb, .ods, .json, .jsonl or .parquet. OUT has its
    columns as they are, then prediction, confidence and flags, and alone (yes or no) where a
    release test has established in which cases the model may answer alone. With a row that cannot
    be scored and no --bad-rows, nothing is written.
    """
    from second_opinion.tables import Decisions, TableFile, look

    _check_names(file, output, bad_rows, problems)
    settings = Settings.read()
    registry = managed(settings)
    card = _only_card(registry.look(), model or local_ref(settings.model))
    loaded_model = replace(registry.load(card), alone_from=_alone_from(settings, card))
    source = TableFile.of_path(file)
    if decided["delimiter"] in ("tab", "\\t"):
        decided["delimiter"] = "\t"
    layout = look(source, loaded_model.card.case_schema, Decisions(**decided))
    if layout.problems:
        raise UserError("\n".join([*layout.problems, *layout.notes, *layout.ways_out]))
    for note in layout.notes:
        click.echo(printable(note), err=True)
    with (
        stopped_in_peace() as check,
        _into(output) as out,
        _progress(source, check) as progress,
    ):
        from second_opinion.batches.score_file import score_file

        summary = score_file(
            source,
            layout,
            loaded_model,
            out,
            bad_rows=bad_rows,
            problems=problems,
            jobs=jobs,
            progress=progress,
        )
        message = _summary_text(summary, loaded_model.card.ref, output, bad_rows)
        if record:
            message += "\n" + _recorded(registry, loaded_model.card, source, layout, check)
    click.echo(printable(message), err=True)


def _alone_from(settings: Settings, card: ModelCard) -> float | None:
    """The confidence from which on it may answer alone, where there is a database that knows."""
    if not Path(settings.feedback_db).is_file():
        return None
    # Its statistics take a second to load.
    from second_opinion.evidence import alone_limit

    return alone_limit.limit_of(Store.open(settings.feedback_db), card)


def _only_card(catalog: Catalog, ref: str) -> ModelCard:
    """The card of a reference that means one version: all rows of a file are scored alike."""
    arms = list(catalog.arms(ref))
    if len(arms) == 1:
        return catalog.card(ref)
    name, _ = catalog.resolve(ref)
    raise UserError(
        f"{ref or name} shares new cases between the versions {joined(arms)}; expected one for all "
        f"rows of a file. Name it: --model {name}/{arms[0]}."
    )


def _recorded(
    registry: Registry, card: ModelCard, source: TableFile, layout: Look, check: Callable[[], None]
) -> str:
    """Keep the file with its answers in the feedback database; where to find it."""
    from second_opinion.batches import jobs
    from second_opinion.tables import NO_LIMITS

    batch = jobs.record(
        Store.open(Settings.read().feedback_db),
        registry,
        card,
        source,
        layout,
        asked_by=getpass.getuser(),
        limits=NO_LIMITS,
        heard=lambda batch: check(),
    )
    rows = plural(batch.rows, "row")
    return f"Recorded {rows}: open the app at /Batch_upload?batch={batch.id}"


def _check_names(file: Path, *outputs: Path | None) -> None:
    """Every file that is written is another one, and CSV."""
    paths = {file.resolve()}
    for path in filter(None, outputs):
        if path.resolve() in paths:
            raise UserError(f"{path} is named twice; expected a file of its own. Name another one.")
        if path.suffix.lower() in OTHER_FORMATS:
            raise UserError(
                f"{path} would be CSV; expected a name like {path.stem}.csv. Rename it."
            )
        if not path.parent.is_dir():
            raise UserError(
                f"There is no folder {path.parent}; expected it for {path.name}. Make it."
            )
        paths.add(path.resolve())


@contextmanager
def _into(output: Path | None) -> Iterator[Path]:
    """Where to write: the file itself, or one that is copied to the screen or a device at the end.

    Nothing of a file with bad rows may come out, and that is known at its end.
    """
    regular = output is not None and (output.is_file() or not output.exists())
    if output is not None and str(output) != "-" and regular:
        yield output.resolve()
        return
    with TemporaryDirectory(prefix="second-opinion-") as folder:
        whole = Path(folder, "out.csv")
        yield whole
        with whole.open("rb") as content:
            if output is None or str(output) == "-":
                _copy_out(content)
            else:
                with output.open("wb") as device:
                    shutil.copyfileobj(content, device)


def _copy_out(content: Any) -> None:
    screen: Any = sys.stdout.buffer
    try:
        shutil.copyfileobj(content, screen)
        screen.flush()
    except BrokenPipeError:
        # Whoever read has seen enough; Python would complain once more when it closes the stream.
        sys.stdout = None


@contextmanager
def stopped_in_peace() -> Iterator[Callable[[], None]]:
    """A request to end, like Ctrl-C, makes what is half-written go away.

    Python forgets an exception that a signal raises in the middle of some calls, so the function
    that this gives raises it again. Arrow takes signals over while it reads a block, and loses one
    that comes at the block's end: it must not.
    """
    import pyarrow as pa

    heard: list[int] = []

    def stop(signum: int, frame: Any) -> NoReturn:
        heard.append(signum)
        raise KeyboardInterrupt

    def check() -> None:
        if heard:
            raise KeyboardInterrupt

    before = {name: signal.signal(name, stop) for name in (signal.SIGINT, signal.SIGTERM)}
    pa.enable_signal_handlers(False)
    try:
        yield check
    finally:
        pa.enable_signal_handlers(True)
        for name, handler in before.items():
            signal.signal(name, handler)


@contextmanager
def _progress(source: TableFile, check: Callable[[], None]) -> Iterator[OnProgress]:
    """A bar on the terminal's error output, none elsewhere; each step asks whether to go on."""
    bar: Any = click.progressbar(
        length=max(source.size, 1),
        label="Scoring",
        file=sys.stderr,
        hidden=not sys.stderr.isatty(),
        item_show_func=_rows,
    )
    with bar:

        def step(rows: int, read: int) -> None:
            check()
            bar.update(read - bar.pos, rows)

        yield step


def _rows(read: int | None) -> str:
    return "" if read is None else plural(read, "row")


def _summary_text(
    summary: ScoreSummary, ref: str, output: Path | None, bad_rows: Path | None
) -> str:
    sentence = f"{plural(summary.good, 'row')} scored with {ref} in {summary.seconds:.1f} s"
    parts = [f"{sentence}: {output}." if output else f"{sentence}."]
    if summary.bad:
        parts.append(f"{plural(summary.bad, 'row')} could not be scored: {bad_rows}.")
    if summary.note:
        parts.append(summary.note)
    return "\n".join(parts)
