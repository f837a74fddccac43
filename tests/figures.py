"""What a browser gets of a chart."""

import json

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
