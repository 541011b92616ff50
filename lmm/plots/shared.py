"""Pictures that several chapters use. Each function draws on an Axes and returns its alt text."""

import numpy as np
import seaborn as sns

from lmm.plots.canvas import COLORS, axes, label, tall_axes, with_unit

MOST_NAMED = 6                                # lines of an interaction that get a marker and a name
MARKERS = "osD^vP"
GAP = 1.2                                   # extra room between two blocks of strips, in main plots


def box(data, x, y, ax=None, title="", unit=""):
    """A box a group with all observations as points.
    data: table; x, y: column names; unit: of y."""
    ax = axes(ax)
    sns.boxplot(data, x=x, y=y, ax=ax, color="white", linecolor=COLORS["data"], width=0.45,
                showfliers=False)
    # points side by side, nothing random
    sns.swarmplot(data, x=x, y=y, ax=ax, color=COLORS["data"], size=4.5)
    label(ax, x, with_unit(y, unit), title)
    medians = data.groupby(x, observed=True)[y].median()
    each = ", ".join(f"{level} {median:.4g}" for level, median in medians.items())
    return f"Box plot of {y} by {x} with all observations as points. Medians: {each}. {title}"


def paired(data, unit, condition, y, ax=None, title="", unit_of_y=""):
    """One line a unit (a tablet, say) from its value under one condition to its value under the
    other."""
    ax = axes(ax)
    wide = data.pivot(index=unit, columns=condition, values=y).dropna()
    for values in wide.to_numpy():
        ax.plot([0, 1], values, "o-", color=COLORS["random"], alpha=0.75, lw=1.3, ms=4)
    ax.plot([0, 1], wide.mean(), "s--", color=COLORS["fixed"], lw=2, ms=7, label="mean")
    ax.set_xticks([0, 1], wide.columns)
    ax.set_xlim(-0.3, 1.3)
    ax.legend(loc="upper right")
    label(ax, condition, with_unit(y, unit_of_y), title)
    first, second = wide.columns
    up = int((wide[second] > wide[first]).sum())
    down = int((wide[second] < wide[first]).sum())
    return (f"{len(wide)} lines, one a {unit}, from {first} to {second}: {up} rise, {down} fall, "
            f"{len(wide) - up - down} stay level; the dashed mean goes from "
            f"{wide[first].mean():.4g} to {wide[second].mean():.4g}. {title}")


def matrix(A, ax=None, title="", rows="", columns="", annotate=None):
    """A matrix as a heat map: zero is white, positive orange, negative blue.
    A DataFrame's names become ticks."""
    ax = axes(ax)
    values = np.asarray(A, dtype=float)
    limit = np.abs(values).max() or 1.0
    colors = ["white", COLORS["random"]]
    low = 0.0
    if values.min() < 0:
        colors = [COLORS["fixed"], *colors]
        low = -limit
    annotate = values.size <= 64 if annotate is None else annotate
    names = {"xticklabels": A.columns, "yticklabels": A.index} if hasattr(A, "columns") else {
        "xticklabels": _every(values.shape[1]), "yticklabels": _every(values.shape[0])}
    sns.heatmap(values, ax=ax, cmap=sns.blend_palette(colors, as_cmap=True), vmin=low, vmax=limit,
                square=len(values) == len(values.T), annot=annotate, fmt=".3g",
                annot_kws={"size": 10}, linewidths=0.5 if values.size <= 400 else 0,
                linecolor="#dddddd", cbar=not annotate, **names)
    ax.tick_params(axis="y", labelrotation=0)
    ax.tick_params(labelsize=10)
    label(ax, columns, rows, title)
    n, k = values.shape
    return (f"Heat map of a {n} by {k} matrix: {int((values != 0).sum())} of {values.size} entries "
            f"are not zero, the largest is {values.max():.4g}. {title}")


def _every(n):
    """Which of n ticks have a number: all of up to 12, every second of up to 20, none of more."""
    return n <= 12 or (2 if n <= 20 else False)


def shrinkage(raw, shrunken, centre, ax=None, title="", xlabel="", n=None):
    """Arrows from each group's own estimate to its BLUP.
    raw, shrunken: Series by group; n: group sizes, if unequal."""
    ax = tall_axes(ax, len(raw))
    order = raw.sort_values().index
    sizes = None if n is None else n.reindex(order)
    for row, level in enumerate(order):
        ax.annotate("", (shrunken[level], row), (raw[level], row),
                    arrowprops={"arrowstyle": "->", "color": COLORS["data"], "shrinkA": 0,
                                "shrinkB": 0})
    most = None if n is None else n.max()
    full = [True] * len(order) if n is None else list(sizes == most)
    own, blup = raw[order].to_numpy(), shrunken[order].to_numpy()
    rows = np.arange(len(order))
    full = np.array(full)
    ax.plot(own[full], rows[full], "o", color=COLORS["data"],
            label="own mean" + ("" if n is None else f", n = {most}"))
    if not full.all():
        fewer = ", ".join(str(k) for k in sorted(sizes[~full].unique()))
        ax.plot(own[~full], rows[~full], "o", mfc="white", mec=COLORS["data"],
                label=f"own mean, n = {fewer}")
    ax.plot(blup, rows, "D", color=COLORS["random"], ms=5, label="BLUP")
    ax.axvline(centre, color=COLORS["fixed"], ls="--", lw=1.5)
    ax.set_yticks(rows, order)
    ax.legend(loc="lower right")
    label(ax, xlabel, raw.index.name or "group", title)
    return (f"{len(order)} groups: an arrow from each group's own mean to its BLUP, all towards "
            f"the dashed line at {centre:.4g}. Own means run from {own.min():.4g} to "
            f"{own.max():.4g}, BLUPs from {blup.min():.4g} to {blup.max():.4g}. {title}")


