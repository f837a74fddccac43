"""The example of docs/release.md does what it says."""

import contextlib
import io
import re

from builders import ROOT

PAPER = (ROOT / "docs/release.md").read_text("utf-8")
EXAMPLE, OUTPUT = re.search(
    r"```python\n((?:(?!```).)*)```\n\n```\n(.*?)```", PAPER, re.DOTALL
).groups()


def test_the_notebook_example_prints_what_stands_below_it():
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(EXAMPLE, {})
    assert printed.getvalue() == OUTPUT
