"""Differential tests of `lmm` against R on random designs: python -m tests.r_designs --seeds 1000 [--family NAME]

A family (r_families.py, r_families_more.py) makes of a seed a table and a formula. R (r_designs.R: lme4, lmerTest,
pbkrtest, emmeans) and `lmm` are asked the same, and r_compare.py holds the answers against each other. Prints how many
designs were tried, were right, were refused (and why), and each difference with its family, seed, quantity and values.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import pandas as pd

from tests import r_compare, r_families_more                         # noqa: F401
from tests.r_families import FAMILIES, case

DRIVER = Path(__file__).parent / "r_designs.R"


def column(values):
    """A column as R is to see it."""
    if isinstance(values.dtype, pd.CategoricalDtype) or not pd.api.types.is_numeric_dtype(values):
        factor = pd.Categorical(values)
        kind = "ordered" if factor.ordered else "factor"
        levels = [str(level) for level in factor.categories]
        return {"kind": kind, "levels": levels, "values": [levels[code] for code in factor.codes]}
    if pd.api.types.is_bool_dtype(values):
        return {"kind": "logical", "values": values.tolist()}
    return {"kind": "number", "values": values.astype(float).tolist()}


def as_json(case, seed):
    """A case as the R driver reads it."""
    table = case.table if case.r_table is None else case.r_table
    return json.dumps({
        "formula": case.r or case.formula, "reml": case.reml, "contrasts": case.contrasts, "joint": case.joint,
        "weights": case.weights if case.r_table is None else None, "offset": case.offset, "means": list(case.means),
        "kr_types": [1 + seed % 3] if case.r_table is None else [],
        "data": {name: column(table[name]) for name in table}}, ensure_ascii=False)


def answers(cases):
    """R's answer to each (family, seed, case), one R process for all; each comes as soon as R has it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "models.jsonl"
        file.write_text("".join(as_json(c, seed) + "\n" for _, seed, c in cases), encoding="utf-8")
        with subprocess.Popen(["Rscript", "--vanilla", DRIVER, file], stdout=subprocess.PIPE, text=True, encoding="utf-8",
                              env=None) as process:
            for (name, seed, c), line in zip(cases, process.stdout, strict=True):
                yield name, seed, c, json.loads(line)


def run(names, seeds):
    """(family, seed, case, verdict) for each family and seed."""
    cases = [(name, seed, case(name, seed)) for seed in seeds for name in names]
    for name, seed, c, answer in answers(cases):
        yield name, seed, c, r_compare.judge(c, answer)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10, help="how many seeds of each family")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--family", action="append", choices=sorted(FAMILIES), help="only this one (may be repeated)")
    args = parser.parse_args()
    if not shutil.which("Rscript"):
        sys.exit("Rscript is not installed")
    begun, kinds, checks, reasons, notes, families = time.time(), Counter(), 0, Counter(), Counter(), Counter()
    for name, seed, c, verdict in run(args.family or list(FAMILIES), range(args.first, args.first + args.seeds)):
        kinds[verdict.kind] += 1
        checks += verdict.checks
        families[name, verdict.kind] += 1
        notes.update(set(verdict.notes))
        if verdict.kind in ("refused", "r_refused"):
            reasons[verdict.kind, name, verdict.reason.split(";")[0][:150]] += 1
        for quantity, ours, theirs in verdict.wrong:
            print(f"WRONG {name} {seed}: {quantity}: lmm {ours}, R {theirs}   [{c.formula}]", flush=True)
    print(f"\n{sum(kinds.values())} designs, {checks} comparisons, {time.time() - begun:.0f} s")
    print(f"right {kinds['right']}, refused {kinds['refused']}, refused by R only {kinds['r_refused']}, wrong {kinds['wrong']}")
    for title, counter in (("refused", reasons), ("notes", notes), ("wrong by family",
                           Counter({n: k for (n, kind), k in families.items() if kind == "wrong"}))):
        print(f"\n{title}:")
        for what, count in counter.most_common():
            print(f"  {count:4d}  {what if isinstance(what, str) else ': '.join(what)}")
    sys.exit(kinds["wrong"] > 0)


if __name__ == "__main__":
    main()
