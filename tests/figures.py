"""What a browser gets of a chart."""

import json

from second_opinion.charts.chart import PAPER, TEXT

TAGS = '<a href="https://evil.example">x</a> & <b>bold</b>'


def sent(chart):
    """What the browser gets of a figure."""
    return json.loads(chart.figure.to_json())


def colours(part):
    """Every colour in a figure, however deep."""
    if isinstance(part, dict):
        for name, value in part.items():
            if name.endswith("color") and isinstance(value, (str, list)):
                yield from [value] if isinstance(value, str) else value
            else:
                yield from colours(value)
    elif isinstance(part, list):
        for value in part:
            yield from colours(value)


def drawn_in(chart):
    """The colours of the series of a chart and then of its lines, without words and rims."""
    figure = sent(chart)
    marks = [*figure["data"], *figure["layout"].get("shapes", [])]
    return [colour for mark in marks for colour in colours(mark) if colour not in (PAPER, TEXT)]
