"""Numbers to figures, each with a sentence that says what it shows."""
