"""Text of people, files and cards, as Streamlit's markdown shows it unchanged."""

from __future__ import annotations

import re

from second_opinion.ui.browser import MARK

# What markdown gives a meaning wherever it stands, at the start of a line, and by what follows.
ANYWHERE = re.compile(r"[\\`*_\[\]<>~|]|&(?=#?\w+;)")
AT_START = re.compile(r"^(\s*)([#+=-]|\d+(?=[.)]))", re.MULTILINE)
ACTIVE = re.compile(r":(?=[^\W\d]|[\w+-]+:)|(?<=\w)@(?=\w)|https?(?=:)|www(?=\.)", re.IGNORECASE)
# Streamlit draws `<-` and `--` as an arrow and a dash, and `>=` as one sign.
TYPOGRAPHY = re.compile(r"[-<>~](?=[-=>])")


def escape(text: str) -> str:
    """Text that Streamlit's markdown shows as it stands: no link, image, formula or icon.

    No more is changed than that takes: labels are read out as they are written here.
    """
    # The mark has no width. It keeps `:name:` from becoming an icon and addresses from becoming
    # links, and stands before what a backslash would not disarm.
    marked = ACTIVE.sub(rf"\g<0>{MARK}", text.replace("\t", "    "))
    marked = TYPOGRAPHY.sub(rf"\g<0>{MARK}", marked)
    marked = ANYWHERE.sub(r"\\\g<0>", marked)
    marked = AT_START.sub(rf"\1{MARK}\2", marked)
    if marked.count("$") > 1:
        marked = marked.replace("$", "\\$")
    return marked.replace("    ", "\u00a0" * 4).replace("\n", "  \n")
