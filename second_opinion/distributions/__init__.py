"""Which predictions are looked at, and what is drawn of them."""
