"""Tests adjusted for their number: Tukey, Dunnett, Sidak, Holm, Bonferroni."""

import numpy as np
import scipy

ADJUSTMENTS = ("tukey", "dunnett", "sidak", "holm", "bonferroni", "none")
N_POINTS = 65_521                             # of the sum that stands for Dunnett's integral
PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71)


def check(adjust, interaction=False):
    """ValueError unless the tests can be adjusted so."""
    if adjust not in ADJUSTMENTS:
        raise ValueError(f"adjust must be one of {', '.join(ADJUSTMENTS)}, not {adjust!r}")
    if interaction and adjust in ("tukey", "dunnett"):
        raise ValueError(f"{adjust!r} is for differences of two means, not for interactions: "
                         "adjust must be sidak, holm, bonferroni or none")


def adjusted(t, df, adjust, k, level, R):
    """p-values of a family of tests, and half the widths of their simultaneous limits in standard
    errors. Holm has no limits of its own and takes Bonferroni's, as in emmeans.

    t, df: (m,); k: number of means, for Tukey; R: correlations of those t that are not NaN, for
    Dunnett.
    """
    m = len(t)
    alone = 2 * scipy.stats.t.sf(np.abs(t), df)
    if adjust == "tukey":
        return (tukey_p(np.sqrt(2) * np.abs(t), k, df),
                tukey_quantile(k, df, level) / np.sqrt(2))
    if adjust == "dunnett":
        return dunnett(t, df, level, R)
    p = {"sidak": -np.expm1(m * np.log1p(-alone)), "holm": holm(alone), "none": alone,
         "bonferroni": np.minimum(1, m * alone)}[adjust]
    single = {"sidak": -np.expm1(np.log(level) / m), "none": 1 - level}
    return p, scipy.stats.t.isf(single.get(adjust, (1 - level) / m) / 2, df)


def dunnett(t, df, level, R):
    """p-values and half widths of Dunnett's tests: P(max |T_i| > |t|) of a multivariate t with the
    correlations R of the very estimates, as emmeans' "mvt" and multcomp."""
    p, wide = (np.full(len(t), np.nan) for _ in range(2))
    place = np.flatnonzero(~np.isnan(t) & (df > 0))
    if len(R) == 0 or len(place) == 0:
        return p, wide
    if len(R) >= len(PRIMES):
        raise ValueError(f"dunnett compares at most {len(PRIMES)} levels with one, not {len(R)}; "
                         "use sidak")
    nu = _rounded(df)
    most = {}
    for i in place:
        tail = _outside(R, nu[i])
        p[i] = tail(abs(t[i]))
        if nu[i] not in most:
            ends = scipy.stats.t.isf((1 - level) / 2 / np.array([1, len(R)]), nu[i])
            most[nu[i]] = scipy.optimize.brentq(lambda c: tail(c) - (1 - level), ends[0] * 0.999,
                                                ends[1] * 1.001)
        wide[i] = most[nu[i]]
    return p, wide


def _outside(R, df):
    """c -> P(some |T_i| > c), T = Z / s with Var(Z) = R, s^2 = chi2_df / df.

    Where R_ij = b_i b_j, as for means that are independent, the Z_i are independent given one more
    N(0, 1): sums as in `_range_tail`, exact to 1e-10. Elsewhere Genz and Bretz 2002 (J. Comput.
    Graph. Stat. 11): the integral over a box as one over the unit cube, variable by variable,
    summed at the points of a fixed lattice, to 1e-5 or better; never below the p of one test, nor
    above Bonferroni's.
    """
    m = len(R)
    b = _factor(R)
    if b is not None:
        return _outside_of_factor(b, min(df, 1e10))
    roots = np.sqrt(PRIMES[:m])
    w = np.abs(2 * (np.arange(1, N_POINTS + 1)[:, None] * roots % 1) - 1)
    s = np.sqrt(2 * scipy.special.gammaincinv(min(df, 1e10) / 2, w[:, 0]) / min(df, 1e10))
    C = np.linalg.cholesky(R + 1e-12 * np.eye(m))

    def tail(c):
        y = np.zeros((N_POINTS, m))
        inside = np.ones(N_POINTS)
        for i in range(m):
            shift = y[:, :i] @ C[i, :i]
            low, high = (scipy.special.ndtr((side * s - shift) / C[i, i]) for side in (-c, c))
            inside *= high - low
            if i + 1 < m:
                y[:, i] = scipy.special.ndtri(np.clip(low + w[:, i + 1] * (high - low),
                                                      1e-300, 1 - 1e-16))
        one = 2 * scipy.stats.t.sf(c, df)
        return float(np.clip(1 - inside.mean(), one, min(1, m * one)))
    return tail


