"""The study's cutpoint and the one that a search finds."""

from schemas import columns as c
from schemas.columns import integer, real, text
from schemas.table import table

MODEL = table(
    "result.cutpoint_search",
    "One row per endpoint, origin, variable and kind of cutpoint.",
    key=[],
    columns=[
        c.endpoint,
        c.origin,
        c.variable,
        text("kind", "fixed: the study's, not searched in these data; searched: separates survival most"),
        real("cutpoint", "Largest value of the lower group, in the unit of the variable"),
        real("hazard_ratio", "Hazard ratio, at or below against above"),
        c.ci_lower.described(
            "Lower end of its 95 % confidence interval; NULL where the cutpoint was searched"
        ),
        c.ci_upper.described("Upper end; NULL where the cutpoint was searched"),
        c.cox_method,
        real("statistic", "Maximally selected standardised log-rank statistic"),
        real("naive_chi_square", "Log-rank statistic at the cutpoint"),
        real("naive_p_value", "Its p value as if nobody had searched"),
        real("p_value_corrected", "The p value to read: corrected for the search, as `correction` says"),
        text("correction", "permutation, or lausen_94 where patients are too many for permutations"),
        real("permutation_p_value", "Corrected for the search by permutation"),
        real("p_value_lausen_94", "Corrected for the search (Lausen, Sauerbrei and Schumacher 1994)"),
        real(
            "p_value_lausen_92",
            "An upper bound of it (Lausen and Schumacher 1992), which errs less often than it says",
        ),
        real(
            "naive_false_positive_share",
            "Share of permutations without any effect in which the naive p is below 0.05",
        ),
        integer("n_permutations", "Permutations behind the two"),
        c.n,
        c.n_event,
        c.n_missing,
        integer("n_at_or_below", "Patients at or below the cutpoint"),
        integer("n_candidates", "Cutpoints searched"),
        real("min_share", "Smallest share of patients on either side"),
        c.status,
        c.note,
    ],
)
