"""Mends of what Jupyter Book, the theme and docutils write.

They are for readers with a keyboard, a screen reader or a dark screen.
Each mend says what is wrong; tests/site/test_axe.py and test_reader.py miss it when it is gone.
"""

import re

MENDS = [
    # the title and "Contents" stand a second time as headings, for paper only: paragraphs do
    (r'(<div id="jb-print-docs-body" class="onlyprint">\s*)<h1>(.*?)</h1>',
     r'\1<p class="print-title">\2</p>'),
    (r'(<div id="jb-print-toc">\s*<div>\s*)<h2>(.*?)</h2>',
     r'\1<p class="print-contents">\2</p>'),
    # the link to the front page lies outside all landmarks
    (r'<div class="sidebar-primary-item">(\s*<a class="navbar-brand logo".*?</a>)</div>',
     r'<nav class="sidebar-primary-item" aria-label="Front page">\1</nav>'),
    # names of buttons that differ from the words on them: "Search Ctrl+K", titles of three icons
    (r'(<button class="btn search-button-field [^>]*?) aria-label="Search"', r"\1"),
    (r'(<i class="theme-switch [^>]*?) title="[^"]*"', r"\1"),
    # the bar that opens folded code has another name than its words, and two texts for one thing
    (r'<summary aria-label="Toggle hidden content">\s*<p class="collapsed admonition-title">Show '
     r'code cell (\w+)</p>\s*<p class="expanded admonition-title">.*?</p>\s*</summary>',
     r'<summary><p class="admonition-title">The cell&#8217;s \1</p></summary>'),
    # an empty cell in a table's first row is no heading (Markdown, pandas)
    (r"<th( [^>]*)?>(<p>)?(</p>)?</th>", r"<td></td>"),
    # the references are a list whose children must be items of it
    (r'(<div class="citation" id="[^"]*") role="doc-biblioentry"', r'\1 role="listitem"'),
]
MENDS = [(re.compile(wrong, re.DOTALL), right) for wrong, right in MENDS]


def mend(text):
    """The HTML of a page, mended; what is mended stays as it is."""
    for wrong, right in MENDS:
        text = wrong.sub(right, text)
    return text


def without_thebe(app):
    """Jupyter Book loads sphinx-thebe, unused: it logs errors and names another host."""
    for listeners in app.events.listeners.values():
        for listener in list(listeners):
            if listener.handler.__module__ == "sphinx_thebe":
                app.disconnect(listener.id)
    sheets = app.registry.css_files
    sheets[:] = [sheet for sheet in sheets if sheet[0] != "sphinx-thebe.css"]
