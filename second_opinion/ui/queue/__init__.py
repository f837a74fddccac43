"""The page Review queue: the cases of a plan, each answered before the model's answer is seen."""
