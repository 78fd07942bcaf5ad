"""Prints where the links of a page lead, one a line: `links.py PORT PATH`."""

import html.parser
import sys

from get import get


class Links(html.parser.HTMLParser):
    def handle_starttag(self, tag, attributes):
        if tag == "a":
            print(dict(attributes)["href"].rstrip("/"))


Links().feed(get(*sys.argv[1:]))
