"""All samples together: cohort.py < {sample: {region: [variant, …]}}"""

import json
import sys

carriers = {}
for sample, regions in json.load(sys.stdin).items():
    for found in regions.values():
        for variant in found:
            carriers.setdefault(variant, []).append(sample)

shared = sorted((v for v in carriers if len(carriers[v]) > 1), key=lambda variant: int(variant[:-3]))
json.dump({"distinct": len(carriers), "shared": {variant: carriers[variant] for variant in shared}}, sys.stdout)
