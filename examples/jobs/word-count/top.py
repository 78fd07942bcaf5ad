"""The N most frequent words of all texts: top.py N < counts.json

counts[text] is the table that count.awk makes: a list of {"Word": …, "times": …}.
"""

import json
import sys
from collections import Counter

total = Counter()
texts = Counter()
for rows in json.load(sys.stdin).values():
    for row in rows:
        total[row["Word"]] += int(row["times"])
        texts[row["Word"]] += 1

ranked = sorted(total, key=lambda word: (-total[word], word))
top = ranked[: int(sys.argv[1])]
json.dump({word: {"times": total[word], "texts": texts[word]} for word in top}, sys.stdout)
