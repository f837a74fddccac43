"""Why a model gives an answer: what each field does to it, and what would change it."""
