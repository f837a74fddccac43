"""The text of a first predict.py for a folder of parts, for its owner to go through."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from second_opinion.models.formats.code_files import ENTRY
from second_opinion.models.parts import network_text
from second_opinion.models.parts.part import Part
from second_opinion.models.parts.wrapped_parts import WrappedParts
from second_opinion.tables import Look

HEAD = '''"""How this model answers a case. Go through the places marked EDIT, then run the check:

    python {entry}

Second Opinion looked through the folder, without running anything in it, and saw:

{seen}
"""

'''
MODEL = '''

class Model:
    def __init__(self, folder):
{loads}

    def prepared(self, cases):
        """The cases, one a row with the columns of the data, as the model takes them."""
        cases = cases.fillna(FILLS)
{steps}

    def predict(self, cases):
{answer}
'''
CHANCES = """
    def predict_proba(self, cases):
{chances}
"""
LOAD = """

def load(folder):
    return Model(folder)
"""
CHECK = """

if __name__ == "__main__":
    # The check: compare these answers with those of your own app or notebook.
    here = Path(__file__).resolve().parent
    table = {table}
    table["answer"] = load(here).predict(table)
    print(table.head(10).to_string())
{verdict}
"""
NUMBERS = """    print(table[[{target}, "answer"]].describe().loc[["min", "mean", "max"]])
    off = (table["answer"] - table[{target}]).abs().mean()
    guess = (table[{target}] - table[{target}].mean()).abs().mean()
    print(f"off by {{off:.4g}} on average; always saying the mean is off by {{guess:.4g}}")
"""
CLASSES = """    right = (table["answer"].astype(str) == table[{target}].astype(str)).mean()
    usual = table[{target}].value_counts(normalize=True).max()
    print(f"right in {{right:.1%}} of the rows; always the commonest would be in {{usual:.1%}}")
"""
# What gives other columns than it takes.
WIDENING = ("PCA", "Select", "ColumnTransformer", "SVD", "Pipeline", "Polynomial")
# How pandas reads a table of a kind.
EXCEL = ("xlsx", "xls", "xlsb", "ods")
READERS = {**dict.fromkeys(EXCEL, "read_excel"), "parquet": "read_parquet"}


def predict_text(parts: WrappedParts) -> str:
    """A predict.py that loads the parts in their likely order, with the places to look at.

    It is to stand in ``parts.home``.
    """
    seen = parts.folder.text.replace("\\", "/").replace('"""', "'''")
    answer = MODEL.format(
        loads=_indented(_loads(parts)),
        steps=_indented(_steps(parts)),
        answer=_indented(_answer(parts)),
    )
    bare = parts.is_number or parts.is_unknown
    chances = "" if bare else CHANCES.format(chances=_indented(_chances(parts)))
    target = _py(parts.likely.target or "outcome")
    verdict = (NUMBERS if parts.is_number else CLASSES).format(target=target)
    check = CHECK.format(table=_table(parts), verdict=verdict.rstrip("\n"))
    head = "\n".join([*_imports(parts), "", *_settings(parts), ""])
    return "".join([HEAD.format(entry=ENTRY, seen=seen), head, answer, chances, LOAD, check])


def _indented(lines: Iterator[str]) -> str:
    return "\n".join(f"        {line}" if line else "" for line in lines)


def _table(parts: WrappedParts) -> str:
    """How the check reads the training data: in the marks that its first line shows."""
    if parts.likely.table is None:
        return 'pd.read_csv(here / "train.csv")'
    place = f"here / {_py(_path(parts, parts.likely.table))}"
    look = parts.likely.table.look
    if look is None:
        return f"pd.{READERS.get(parts.likely.table.kind, 'read_pickle')}({place})"
    return f"pd.{READERS.get(look.format, 'read_csv')}({', '.join([place, *_reading(look)])})"


