"""Numbers that a decision may rest on: pure functions of arrays and frames, no store, no page."""
