"""What the app takes of memory before its first visitor: `python -m second_opinion.ui.app_weight`.

`doctor` starts this as a process of its own, in the folder of Home.py: it loads the server.
"""

from __future__ import annotations

import ast
import importlib
import sys
from pathlib import Path

import streamlit.web.bootstrap  # noqa: F401 - the server itself

from second_opinion.doctor.check import resident
from second_opinion.errors import UserError
from second_opinion.models.card import ModelCard
from second_opinion.models.registry import Registry
from second_opinion.settings import Settings


def weigh() -> None:
    """Load what the app in the current folder loads; print the peak of this process in bytes."""
    for page in [Path("Home.py"), *sorted(Path("pages").glob("*.py"))]:
        if page.is_file():
            _import_as(page)
    registry = Registry(Settings.read().model_dir)
    for card in _cards(registry):
        registry.load(card.ref).predict([card.case_schema.typical])
    sys.stdout.write(f"{resident('VmHWM')}\n")


def _cards(registry: Registry) -> list[ModelCard]:
    try:
        return [entry.card for entry in registry.look().entries() if entry.card]
    except UserError:
        # The app starts without models; `doctor` has another line that says so.
        return []


def _import_as(page: Path) -> None:
    """Import what a page imports, without running it."""
    for node in ast.walk(ast.parse(page.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                importlib.import_module(alias.name)
        elif isinstance(node, ast.ImportFrom) and node.module:
            module = importlib.import_module(node.module)
            for alias in node.names:
                if not hasattr(module, alias.name):
                    importlib.import_module(f"{node.module}.{alias.name}")


if __name__ == "__main__":
    weigh()
