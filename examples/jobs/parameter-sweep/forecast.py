"""Forecast each month from those before it (Holt): forecast.py LEVEL TREND < ["112", "118", …]

Prints how far it was off, in thousandths of a visitor. The arithmetic is in fractions, so that every
machine gives the same digits.
"""

import json
import sys
from fractions import Fraction

level_factor, trend_factor = map(Fraction, sys.argv[1:])
series = [Fraction(text) for text in json.load(sys.stdin)]

level, trend, errors = series[0], Fraction(0), []
for value in series[1:]:
    forecast = level + trend
    errors.append(abs(value - forecast))
    before, level = level, level_factor * value + (1 - level_factor) * forecast
    trend = trend_factor * (level - before) + (1 - trend_factor) * trend

json.dump({"mean": int(1000 * sum(errors) / len(errors)), "worst": int(1000 * max(errors))}, sys.stdout)
