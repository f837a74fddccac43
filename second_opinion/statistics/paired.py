"""Two versions against each other: on the same cases, and on cases of their own."""

from __future__ import annotations

from second_opinion.formatting import plural

# With five pairs that all point one way the two-sided p-value is still 0.0625.
FEWEST_PAIRS = 6
ALPHA = 0.05


def mcnemar(fixes: int, breaks: int) -> float:
    """Two-sided p-value of the exact McNemar test: could as many fixes as breaks give this?

    ``fixes`` and ``breaks`` count the discordant pairs: cases that one version alone has right.
    Binomial with one half (McNemar 1947, Psychometrika 12:153; exact form after Fagerland, Lydersen
    and Laake 2013, BMC Medical Research Methodology 13:91). 1 where there is no such pair.
    """
    from scipy.stats import binomtest

    pairs = fixes + breaks
    return float(binomtest(fixes, pairs, 0.5).pvalue) if pairs else 1.0


def mcnemar_text(fixes: int, breaks: int, candidate: str, base: str) -> str:
    """What the exact McNemar test says, in a sentence; ``candidate`` is what fixes."""
    pairs = fixes + breaks
    if pairs < FEWEST_PAIRS:
        count_text = plural(pairs, "case") if pairs else "no cases"
        return (
            f"Too few to tell the two apart: {count_text} that one alone has right; fewer than "
            f"{FEWEST_PAIRS} cannot decide."
        )
    p = mcnemar(fixes, breaks)
    if p >= ALPHA:
        return f"The two cannot be told apart so far: chance may make such a difference ({_p(p)})."
    winner, most, least = (candidate, fixes, breaks) if fixes > breaks else (base, breaks, fixes)
    return (
        f"{winner} is right more often: it alone in {plural(most, 'case')}, the other alone in "
        f"{least} (exact McNemar test, {_p(p)})."
    )


def fisher(first: tuple[int, int], second: tuple[int, int]) -> float:
    """Two-sided p-value of Fisher's exact test (Fisher 1935, The Design of Experiments, chapter 2).

    Each pair counts what was right and what was wrong, of one version. 1 where a row or a
    column is empty.
    """
    from scipy.stats import fisher_exact

    return float(fisher_exact([list(first), list(second)]).pvalue)


def fisher_text(
    first: tuple[int, int], second: tuple[int, int], names: tuple[str, str], alpha: float = ALPHA
) -> str:
    """What Fisher's exact test says of two versions that had different cases, in a sentence."""
    if _smallest_p(first, second) >= alpha:
        return "Too few verdicts to tell the arms apart."
    p = fisher(first, second)
    if p >= alpha:
        return f"The arms cannot be told apart so far: chance may make such a difference ({_p(p)})."
    one, other = first[0] / sum(first), second[0] / sum(second)
    winner = names[0] if one > other else names[1]
    return f"{winner[:1].upper()}{winner[1:]} is right more often (Fisher's exact test, {_p(p)})."


def _smallest_p(first: tuple[int, int], second: tuple[int, int]) -> float:
    """The smallest p-value that so many verdicts on each arm could have had."""
    one, other = sum(first), sum(second)
    return fisher((one, 0), (0, other))


def _p(p: float) -> str:
    return "p under .001" if p < 0.001 else f"p = {p:.3f}".replace("0.", ".", 1)