def _reading(look: Look) -> Iterator[str]:
    """How pandas is to read a table that is none of its defaults."""
    if look.format == "parquet":
        return
    if look.format == "csv":
        yield from [f"sep={_py(look.delimiter)}"] if look.delimiter != "," else []
        encoding = "utf-16" if look.encoding.startswith("utf-16") else look.encoding
        yield from [f"encoding={_py(encoding)}"] if encoding != "utf-8" else []
        yield from ["decimal=','"] if look.decimal[0] == "," else []
    elif look.first_line > 1 or look.sheet:
        yield f"sheet_name={_py(look.sheet)}"
    yield from [f"skiprows={look.first_line - 1}"] if look.first_line > 1 else []


def _path(parts: WrappedParts, part: Part) -> str:
    return part.path.resolve().relative_to(parts.home.resolve()).as_posix()


def _imports(parts: WrappedParts) -> Iterator[str]:
    yield from ("from pathlib import Path", "", "import joblib", "import numpy as np")
    yield "import pandas as pd"
    if parts.library and parts.library.imports:
        yield parts.library.imports
    module, network = parts.network
    if network and parts.likely.model.kind == network_text.TORCH_STATE:
        yield f"from {module} import {network}"
    for name in _own_modules(parts):
        yield f"import {name}  # a file needs it"
    for name in sorted({name for name in _imports_of_all(parts) if name.startswith("__main__.")}):
        yield f"# EDIT: a file needs {name.partition('.')[2]} of a notebook: copy its code here."


def _imports_of_all(parts: WrappedParts) -> list[str]:
    return [name for part in parts.folder.parts for name in part.imports]


def _own_modules(parts: WrappedParts) -> list[str]:
    """The modules in the folder that its pickles name."""
    modules = {name.rpartition(".")[0] for name in _imports_of_all(parts)}
    return sorted(m for m in modules if m and (parts.home / f"{m.replace('.', '/')}.py").exists())


def _settings(parts: WrappedParts) -> Iterator[str]:
    if parts.likely.columns:
        yield "# What the model takes, in its order."
        yield f"COLUMNS = {_wrapped(parts.likely.columns)}"
    else:
        beside = "beside what the encoder makes" if parts.one_hot else "that the model takes"
        yield f"# EDIT: the columns {beside}, in the order of the training."
        columns = [name for name in parts.raw_columns if name not in parts.one_hot]
        yield f"COLUMNS = {_wrapped(columns)}"
    yield '# EDIT: what your app puts into holes, from the training data, like {"age": 38.5}.'
    yield "FILLS = {}"
    if parts.is_number:
        yield "# EDIT: np.exp if it was trained on np.log(target), np.expm1 if on np.log1p(target)."
        yield "UNDO = None"
        return
    if parts.classes:
        yield "# EDIT: the classes in the order of the model's codes, in the words of the data."
        yield f"CLASSES = {_wrapped(parts.classes)}"
    elif parts.is_network:
        yield "# EDIT: the classes in the order of the network's outputs, in the words of the data."
        yield 'CLASSES = ["No", "Yes"]'
    if len(parts.classes) in (0, 2) and not parts.is_unknown:
        yield "# EDIT: from which probability on the second class is answered; None: as it is."
        yield f"THRESHOLD = {parts.threshold or None}"


def _wrapped(values: Sequence[object]) -> str:
    """A list as Python writes it, over several lines where it is long."""
    line = _inline(values)
    if len(line) < 80:
        return line
    return "[\n" + "".join(f"    {_py(value)},\n" for value in values) + "]"


def _loads(parts: WrappedParts) -> Iterator[str]:
    if parts.likely.model.kind == network_text.TORCH_STATE:
        yield from _with_weights(parts)
    else:
        yield f"self.model = {_loaded(parts, parts.likely.model)}"
    for name, part in parts.loaded:
        yield f"self.{name} = {_loaded(parts, part)}"
    if parts.column_encoders:
        yield "self.encoders = {"
        for column, part in parts.column_encoders.items():
            yield f"    {_py(column)}: {_loaded(parts, part)},"
        yield "}"
    if parts.classes or (parts.is_network and not parts.is_number):
        yield "self.classes_ = CLASSES"
    elif not parts.is_number and not parts.is_unknown:
        yield 'self.classes_ = getattr(self.model, "classes_", None)'
    if not parts.is_number and not parts.library:
        yield 'if not hasattr(self.model, "predict_proba"):'
        yield "    self.predict_proba = None"


