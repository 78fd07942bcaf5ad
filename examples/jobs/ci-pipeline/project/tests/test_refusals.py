"""What is no number or no numeral is refused."""

import unittest

from roman import from_roman, to_roman


class Refusals(unittest.TestCase):
    def test_numbers(self):
        for number in [0, -1, 4000]:
            with self.assertRaises(ValueError):
                to_roman(number)

    def test_numerals(self):
        for text in ["", "IIII", "IC", "x", "MIM"]:
            with self.assertRaises(ValueError):
                from_roman(text)
