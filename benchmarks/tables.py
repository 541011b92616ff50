"""Large tables, drawn from a seed."""

import numpy as np
import pandas as pd


def insteval(n=73_421, students=2_972, lecturers=1_128, departments=14, seed=1):
    rng = np.random.default_rng(seed)
    s, d = rng.integers(0, students, n), rng.integers(0, lecturers, n)
    dept = rng.integers(0, departments, lecturers)[d]
    y = (3 + rng.normal(0, 0.33, students)[s] + rng.normal(0, 0.5, lecturers)[d]
         + rng.normal(0, 0.1, departments)[dept] + rng.normal(0, 1.18, n))
    return pd.DataFrame({"y": y, "s": s, "d": d, "dept": dept}).astype(
        {k: "category" for k in ("s", "d", "dept")})


def slopes(n, groups, seed=2):
    rng = np.random.default_rng(seed)
    g, x = np.repeat(np.arange(groups), n // groups), rng.normal(size=n)
    y = (1 + 2 * x + rng.normal(0, 0.7, groups)[g] + rng.normal(0, 0.5, groups)[g] * x
         + rng.normal(size=n))
    return pd.DataFrame({"y": y, "x": x, "g": g}).astype({"g": "category"})


def nested(patients, clinics, visits=5, seed=3):
    rng = np.random.default_rng(seed)
    p = np.repeat(np.arange(patients), visits)
    c = p // (patients // clinics)
    y = (1 + rng.normal(0, 0.7, patients)[p] + rng.normal(0, 0.5, clinics)[c]
         + rng.normal(size=len(p)))
    return pd.DataFrame({"y": y, "patient": p, "clinic": c}).astype(
        {"patient": "category", "clinic": "category"})