def holm(p):
    """Holm 1979: the smallest of m p-values times m, the next times m - 1 and so on, never falling,
    at most 1."""
    order = np.argsort(p)
    out = np.empty_like(p)
    out[order] = np.minimum(1, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    return out


def _factor(R):
    """The b (m,) with R_ij = b_i b_j for i != j and all |b_i| < 0.99, or None."""
    m = len(R)
    if m == 1:
        return np.zeros(1)
    R = R - np.eye(m)
    if m == 2:
        b = np.full(2, np.sqrt(max(R[0, 1], 0)))
    elif not R[0, 1] * R[0, 2] * R[1, 2] > 0:
        return None
    else:
        b = R[0] / np.sqrt(R[0, 1] * R[0, 2] / R[1, 2])
        b[0] = R[0, 1] / b[1]
    rest = np.outer(b, b) - R
    np.fill_diagonal(rest, 0)
    return b if np.abs(rest).max() < 1e-8 and np.abs(b).max() < 0.99 else None


def _outside_of_factor(b, df):
    """`_outside` where R_ij = b_i b_j."""
    width = np.sqrt(40 / df)
    x = np.linspace(-width - 40 / df, width, int(64 + 512 / df))          # as in `_range_tail`
    density = np.exp(df * (x - np.expm1(2 * x) / 2))
    z = np.linspace(-8.5, 8.5, 400)
    phi = np.exp(-z**2 / 2)

    def tail(c):
        inside = np.ones((len(x), len(z)))
        for each in b:
            high, low = (scipy.special.ndtr((side * np.exp(x)[:, None] - each * z)
                                            / np.sqrt(1 - each**2)) for side in (c, -c))
            inside *= high - low
        return max(0.0, 1 - density @ inside @ phi / density.sum() / phi.sum())
    return tail


def tukey_p(q, k, df):
    """P(Q > q) for the studentized range Q of k means, one value for each pair of q and df; NaN
    where df is not > 0.

    scipy.stats.studentized_range takes 50 ms a value; the two integrals as sums over equidistant
    points take 1 ms, and differ from it by less than 1e-11.
    """
    values, back = np.unique(np.column_stack([q, _rounded(df)]), axis=0, return_inverse=True)
    return np.array([_range_tail(a, k, nu) for a, nu in values])[back.ravel()]


def tukey_quantile(k, df, level=0.95):
    """The q with P(Q <= q) = level, one for each df; NaN where df is not > 0."""
    values, back = np.unique(_rounded(df), return_inverse=True)
    n_pairs = k * (k - 1) / 2
    # between the quantile of one pair and Bonferroni's
    ends = np.sqrt(2) * scipy.stats.t.isf((1 - level) / 2 / np.array([[1], [n_pairs]]), values)
    found = []
    for nu, low, high in zip(values, *ends):
        def missing(q):
            return _range_tail(q, k, nu) - (1 - level)
        found.append(scipy.optimize.brentq(missing, low, high) if low < high else low)
    return np.array(found)[back]


def _rounded(df):
    """To 10 digits: equal df must be computed once although they come with different rounding
    errors."""
    return np.array([float(f"{nu:.10g}") for nu in df])


def _range_tail(q, k, df):
    """P(Q > q) = 1 - E W(q s) over s = sqrt(chi2_df / df), where W is the distribution of the range
    of k N(0, 1)."""
    if not df > 0:
        return np.nan
    df = min(df, 1e10)
    # x = log s has a density proportional to exp(df (x - exp(2x) / 2))
    width = np.sqrt(40 / df)
    x = np.linspace(-width - 40 / df, width, int(64 + 512 / df))
    density = np.exp(df * (x - np.expm1(2 * x) / 2))
    # W(w) = k int phi(z) (Phi(z) - Phi(z - w))^(k-1) dz, z the largest of the k
    z = np.linspace(-8.5, 8.5, 96)
    phi = np.exp(-z**2 / 2)
    inside = (scipy.special.ndtr(z) - scipy.special.ndtr(z - q * np.exp(x)[:, None])) ** (k - 1)
    return max(0.0, 1 - k * (density @ inside @ phi) / density.sum() / phi.sum())
