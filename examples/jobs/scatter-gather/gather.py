"""One sample over all regions: gather.py < {region: [variant, …]}"""

import json
import sys

regions = json.load(sys.stdin)
variants = [variant for found in regions.values() for variant in found]
swaps = {"A>G", "G>A", "C>T", "T>C"}
json.dump(
    {
        "variants": len(variants),
        "transitions": sum(variant[-3:] in swaps for variant in variants),
        "by_region": {region: len(found) for region, found in regions.items()},
    },
    sys.stdout,
)