def _loaded(parts: WrappedParts, part: Part) -> str:
    path = f"folder / {_py(_path(parts, part))}"
    if part.role == "weights" and parts.library:
        return parts.library.load.format(path=f"str({path})")
    if part.path.suffix == ".skops":
        return f"__import__('skops.io').io.load({path})"
    keys = ""
    for depth, key in enumerate(part.keys):
        keys += f"[{key if parts.is_listed(part, depth) else _py(key)}]"
    return f"joblib.load({path}){keys}"


def _with_weights(parts: WrappedParts) -> Iterator[str]:
    """A network of PyTorch that gets its weights: they are saved without its class."""
    _, network = parts.network
    todo = "with the arguments of the training" if network else "copy its class above"
    yield f"self.model = {network or 'Network'}()  # EDIT: {todo}"
    place = f"str(folder / {_py(_path(parts, parts.likely.model))})"
    yield f"self.model.load_state_dict(torch.load({place}, weights_only=True))"
    yield "self.model.eval()"


def _steps(parts: WrappedParts) -> Iterator[str]:
    yield "# EDIT: features that were made of the raw columns, such as"
    yield '# cases["rate"] = cases["debt"] / cases["income"]'
    if parts.column_encoders or parts.encoders:
        yield "for column, encoder in self.encoders.items():"
        yield "    if column in cases:"
        yield "        cases[column] = encoder.transform(cases[column])"
    if parts.likely.dummies:
        yield f"cases = pd.get_dummies(cases, columns={_inline(parts.likely.dummies)}, dtype=float)"
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
    listed = "COLUMNS" if tuple(columns) == tuple(parts.likely.columns) else _inline(columns)
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


def _inline(columns: Sequence[object]) -> str:
    return f"[{', '.join(map(_py, columns))}]"


def _py(value: object) -> str:
    """A value as Python writes it, a text in double quotes."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _answer(parts: WrappedParts) -> Iterator[str]:
    prepared = "self.prepared(cases)"
    if parts.is_unknown:
        yield f"return self.model.predict({prepared})"
        return
    if parts.is_network and not parts.is_number:
        yield from _over_threshold(parts)
        yield "return np.array(CLASSES)[self.predict_proba(cases).argmax(axis=1)]"
        return
    if parts.is_number:
        if parts.is_network and parts.library:
            yield from parts.library.ask
        raw = "raw" if parts.is_network else f"self.model.predict({prepared})"
        yield f"answers = np.ravel({raw})"
        if parts.likely.target_scaler:
            yield "answers = self.target_scaler.inverse_transform(answers.reshape(-1, 1)).ravel()"
        yield "return UNDO(answers) if UNDO else answers"
        return
    yield from _over_threshold(parts)
    yield f"codes = np.ravel(self.model.predict({prepared}))"
    if parts.classes and parts.likely.calibrator is None:
        yield "return np.array(CLASSES)[codes.astype(int)]"
    elif parts.likely.calibrator:
        yield "return np.array(self.classes_)[self.predict_proba(cases).argmax(axis=1)]"
    else:
        yield "return codes"


def _over_threshold(parts: WrappedParts) -> Iterator[str]:
    if len(parts.classes) in (0, 2):
        yield "if THRESHOLD is not None:"
        yield "    likely = self.predict_proba(cases)[:, 1] >= THRESHOLD"
        yield "    return np.where(likely, self.classes_[1], self.classes_[0])"


def _chances(parts: WrappedParts) -> Iterator[str]:
    if parts.is_network:
        yield from network_text.shares(parts.likely.model)
        return
    yield "shares = self.model.predict_proba(self.prepared(cases))"
    if parts.likely.calibrator:
        yield "second = self.calibrator.predict(shares[:, 1])"
        yield "return np.column_stack([1 - second, second])"
    else:
        yield "return shares"