def intervals(table, estimate="estimate", ax=None, title="", xlabel="", colors=None, zero=False):
    """A point and its interval a row. table: columns `estimate`, lower, upper; its index names the
    rows.

    colors: one name of COLORS a row; zero: draw a line at 0.
    """
    ax = axes(ax)
    colors = colors or ["fixed"] * len(table)
    for row, (name, color) in enumerate(zip(table.index, colors)):
        low, middle, high = table.loc[name, ["lower", estimate, "upper"]].astype(float)
        ax.plot([low, high], [row, row], color=COLORS[color], lw=2.5)
        ax.plot(middle, row, "o", color=COLORS[color], ms=7)
    if zero:
        ax.axvline(0, color=COLORS["data"], ls="--", lw=1)
    ax.set_yticks(range(len(table)), table.index)
    ax.set_ylim(len(table) - 0.4, -0.6)
    label(ax, xlabel, "", title)
    each = "; ".join(f"{name}: {r[estimate]:.4g} ({r['lower']:.4g} to {r['upper']:.4g})"
                     for name, r in table.iterrows())
    return f"A point with its interval for each row. {each}. {title}"


def error_curves(curves, points=None, colors=None, ax=None, title="", labels=("", ""), log=False,
                 names="legend", lowest=False):
    """One line a column of a DataFrame against its index; `points`: a second one (simulated, say),
    drawn as points.

    colors: one name of COLORS a column; names: "legend", or "ends" for a name at each line's right
    end; lowest: mark each line's minimum; log: logarithmic x, with the points' places as ticks.
    """
    ax = axes(ax)
    for column, color in zip(curves, colors or ["random"] * curves.shape[1]):
        values = curves[column]
        ax.plot(values, color=COLORS[color], lw=2, label=column)
        if points is not None:
            ax.plot(points[column], "o", color=COLORS[color], ms=6)
        if lowest:
            ax.plot(values.idxmin(), values.min(), "D", color=COLORS[color], ms=6)
        if names == "ends":
            ax.annotate(f" {column}", (values.index[-1], values.iloc[-1]), va="center", fontsize=10,
                        annotation_clip=False)
    if log:
        ax.set_xscale("log")
        places = curves.index if points is None else points.index
        ax.set_xticks(places, [f"{x:g}" for x in places])
        ax.set_xticks([], minor=True)
    if names == "legend":
        ax.legend()
    label(ax, *labels, title)
    return _curves_told(curves, points, labels, title)


def _curves_told(curves, points, labels, title):
    first, last = curves.index[[0, -1]]
    each = [f"{c} from {v.iloc[0]:.3g} to {v.iloc[-1]:.3g}" +
            (f", lowest {v.min():.3g} at {v.idxmin():.3g}" if v.min() < min(v.iloc[0], v.iloc[-1])
             else "")
            for c, v in curves.items()]
    dots = ""
    if points is not None and points is not curves:
        gap = max(np.abs(np.interp(points.index, v.index, v) - points[c]).max()
                  for c, v in curves.items())
        dots = f" Points at {len(points)} places lie within {gap:.2g} of the lines."
    return (f"{curves.shape[1]} lines of {labels[1]} over {labels[0]} from {first:g} to {last:g}: "
            f"{'; '.join(each)}.{dots} {title}")


def interaction(data, x, lines, y, ax=None, title="", unit="", unit_of_x="", mark=()):
    """R's interaction.plot: the means of y by x, one line a level of `lines`; parallel lines mean
    no interaction.

    data: table; x, lines, y: column names, x numeric (drawn to scale) or a factor (levels side by
    side); unit, unit_of_x: of y and of x. Up to six lines have a marker and a name each, more are
    thin, alike and without names, but for those of the levels in `mark`, drawn dark and named.
    """
    ax = axes(ax)
    means = data.groupby([lines, x], observed=True)[y].mean().unstack(x)             # a row a line
    places = _along(data, means, x, ax)
    if len(means) > MOST_NAMED:
        ax.plot(places, means.T.to_numpy(), "-", color=COLORS["random"], lw=1,
                alpha=0.4 if mark else 0.7)
        heights = means.mean(axis=1).sort_values()
        first, last = (f"{heights.iloc[i]:.4g} ({lines} {heights.index[i]})" for i in (0, -1))
        told = (f"one thin line for each of {len(means)} levels of {lines}; their averages run "
                f"from {first} to {last}")
        if mark:
            marked = means.loc[list(mark)]
            ax.plot(places, marked.T.to_numpy(), "-", color="black", lw=1.8)
            _name_lines(ax, places, marked, lines)
            told += f"; drawn dark: {', '.join(f'{lines} {level}' for level in mark)}"
    else:
        shades = sns.blend_palette(["#5CADD8", COLORS["fixed"], "#00253B"], len(means))
        for (level, values), color, marker in zip(means.iterrows(), shades, MARKERS):
            ax.plot(places, values, marker=marker, color=color, lw=1.6, ms=6,
                    label=f"{lines} {level}")
        _name_lines(ax, places, means, lines)
        told = "; ".join(f"{lines} {level}: " + ", ".join(f"{v:.4g}" for v in row)
                         for level, row in means.iterrows())
    label(ax, with_unit(x, unit_of_x), f"mean {with_unit(y, unit)}", title)
    return (f"Interaction plot: means of {y} at {x} {', '.join(map(str, means.columns))}, {told}. "
            f"{title}")


