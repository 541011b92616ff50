"""Speed, side by side in one run: python -m benchmarks [--repeat N] [--growth] [--only NAME]

The same models, from formula and table to a fit, by lmm and by whichever peers are installed:
statsmodels (small ones only), glmm and mixedlm from PyPI, lme4 where Rscript is. Prints medians in
milliseconds, ratios to lmm, and how far each criterion lies from ours; then Tukey's p-values of a
table of pairs against scipy's. --growth fits exponents of time against N at fixed q and against q
at fixed N, and prints peak memory.
"""

import argparse
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from scipy import stats

import lmm
from benchmarks.tables import insteval, nested, slopes
from lmm.inference import multiplicity

LME4 = """
suppressMessages(library(lme4))
d <- read.csv("{csv}")
for (g in strsplit("{groups}", ",")[[1]]) d[[g]] <- factor(d[[g]])
ms <- c()
for (i in 1:{repeat}) {{
  t <- proc.time()[["elapsed"]]
  m <- lmer({formula}, d)
  ms <- c(ms, proc.time()[["elapsed"]] - t)
}}
cat(median(ms) * 1000, REMLcrit(m))
"""


def models():
    """name -> (formula, table, statsmodels is worth trying)."""
    return {
        "sleepstudy, slopes": ("Reaction ~ Days + (Days | Subject)", lmm.load("sleepstudy"), True),
        "planks, three terms": (
            "humidity ~ width * depth + (1 | plank) + (1 | plank:width) + (1 | plank:depth)",
            lmm.load("planks"), False),
        "crossed, InstEval's shape": ("y ~ 1 + (1 | s) + (1 | d) + (1 | dept)", insteval(), False),
        "1e6 rows, 20,000 slopes": ("y ~ x + (x | g)", slopes(1_000_000, 20_000), False),
        "40,000 patients in 4,000 clinics": (
            "y ~ 1 + (1 | clinic/patient)", nested(40_000, 4_000), False),
    }


def by_lmm(formula, data):
    return lmm.fit(formula, data).criterion


def by_glmm(formula, data):
    import glmm
    fit = glmm.fit(data, formula, satterthwaite=False, reml=True)
    return -2 * fit.loglik


def by_mixedlm(formula, data):
    import mixedlm
    return -2 * float(mixedlm.lmer(formula, data).logLik().value)


def by_statsmodels(formula, data):
    import statsmodels.formula.api as smf
    fixed, effects, group = (formula.replace(" ", "").replace("(", "|").replace(")", "").split("|"))
    return -2 * smf.mixedlm(fixed.rstrip("+"), data, groups=group, re_formula=effects).fit().llf


def by_lme4(formula, data, repeat):
    with tempfile.TemporaryDirectory() as folder:
        csv = Path(folder) / "d.csv"
        data.to_csv(csv, index=False)
        groups = ",".join(data.select_dtypes("category").columns)
        code = LME4.format(csv=csv, groups=groups, formula=formula, repeat=repeat)
        done = subprocess.run(["Rscript", "-e", code], capture_output=True, text=True, check=True)
    ms, criterion = done.stdout.split()
    return float(ms), float(criterion)


def measure(fit, formula, data, repeat):
    """Median milliseconds and the criterion, after one fit to warm up."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")                   # peers' warnings are not what is measured
        criterion = fit(formula, data)
        times = []
        for _ in range(repeat):
            start = time.perf_counter()
            fit(formula, data)
            times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3, criterion


def table(repeat, only=None):
    peers = {"glmm": by_glmm, "mixedlm": by_mixedlm, "statsmodels": by_statsmodels}
    for name, (formula, data, small) in models().items():
        if only and only not in name:
            continue
        times = max(repeat, 20) if len(data) < 1000 else repeat
        ours, criterion = measure(by_lmm, formula, data, times)
        print(f"\n{name}\n  {'lmm':12} {ours:10.1f} ms", flush=True)
        for peer, fit in peers.items():
            if peer != "glmm" and len(data) > 1000 or peer == "statsmodels" and not small:
                continue
            try:
                theirs, value = measure(fit, formula, data, times)
            except Exception as problem:            # a peer that is missing or fails: say so, go on
                print(f"  {peer:12} {type(problem).__name__}: {str(problem)[:90]}")
                continue
            line(peer, theirs, ours, value - criterion)
        if shutil.which("Rscript"):
            theirs, value = by_lme4(formula, data, times)
            line("lme4", theirs, ours, value - criterion)


def line(peer, theirs, ours, difference):
    print(f"  {peer:12} {theirs:10.1f} ms   lmm / {peer} {ours / theirs:6.2f}   "
          f"criterion {difference:+.1e}")


def tails(repeat):
    """Tukey's p-values of all pairs of the planks' 15 means."""
    model = lmm.fit(*models()["planks, three terms"][:2])
    pairs = model.pairs("depth:width")
    q, k, df = np.sqrt(2) * pairs["t"].abs(), 15, pairs["df"]
    ours = measure(lambda *_: multiplicity.tukey_p(q, k, df), None, None, repeat)[0]
    theirs = measure(lambda *_: stats.studentized_range.sf(q, k, df), None, None, repeat)[0]
    print(f"\nTukey's p-values of {len(q)} pairs\n  {'lmm':12} {ours:10.1f} ms")
    print(f"  {'scipy':12} {theirs:10.1f} ms   lmm / scipy {ours / theirs:6.3f}")


def growth():
    """Exponents of time against N (fixed q) and q (fixed N), and peak memory."""
    sizes = [50_000, 100_000, 200_000, 400_000, 800_000]
    ms = [measure(by_lmm, "y ~ x + (x | g)", slopes(n, 1_000), 3)[0] for n in sizes]
    print("\nslopes, q = 2,000:", ", ".join(f"{n:,} rows {t:.0f} ms" for n, t in zip(sizes, ms)),
          f"-> time ~ N^{np.polyfit(np.log(sizes), np.log(ms), 1)[0]:.2f}")
    levels = [2_500, 5_000, 10_000, 20_000, 40_000]
    ms = [measure(by_lmm, "y ~ x + (x | g)", slopes(400_000, q), 3)[0] for q in levels]
    print("slopes, N = 400,000:", ", ".join(f"{q:,} levels {t:.0f} ms" for q, t in zip(levels, ms)),
          f"-> time ~ q^{np.polyfit(np.log(levels), np.log(ms), 1)[0]:.2f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of this process: {peak:.0f} MB")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--repeat", type=int, default=5)
    arguments.add_argument("--growth", action="store_true")
    arguments.add_argument("--only", help="part of a model's name")
    given = arguments.parse_args()
    if given.growth:
        growth()
    else:
        table(given.repeat, given.only)
        tails(given.repeat)
