"""Energy of the string: energy.py < {bead: {x, v}, …}; moving is v²/2 of each bead, tension is stretch²/8"""

import json
import sys

beads = list(json.load(sys.stdin).values())
x = [0, *(bead["x"] for bead in beads), 0]
json.dump(
    {
        "moving": sum(bead["v"] ** 2 for bead in beads) // 2,
        "tension": sum((b - a) ** 2 for a, b in zip(x, x[1:])) // 8,
    },
    sys.stdout,
)
