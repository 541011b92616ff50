"""Mends of the pages that the theme and docutils write, for readers with a keyboard, a screen reader or a dark screen.

Each mend says what is wrong; tests/test_site_axe.py and tests/test_site_reader.py find out when one is missing.
"""

import re

MENDS = [
    # the title and "Contents" stand a second time as headings, for paper only; there paragraphs do as well (site.css)
    (r'(<div id="jb-print-docs-body" class="onlyprint">\s*)<h1>(.*?)</h1>', r'\1<p class="print-title">\2</p>'),
    (r'(<div id="jb-print-toc">\s*<div>\s*)<h2>(.*?)</h2>', r'\1<p class="print-contents">\2</p>'),
    # the link to the front page lies outside all landmarks
    (r'<div class="sidebar-primary-item">(\s*<a class="navbar-brand logo".*?</a>)</div>',
     r'<nav class="sidebar-primary-item" aria-label="Front page">\1</nav>'),
    # names of buttons that differ from the words on them: "Search Ctrl+K", and the titles of three icons
    (r'(<button class="btn search-button-field [^>]*?) aria-label="Search"', r"\1"),
    (r'(<i class="theme-switch [^>]*?) title="[^"]*"', r"\1"),
    # an empty cell in a table's first row is no heading (Markdown, pandas)
    (r"<th( [^>]*)?>(<p>)?(</p>)?</th>", r"<td></td>"),
    # the references are a list whose children must be items of it
    (r'(<div class="citation" id="[^"]*") role="doc-biblioentry"', r'\1 role="listitem"'),
]


def mend(page):
    """Mend one page in place; what is mended stays as it is."""
    text = page.read_text(encoding="utf-8")
    for wrong, right in MENDS:
        text = re.sub(wrong, right, text, flags=re.DOTALL)
    page.write_text(text, encoding="utf-8")
