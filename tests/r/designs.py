"""`lmm` against R on random designs: python -m tests.r.designs --seeds 1000 [--family NAME]

A family (experiments.py, tables.py) makes of a seed a table and a formula. R (designs.R:
lme4, lmerTest, pbkrtest, emmeans) and `lmm` are asked the same, and compare.py holds the answers
against each other. Prints how many designs were tried, were right, were refused (and why), and each
difference with its family, seed, quantity and values.
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

from tests.r import compare, experiments, tables       # noqa: F401  the last two fill FAMILIES
from tests.r.families import FAMILIES, case

DRIVER = Path(__file__).parent / "designs.R"
SEEDS_A_PROCESS = 20                                       # R grows with what it has done


def column(values):
    """A column as R is to see it."""
    if isinstance(values.dtype, pd.CategoricalDtype) or not pd.api.types.is_numeric_dtype(values):
        factor = pd.Categorical(values)
        kind = "ordered" if factor.ordered else "factor"
        levels = [str(level) for level in factor.categories]
        values = [levels[code] if code >= 0 else None for code in factor.codes]
        return {"kind": kind, "levels": levels, "values": values}
    if pd.api.types.is_bool_dtype(values):
        return {"kind": "logical", "values": values.tolist()}
    numbers = values.astype(float)
    numbers = numbers.astype(object).where(numbers.notna(), None)
    return {"kind": "number", "values": numbers.tolist()}


def as_json(case, seed):
    """A case as the R driver reads it."""
    transformed = case.r_table is not None
    table = case.r_table if transformed else case.table
    return json.dumps({
        "formula": case.r or case.formula, "reml": case.reml, "contrasts": case.contrasts,
        "weights": None if transformed else case.weights, "offset": case.offset,
        "means": list(case.means), "joint": case.joint,
        "kr_types": [] if transformed else [1 + seed % 3],
        "data": {name: column(table[name]) for name in table}}, ensure_ascii=False)


def answers(cases):
    """R's answer to each (family, seed, case), from one R process; each as soon as R has it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "models.jsonl"
        lines = [as_json(c, seed) + "\n" for _, seed, c in cases]
        file.write_text("".join(lines), encoding="utf-8")
        command = ["Rscript", "--vanilla", DRIVER, file]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8") as r:
            for (name, seed, c), line in zip(cases, r.stdout, strict=True):
                yield name, seed, c, json.loads(line)


def run(names, seeds):
    """(family, seed, case, verdict) for each family and seed."""
    cases = [(name, seed, case(name, seed)) for seed in seeds for name in names]
    for name, seed, c, answer in answers(cases):
        yield name, seed, c, compare.judge(c, answer)


def report(verdicts):
    """Print differences as they come, then counts; how many designs were wrong."""
    kinds, checks, refused, notes, families = Counter(), 0, Counter(), Counter(), Counter()
    begun = time.time()
    for name, seed, c, verdict in verdicts:
        kinds[verdict.kind] += 1
        checks += verdict.checks
        notes.update(set(verdict.notes))
        if verdict.kind in ("refused", "refused by R only"):
            refused[f"{verdict.kind}: {name}: {verdict.reason.split(';')[0][:120]}"] += 1
        if verdict.wrong:
            families[name] += 1
        for what, ours, theirs in verdict.wrong:
            print(f"WRONG {name} {seed}: {what}: lmm {ours}, R {theirs}  [{c.formula}]", flush=True)
    print(f"\n{sum(kinds.values())} designs, {checks} comparisons, {time.time() - begun:.0f} s:",
          ", ".join(f"{kinds[k]} {k}" for k in ("right", "refused", "refused by R only", "wrong")))
    for title, counts in (("refused", refused), ("notes", notes), ("wrong by family", families)):
        print(f"\n{title}:")
        for what, count in counts.most_common():
            print(f"  {count:5d}  {what[:200]}")
    return kinds["wrong"]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10, help="how many seeds of each family")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--family", action="append", choices=sorted(FAMILIES),
                        help="only this one (may be repeated)")
    args = parser.parse_args()
    if not shutil.which("Rscript"):
        sys.exit("Rscript is not installed")
    seeds = range(args.first, args.first + args.seeds)
    parts = [seeds[i:i + SEEDS_A_PROCESS] for i in range(0, len(seeds), SEEDS_A_PROCESS)]
    sys.exit(report(v for part in parts for v in run(args.family or list(FAMILIES), part)) > 0)


if __name__ == "__main__":
    main()
