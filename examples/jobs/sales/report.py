"""One row for each region, as CSV: report.py < {"revenue": {region: {month: …}}, "units": {…}}"""

import csv
import json
import sys
from decimal import Decimal

whole = json.load(sys.stdin, parse_float=Decimal)
rows = csv.writer(sys.stdout, lineterminator="\n")
rows.writerow(["region", "revenue", "units", "best_month"])
for region, months in whole["revenue"].items():
    units = sum(whole["units"][region].values())
    rows.writerow([region, sum(months.values()), units, max(months, key=months.get)])
