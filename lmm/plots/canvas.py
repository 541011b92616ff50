"""The language of all pictures: a palette with fixed meanings, the book's look, and labelled
axes."""

import matplotlib.pyplot as plt
import seaborn as sns

# Okabe and Ito's palette, told apart by all readers; each colour has one meaning in the whole book
COLORS = {"data": "#555555", "fixed": "#0072B2", "random": "#D55E00", "residual": "#009E73",
          "wrong": "#CC79A7"}


def style():
    """Set the book's look: small figures with large type, white ground, readable on a phone."""
    sns.set_theme(style="whitegrid", palette=list(COLORS.values()), rc={
        "figure.figsize": (5.5, 3.7), "figure.dpi": 130, "axes.titlesize": 11,
        "axes.titlelocation": "left", "axes.labelsize": 11, "xtick.labelsize": 10,
        "ytick.labelsize": 10, "legend.fontsize": 10})


def axes(ax):
    """The Axes given, or new ones."""
    return plt.subplots()[1] if ax is None else ax


def tall_axes(ax, rows):
    """The Axes given, or new ones, tall enough for the names of so many rows."""
    return plt.subplots(figsize=(5.5, max(3.7, 1.2 + 0.2 * rows)))[1] if ax is None else ax


def label(ax, x, y, title):
    """Names of both axes, with units, and the finding as title."""
    ax.set(xlabel=x, ylabel=y)
    ax.set_title(title, wrap=True)


def label_panels(figure, grid, used, labels, title):
    """The same for a grid of small panels, of which the first `used` are drawn in."""
    for ax in list(grid.flat)[used:]:
        ax.set_visible(False)
    for ax in grid[-1]:
        ax.set_xlabel(labels[0])
    figure.supylabel(labels[1], fontsize=11)
    figure.suptitle(title, x=0.02, ha="left", fontsize=11)


def with_unit(name, unit):
    return f"{name} ({unit})" if unit else name
