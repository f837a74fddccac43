"""The lines of a predict.py for weights of other libraries: how they are loaded and asked."""

from __future__ import annotations

import ast
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from second_opinion.models.formats.file_format import LOAD_ERRORS
from second_opinion.models.parts.part import Part
from second_opinion.models.parts.pickle_outline import outline

KERAS, ONNX = "a Keras model", "an ONNX model"
TORCH, TORCH_SCRIPT = "a PyTorch model", "a PyTorch model as a script"
TORCH_STATE = "the weights of a PyTorch model, without its class (a state_dict)"
CATBOOST = "a CatBoost model"
# Which of them answer in shares or scores, a column a class, and know no words.
NETWORKS = (KERAS, ONNX, TORCH, TORCH_SCRIPT, TORCH_STATE)


@dataclass(frozen=True)
class Library:
    """How a model of it is imported, loaded (from ``{path}``) and asked for ``raw``."""

    imports: str
    load: str
    ask: tuple[str, ...] = ()


TORCH_ASK = (
    "cells = torch.tensor(np.asarray(self.prepared(cases), dtype=np.float32))",
    "with torch.no_grad():",
    "    raw = self.model(cells).numpy()",
)
LIBRARIES = {
    KERAS: Library(
        "import keras",
        "keras.models.load_model({path})",
        (
            "cells = np.asarray(self.prepared(cases), dtype=np.float32)",
            "raw = self.model.predict(cells, verbose=0)",
        ),
    ),
    ONNX: Library(
        "import onnxruntime",
        "onnxruntime.InferenceSession({path})",
        (
            "cells = np.asarray(self.prepared(cases), dtype=np.float32)",
            "name = self.model.get_inputs()[0].name",
            "# EDIT: [-1] is the last output: the probabilities, or the only one.",
            "raw = np.asarray(self.model.run(None, {name: cells})[-1])",
        ),
    ),
    TORCH: Library("import torch", "torch.load({path}, weights_only=False).eval()", TORCH_ASK),
    TORCH_SCRIPT: Library("import torch", "torch.jit.load({path}).eval()", TORCH_ASK),
    TORCH_STATE: Library("import torch", "{network}", TORCH_ASK),
    CATBOOST: Library("from catboost import {class_}", "{class_}().load_model({path})"),
}
OTHER = Library("", "None  # EDIT: load {path}")


def library(part: Part, *, is_number: bool) -> Library:
    """The lines for a part of the role ``weights``."""
    own = LIBRARIES.get(part.kind, OTHER)
    class_ = "CatBoostRegressor" if is_number else "CatBoostClassifier"
    fills = {"class_": class_, "path": "{path}", "network": "{network}"}
    return replace(own, imports=own.imports.format(**fills), load=own.load.format(**fills))


def shares(part: Part) -> Iterator[str]:
    """The lines of predict_proba: a column a class, also of one output for two classes."""
    yield from LIBRARIES[part.kind].ask
    if "torch" in LIBRARIES[part.kind].imports:
        yield "# EDIT: a network that ends without a sigmoid or softmax gives scores; then say"
        yield "# raw = torch.sigmoid(torch.tensor(raw)).numpy(), or torch.softmax(…, 1) of several."
    yield "raw = raw.reshape(len(cases), -1)"
    yield "return np.column_stack([1 - raw, raw]) if raw.shape[1] == 1 else raw"


def torch_part(path: Path) -> Part:
    """What a file of PyTorch holds, told without loading it: a script, a network, or weights."""
    part = Part(path, "weights", TORCH)
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if any(name.endswith("/constants.pkl") for name in names):
                return replace(part, kind=TORCH_SCRIPT)
            inside = next(name for name in names if name.endswith("/data.pkl"))
            _, imports = outline(archive.read(inside))
    except (StopIteration, *LOAD_ERRORS):
        return part
    bare = all(name.startswith(("torch._utils.", "torch.", "collections.")) for name in imports)
    if bare and not any(name.startswith("torch.nn.modules.") for name in imports):
        part = replace(part, kind=TORCH_STATE)
    return replace(part, imports=imports)


def network_class(codes: Sequence[Path]) -> tuple[str, str]:
    """The module and name of the one class in some files that is a network; empty texts if none."""
    classes = [
        (path.stem, node.name)
        for path in codes
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.ClassDef) and any(_is_module(base) for base in node.bases)
    ]
    return classes[0] if len(classes) == 1 else ("", "")


def _tree(path: Path) -> ast.AST:
    try:
        return ast.parse(path.read_text("utf-8"))
    except (SyntaxError, ValueError):
        return ast.Module([], [])


def _is_module(base: ast.expr) -> bool:
    name = base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")
    return name in ("Module", "LightningModule", "Sequential")
