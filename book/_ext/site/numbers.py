"""Chapters have the numbers of their files, and figures those of their chapter: "Figure 3.2"."""

import re
from itertools import count

CHAPTER = re.compile(r"(\d\d)_")
ENTRY = re.compile(r'(<li class="toctree-l1[^>]*><a class="[^"]*" '
                   r'href="(?:[./\w]*/)?(\d\d)_[^>]*>)')
CURRENT = re.compile(r'(<li class="toctree-l1 current[^>]*><a class="[^"]*" href="#">)')
CAPTION = re.compile(r'(<figcaption>\s*<p>)(?:<span class="caption-number">.*?</span>)?')
NUMBER = '<span class="chapter-number screen-only">{}</span> '


def number(path, text):
    """The HTML of a page with numbers in the list of chapters, its title and its captions."""
    text = ENTRY.sub(lambda entry: entry[1] + NUMBER.format(int(entry[2])), text)
    chapter = CHAPTER.match(path.name)
    if not chapter:
        return text
    chapter = int(chapter[1])
    text = CURRENT.sub(lambda entry: entry[1] + NUMBER.format(chapter), text)
    title, found, rest = text.partition("<h1>")
    text = title + found + NUMBER.format(chapter) + rest
    figure = count(1)
    return CAPTION.sub(lambda caption: f'{caption[1]}<span class="caption-number">'
                                       f"Figure {chapter}.{next(figure)} </span>", text)
