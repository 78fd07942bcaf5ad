"""Both directions, and that they agree."""

import unittest

from roman import from_roman, to_roman


class Convert(unittest.TestCase):
    def test_known(self):
        for number, text in [(1, "I"), (4, "IV"), (14, "XIV"), (1990, "MCMXC"), (2024, "MMXXIV")]:
            self.assertEqual(to_roman(number), text)
            self.assertEqual(from_roman(text), number)

    def test_there_and_back(self):
        for number in range(1, 4000):
            self.assertEqual(from_roman(to_roman(number)), number)

    @unittest.skip("needs the overline signs, which come with 2.0")
    def test_large(self):
        self.assertEqual(to_roman(5000), "V̅")
