"""Files of the site that are no pages of the book.

Front door, 404, robots, sitemap, and the picture of shared links.
"""

import html
import re
from pathlib import Path
from urllib.parse import quote, urlsplit

ICON = Path(__file__).parents[2] / "_static" / "icon.svg"
CARD = "card.png"
CARD_ALT = ("Eighteen people's reaction times against days of short sleep, "
            "with a line for each person and one for all")

FRONT = ("A standard error of 0.066 or 0.115? Mixed linear models by hand and by formula: "
         "chapters that run, and prove each number of the lecture.")

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<title>{title}</title>
<meta name="description" content="{description}" />
<meta property="og:type" content="website" />
<meta property="og:title" content="{title}" />
<meta property="og:description" content="{description}" />
<meta property="og:site_name" content="{site}" />
<link rel="icon" href="data:image/svg+xml,{icon}" />
{head}
<style>
:root {{ color-scheme: light; --ground: #ffffff; --text: #222832; --link: #0072b2; }}
@media screen and (prefers-color-scheme: dark) {{
  :root {{ color-scheme: dark; --ground: #121212; --text: #ced6dd; --link: #7cc4f0; }}
}}
body {{ background: var(--ground); color: var(--text); }}
body {{ font: 1.05rem/1.6 system-ui, sans-serif; \
max-width: 40rem; margin: 0 auto; padding: 2rem 1rem; }}
h1 {{ line-height: 1.2; }}
a {{ color: var(--link); }}
a:focus-visible, input:focus-visible, button:focus-visible \
{{ outline: 3px solid #d55e00; outline-offset: 2px; }}
form {{ display: flex; flex-wrap: wrap; gap: 0.5rem; align-items: center; }}
input, button {{ font: inherit; padding: 0.3rem 0.6rem; max-width: 100%; }}
</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""

NOT_FOUND = """<h1>This page does not exist</h1>
<p>The address may be mistyped, or the page may have moved. Look for it in the book, or begin at
<a href="{root}book/index.html">the front page</a>.</p>
<form action="{root}search.html" role="search">
<label for="q">Search the book</label> \
<input id="q" name="q" type="search" required /> <button>Search</button>
</form>
<h2>The chapters</h2>
<ol>
{chapters}
</ol>"""


def write(app, out):
    """Write the files into the folder of the site."""
    url = app.config.html_baseurl
    (out / "index.html").write_text(front_door(app), encoding="utf-8")
    (out / "404.html").write_text(not_found(app), encoding="utf-8")
    (out / "robots.txt").write_text(robots(url), encoding="utf-8")
    (out / "sitemap.xml").unlink(missing_ok=True)        # of an earlier build that knew an address
    if url:
        text = sitemap(url, sorted(app.env.found_docs))
        (out / "sitemap.xml").write_text(text, encoding="utf-8")
    card(out / "_static" / CARD, app.config.html_title)


def front_door(app):
    """The root of the site: leads on to the front page, by a link where the browser does not."""
    title = html.escape(app.config.html_title)
    head = ['<meta http-equiv="refresh" content="0; url=book/index.html" />']
    if app.config.html_baseurl:
        head.append(f'<link rel="canonical" href="{app.config.html_baseurl}book/index.html" />')
    body = f'<h1>{title}</h1>\n<p><a href="book/index.html">Open the book</a></p>'
    return PAGE.format(title=title, site=title, icon=icon(), head="\n".join(head), body=body,
                       description=FRONT)


def not_found(app):
    """A page in one piece: no relative address would hold at all the addresses that show it."""
    root = urlsplit(app.config.html_baseurl).path or "/"
    titles = {name: html.escape(app.env.titles[name].astext())
              for name in sorted(app.env.found_docs) if re.match(r"book/\d\d_", name)}
    chapters = [f'<li><a href="{root}{name}.html">{title}</a></li>'
                for name, title in titles.items()]
    body = NOT_FOUND.format(root=root, chapters="\n".join(chapters))
    description = "There is no page at this address; the chapters of the book are listed here."
    return PAGE.format(title="Page not found", site=html.escape(app.config.html_title), icon=icon(),
                       head='<meta name="robots" content="noindex" />', body=body,
                       description=description)


def icon():
    """The site's icon inside an address: a page in one piece asks for no file."""
    return quote(ICON.read_text(encoding="utf-8"))


def robots(url):
    """All may read all. (Search engines look for this file only at the root of a host.)"""
    return "User-agent: *\nAllow: /\n" + (f"Sitemap: {url}sitemap.xml\n" if url else "")


def sitemap(url, pages):
    addresses = [html.escape(f"{url}{page}.html") for page in pages]
    places = "\n".join(f"<url><loc>{address}</loc></url>" for address in addresses)
    return ('<?xml version="1.0" encoding="UTF-8"?>\n'
            f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{places}\n</urlset>\n')


def card(path, title):
    """The picture of shared links, 1200 by 630: people's lines and the line of all."""
    import lmm
    from lmm.plots.canvas import COLORS
    from matplotlib.figure import Figure
    people = lmm.load("sleepstudy")
    fit = lmm.fit("Reaction ~ Days + (Days | Subject)", people)
    figure = Figure(figsize=(12, 6.3), dpi=100, facecolor="white")
    ax = figure.add_axes([0.52, 0.1, 0.45, 0.8])
    ax.plot(people["Days"], people["Reaction"], "o", color=COLORS["data"], ms=3, alpha=0.5)
    for _, rows in people.assign(line=fit.fittedvalues).groupby("Subject", observed=True):
        ax.plot(rows["Days"], rows["line"], color=COLORS["random"], lw=1.5, alpha=0.8)
    days = people["Days"].drop_duplicates()
    ax.plot(days, fit.fe_params.iloc[0] + fit.fe_params.iloc[1] * days, color=COLORS["fixed"], lw=6)
    ax.set_axis_off()
    words = title.split(", ", 1)
    figure.text(0.05, 0.6, words[0].replace("linear models", "\nlinear models"), size=46,
                weight="bold", color="#222222", va="center", linespacing=1.15)
    figure.text(0.05, 0.36, words[-1], size=26, color=COLORS["fixed"], va="center")
    figure.text(0.05, 0.2, "A book that runs, with the package lmm", size=18, color=COLORS["data"],
                va="center")
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, metadata={"Software": None})
