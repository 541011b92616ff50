"""The tables of the lecture and of its examples, by name: from a checkout, a wheel, or any
folder."""

from pathlib import Path

import pandas as pd

# name -> (factors with their order of levels, or None for the order of first appearance; source)
TABLES = {
    "tablets": (
        {"tablet": None, "method": ["nir", "hplc"]},
        "Brockhoff and Thierry-Carstensen 2003; slide 14"),
    "tablets_missing": (
        {"tablet": None, "method": ["nir", "hplc"]},
        "Brockhoff and Thierry-Carstensen 2003; slide 23"),
    "planks": (
        {"plank": None, "width": None, "depth": None},
        "The Royal Veterinary and Agricultural University, Denmark; slide 38"),
    "oats": (
        {"block": None, "variety": ["Golden.rain", "Marvellous", "Victory"], "nitrogen": None},
        "Yates 1935; slide 13"),
    "sleepstudy": ({"Subject": None}, "Belenky et al. 2003"),
    "dyestuff": ({"Batch": None}, "Davies and Goldsmith 1972"),
    "dyestuff2": ({"Batch": None}, "Box and Tiao 1973"),
    "pastes": ({"batch": None, "cask": None, "sample": None}, "Davies and Goldsmith 1972"),
    "fev": (
        {"USUBJID": None, "AVISIT": None, "ARMCD": ["PBO", "TRT"],
         "RACE": ["Asian", "Black or African American", "White"], "SEX": ["Male", "Female"]},
        "R package mmrm, fev_data: simulated"),
    "scaling": ({"route": None}, "measured once by benchmarks/scaling.py, 2026, two cores"),
}


def folder():
    """The folder with the tables: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parent
    installed = package / "_data"
    return installed if installed.is_dir() else package.parent / "data"


def load(name):
    """The table `name` as a DataFrame; factors are categorical, missing values are NaN.

    The first level of a factor is its reference level. In the tablets this is "nir", so that the
    coefficient is `method[T.hplc]` = -0.05 as on slide 21.

    Raises ValueError for a name that is not in `lmm.datasets()`.
    """
    if name not in TABLES:
        raise ValueError(f"unknown data set {name!r}; there are: {', '.join(TABLES)}")
    table = pd.read_csv(folder() / f"{name}.csv")
    for factor, levels in TABLES[name][0].items():
        levels = table[factor].unique() if levels is None else levels
        table[factor] = pd.Categorical(table[factor], categories=levels)
    return table


def datasets():
    """All tables: name, rows, source."""
    rows = [(name, len(load(name)), source) for name, (_, source) in TABLES.items()]
    return pd.DataFrame(rows, columns=["name", "rows", "source"])
