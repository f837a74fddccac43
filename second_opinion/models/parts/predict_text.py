"""The text of a first predict.py for a folder of parts, for its owner to go through."""

from __future__ import annotations

from collections.abc import Iterator

from second_opinion.models.formats.code_files import ENTRY
from second_opinion.models.parts import network_text
from second_opinion.models.parts.answer_text import answer_lines, chance_lines
from second_opinion.models.parts.check_text import check_text
from second_opinion.models.parts.part import Part
from second_opinion.models.parts.prepared_text import prepared_lines
from second_opinion.models.parts.python_literals import python_text, wrapped
from second_opinion.models.parts.wrapped_parts import WrappedParts

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


def predict_text(parts: WrappedParts) -> str:
    """A predict.py that loads the parts in their likely order, with the places to look at.

    It is to stand in ``parts.home``.
    """
    seen = parts.folder.text.replace("\\", "/").replace('"""', "'''")
    answer = MODEL.format(
        loads=_indented(_loads(parts)),
        steps=_indented(prepared_lines(parts)),
        answer=_indented(answer_lines(parts)),
    )
    bare = parts.is_number or parts.is_unknown
    chances = "" if bare else CHANCES.format(chances=_indented(chance_lines(parts)))
    head = "\n".join([*_imports(parts), "", *_settings(parts), ""])
    return "".join(
        [HEAD.format(entry=ENTRY, seen=seen), head, answer, chances, LOAD, check_text(parts)]
    )


def _indented(lines: Iterator[str]) -> str:
    return "\n".join(f"        {line}" if line else "" for line in lines)


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
        yield f"COLUMNS = {wrapped(parts.likely.columns)}"
    else:
        beside = "beside what the encoder makes" if parts.one_hot else "that the model takes"
        yield f"# EDIT: the columns {beside}, in the order of the training."
        columns = [name for name in parts.raw_columns if name not in parts.one_hot]
        yield f"COLUMNS = {wrapped(columns)}"
    yield '# EDIT: what your app puts into holes, from the training data, like {"age": 38.5}.'
    yield "FILLS = {}"
    if parts.is_number:
        yield "# EDIT: np.exp if it was trained on np.log(target), np.expm1 if on np.log1p(target)."
        yield "UNDO = None"
        return
    if parts.classes:
        yield "# EDIT: the classes in the order of the model's codes, in the words of the data."
        yield f"CLASSES = {wrapped(parts.classes)}"
    elif parts.is_network:
        yield "# EDIT: the classes in the order of the network's outputs, in the words of the data."
        yield 'CLASSES = ["No", "Yes"]'
    if len(parts.classes) in (0, 2) and not parts.is_unknown:
        yield "# EDIT: from which probability on the second class is answered; None: as it is."
        yield f"THRESHOLD = {parts.threshold or None}"


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
            yield f"    {python_text(column)}: {_loaded(parts, part)},"
        yield "}"
    if parts.classes or (parts.is_network and not parts.is_number):
        yield "self.classes_ = CLASSES"
    elif not parts.is_number and not parts.is_unknown:
        yield 'self.classes_ = getattr(self.model, "classes_", None)'
    if not parts.is_number and not parts.library:
        yield 'if not hasattr(self.model, "predict_proba"):'
        yield "    self.predict_proba = None"


def _loaded(parts: WrappedParts, part: Part) -> str:
    path = f"folder / {python_text(parts.path_of(part))}"
    if part.role == "weights" and parts.library:
        return parts.library.load.format(path=f"str({path})")
    if part.path.suffix == ".skops":
        return f"__import__('skops.io').io.load({path})"
    keys = ""
    for depth, key in enumerate(part.keys):
        keys += f"[{key if parts.is_listed(part, depth) else python_text(key)}]"
    return f"joblib.load({path}){keys}"


def _with_weights(parts: WrappedParts) -> Iterator[str]:
    """A network of PyTorch that gets its weights: they are saved without its class."""
    _, network = parts.network
    todo = "with the arguments of the training" if network else "copy its class above"
    yield f"self.model = {network or 'Network'}()  # EDIT: {todo}"
    place = f"str(folder / {python_text(parts.path_of(parts.likely.model))})"
    yield f"self.model.load_state_dict(torch.load({place}, weights_only=True))"
    yield "self.model.eval()"
