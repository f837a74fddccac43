"""From an estimator and its training data to a card: what `add` finds out."""
