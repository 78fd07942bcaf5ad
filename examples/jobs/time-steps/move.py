"""One bead, one step further: move.py BEAD < {bead: {x, v}, …}

Both ends of the string are held at 0. All numbers are integers, so every machine gives the same bytes.
"""

import json
import sys

beads = json.load(sys.stdin)
names = list(beads)
place = names.index(sys.argv[1])

me = beads[names[place]]
left = beads[names[place - 1]]["x"] if place > 0 else 0
right = beads[names[place + 1]]["x"] if place + 1 < len(names) else 0
v = me["v"] + (left - 2 * me["x"] + right) // 4
json.dump({"x": me["x"] + v, "v": v}, sys.stdout)