def _along(data, means, x, ax):
    """Where the levels of x stand: numbers to scale, levels of a factor side by side."""
    if data[x].dtype.kind in "iuf":
        return means.columns.to_numpy(dtype=float)
    ax.set_xticks(range(means.shape[1]), [str(level) for level in means.columns])
    return np.arange(means.shape[1], dtype=float)


def _name_lines(ax, places, means, lines):
    """The name of each line at its right end, moved apart where lines end close together."""
    span = np.ptp(places) or 1.0
    longest = max(len(f"{lines} {level}") for level in means.index)
    ax.set_xlim(places[0] - 0.06 * span, places[-1] + max(0.3, 0.12 + 0.026 * longest) * span)
    ends = means.ffill(axis=1).iloc[:, -1].sort_values()
    gap = 0.07 * np.ptp(ax.get_ylim())                              # the height of a name
    for level, height in zip(ends.index, _apart(ends.to_numpy(), gap)):
        # no grid line through a name
        ax.text(places[-1] + 0.05 * span, height, f"{lines} {level}", color="black", va="center",
                size=10, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5})


def _apart(heights, gap):
    """Sorted heights moved apart, so that neighbours are at least `gap` from each other;
    clusters keep their middle."""
    clusters = []                                                    # (middle, number of names)
    for height in heights:
        clusters.append((height, 1))
        while len(clusters) > 1:
            (low, n), (high, m) = clusters[-2:]
            if high - low >= gap * (n + m) / 2:
                break
            clusters[-2:] = [((low * n + high * m) / (n + m), n + m)]
    return np.concatenate([middle + gap * (np.arange(n) - (n - 1) / 2) for middle, n in clusters])


def strips(data, block, plot, y, ax=None, title="", unit=""):
    """One column of points a main plot, main plots side by side by blocks; marks: their means,
    lines: the blocks' means.

    data: table, a row a sub-plot; block, plot: column names of two factors, whose combinations are
    the main plots; y: column name, best with the treatments taken out already (yield less the mean
    of its treatment); unit: of y. Points of one column that lie close together, away from those of
    the next, say: sub-plots of a main plot are alike.
    """
    ax = axes(ax)
    means = data.groupby([block, plot], observed=True)[y].mean()
    blocks = data.groupby(block, observed=True)[y].mean()
    places = side_by_side(means)
    for key, values in data.groupby([block, plot], observed=True)[y]:
        ax.plot(np.full(len(values), places[key]), values, "o", color=COLORS["data"], ms=4,
                alpha=0.6, mew=0)
    ax.plot(list(places.values()), means, "_", color=COLORS["random"], ms=12, mew=3,
            label=f"mean of a {plot}")
    for row, (level, mean) in enumerate(blocks.items()):
        own = [place for key, place in places.items() if key[0] == level]
        ax.plot([own[0] - 0.6, own[-1] + 0.6], [mean, mean], color=COLORS["fixed"], lw=1.3,
                label=f"mean of a {block}" if row == 0 else None)
    ax.set_xticks([np.mean([p for key, p in places.items() if key[0] == level])
                   for level in blocks.index], blocks.index)
    ax.grid(False, axis="x")
    ax.legend()
    label(ax, f"{block} (a column: a {plot})", with_unit(y, unit), title)
    return _strips_told(means, blocks, data, (block, plot, y), title)


def side_by_side(means):
    """Where each main plot stands: a dict (block, plot) -> place, side by side, with a gap after
    each block."""
    places = {}
    place = 0.0
    before = means.index[0][0]
    for key in means.index:
        place += GAP * (key[0] != before)
        places[key] = place
        before = key[0]
        place += 1
    return places


def _strips_told(means, blocks, data, names, title):
    block, plot, y = names
    apart = means.groupby(level=0, observed=True).agg(np.ptp)
    return (f"{len(data)} points in {len(means)} columns, one a {plot}, in {len(blocks)} groups, "
            f"one a {block}. Means of {y} by {block} run from {blocks.min():.4g} "
            f"({blocks.idxmin()}) to {blocks.max():.4g} ({blocks.idxmax()}); within a {block} the "
            f"means of its columns are {apart.min():.4g} to {apart.max():.4g} apart. {title}")
