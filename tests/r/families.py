"""Families of designs, drawn from a seed, for `lmm` and R.

A family takes a Draw and returns a Case. The families are in experiments.py and tables.py.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

FAMILIES = {}


@dataclass
class Case:
    """A model that `lmm` and R are to agree on.

    table, formula: as for lmm.fit; r, r_table: what R gets, where it is something else.
    means: what emmeans is asked, "f" or "f:h". weights, offset: names of columns.
    contrasts: R's coding of factors, where it is not the treatment one.
    joint: lmerTest's type 3 depends on the coding here. rank_deficient: as for lmm.fit.
    """

    table: pd.DataFrame
    formula: str
    means: tuple = ()
    r: str = ""
    r_table: pd.DataFrame | None = None
    reml: bool = True
    weights: str | None = None
    offset: str | None = None
    contrasts: dict = field(default_factory=dict)
    joint: bool = False
    rank_deficient: str = "error"


def family(function):
    FAMILIES[function.__name__] = function
    return function


def case(name, seed, ragged=None):
    """The case of a family and a seed, every fourth by ML. Odd seeds are ragged, unless told."""
    rng = np.random.default_rng([seed, *name.encode()])
    draw = Draw(rng, bool(seed % 2) if ragged is None else ragged)
    out = FAMILIES[name](draw)
    out.reml = bool(rng.random() > 0.25)
    return out


class Draw:
    """What a family draws from. `ragged`: rows are missing at random; else all is balanced."""

    def __init__(self, rng, ragged):
        self.rng, self.ragged = rng, ragged

    def number(self, low, high):
        """A whole number from low to high, both included."""
        return int(self.rng.integers(low, high + 1))

    def one(self, *choices):
        return choices[self.rng.integers(len(choices))]

    def grid(self, most=0.25, **levels):
        """All combinations of the levels, a row each, or (ragged) without up to `most` of them.

        A number n means the codes 0, ..., n - 1; a pair ("a", n) the texts a1, ..., an.
        """
        values = [_values(given) for given in levels.values()]
        table = pd.MultiIndex.from_product(values, names=levels).to_frame(index=False)
        if not self.ragged:
            return table
        share = 1 - self.rng.uniform(0.05, most)
        keep = self.rng.permutation(len(table))[:int(len(table) * share)]
        return table.iloc[keep].reset_index(drop=True)

    def factor(self, letter, levels, codes):
        """A factor that goes through its levels with the codes, or (ragged) as it likes."""
        codes = np.asarray(codes) % levels
        if self.ragged:
            codes = self.rng.integers(0, levels, len(codes))
        return np.array([f"{letter}{code + 1}" for code in codes], dtype=object)

    def effect(self, groups, sd=1.0, x=1.0):
        """A normal effect a group, times x: (n,)."""
        codes = pd.factorize(np.asarray(groups, dtype=object))[0]
        return self.rng.normal(0, sd, codes.max() + 1)[codes] * np.asarray(x, dtype=float)

    def some(self, groups, x=1.0, of=(0, 0.3, 1, 3)):
        """An effect with one of these standard deviations."""
        return self.effect(groups, self.rng.choice(of), x)

    def cells(self, *factors):
        """Main effects of the factors and their interaction."""
        return sum(self.effect(f, 0.7) for f in factors) + self.effect(pair(*factors), 0.35)

    def noise(self, table):
        return self.rng.normal(size=len(table))


def _values(given):
    if isinstance(given, list):
        return given
    if isinstance(given, int):
        return list(range(given))
    letter, number = given
    return [f"{letter}{code + 1}" for code in range(number)]


def pair(*columns):
    """The combinations of several columns, as groups."""
    return pd.MultiIndex.from_arrays(columns).to_flat_index()
