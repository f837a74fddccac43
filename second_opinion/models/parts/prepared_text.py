"""How a first predict.py prepares the cases: the steps of the folder in their likely order."""

from __future__ import annotations

from collections.abc import Iterator

from second_opinion.models.parts.part import Part
from second_opinion.models.parts.python_literals import inline
from second_opinion.models.parts.wrapped_parts import WrappedParts

# What gives other columns than it takes.
WIDENING = ("PCA", "Select", "ColumnTransformer", "SVD", "Pipeline", "Polynomial")


def prepared_lines(parts: WrappedParts) -> Iterator[str]:
    """The lines from the raw cases to what the model takes."""
    yield "# EDIT: features that were made of the raw columns, such as"
    yield '# cases["rate"] = cases["debt"] / cases["income"]'
    if parts.column_encoders or parts.encoders:
        yield "for column, encoder in self.encoders.items():"
        yield "    if column in cases:"
        yield "        cases[column] = encoder.transform(cases[column])"
    if parts.likely.dummies:
        yield f"cases = pd.get_dummies(cases, columns={inline(parts.likely.dummies)}, dtype=float)"
        yield "cases = cases.reindex(columns=COLUMNS, fill_value=0)"
    width = False
    for name, part in parts.named_steps:
        yield from _step(parts, name, part)
        width = _changes_width(part)
    if parts.one_hot and not width:
        yield "# EDIT: what the encoder makes stands behind the others here; or in front of them?"
        yield "cases = cases[[*COLUMNS, *made]]"
    elif not width and (parts.named_steps or not parts.likely.dummies):
        yield "cases = cases[COLUMNS]"
    # Trained without names, but by count: on an array. A first step of one's own counts nothing.
    as_array = not parts.likely.model.names and parts.likely.model.width is not None and not width
    yield "return cases.to_numpy()" if as_array else "return cases"


def _changes_width(part: Part) -> bool:
    return any(word in part.kind for word in WIDENING)


def _step(parts: WrappedParts, name: str, part: Part) -> Iterator[str]:
    """A step on its columns: as a frame if it was fitted on one, else as an array."""
    columns = parts.columns_of(part)
    listed = "COLUMNS" if tuple(columns) == tuple(parts.likely.columns) else inline(columns)
    if not columns:
        count = f"{part.width} " if part.width else ""
        yield f"# EDIT: the {count}columns that this was fitted on, in its order."
        listed = "COLUMNS"
    cells = f"cases[{listed}]" if part.names else f"cases[{listed}].to_numpy()"
    if _changes_width(part):
        yield f"cases = self.{name}.transform({cells})"
    elif "OneHot" in part.kind:
        yield f"made = self.{name}.transform({cells})"
        yield 'made = made.toarray() if hasattr(made, "toarray") else made'
        yield f"names = self.{name}.get_feature_names_out({listed})"
        yield "made = pd.DataFrame(made, cases.index, names)"
        yield f"cases = pd.concat([cases.drop(columns={listed}), made], axis=1)"
    else:
        yield f"cases[{listed}] = self.{name}.transform({cells})"
