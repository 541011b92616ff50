"""Faults of R that the differential tests have met, each judged by a computation of its own."""

import numpy as np
from scipy import stats


def excused(case, fit, answer, name, ours, theirs, bad):
    """Why R's values `theirs`, where `bad`, are not to be believed; None where nothing is known against them."""
    if case.joint and name.startswith("anova 3 "):
        return "lmerTest's type 3 depends on the coding here; emmeans' joint tests are compared instead"
    if name.startswith("pairs ") and name.endswith(" p"):
        return _tukey(answer["means"][name[6:-2]], ours, bad)
    return None


def _tukey(table, ours, bad):
    """R's ptukey has about 6 digits and none for small p; scipy integrates to the end. R's own t and df decide."""
    k = len(np.atleast_1d(table["mean"]))
    t, df = (np.atleast_1d(np.array(table[c], dtype=float))[bad] for c in ("pair_t", "pair_df"))
    exact = stats.studentized_range.sf(np.sqrt(2) * np.abs(t), k, df)
    tolerance = 1e-4 * (1 + t**2) * exact + 1e-9
    return "ptukey is not exact; scipy's studentized range agrees" if (np.abs(ours[bad] - exact) <= tolerance).all() else None
