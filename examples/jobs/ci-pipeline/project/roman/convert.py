"""The conversion itself."""

SIGNS = [
    (1000, "M"), (900, "CM"), (500, "D"), (400, "CD"),
    (100, "C"), (90, "XC"), (50, "L"), (40, "XL"),
    (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"),
]


def to_roman(number):
    """The Roman numeral of a number from 1 to 3999."""
    if not 1 <= number <= 3999:
        raise ValueError(f"{number} is not between 1 and 3999")
    text = ""
    for value, sign in SIGNS:
        while number >= value:
            text += sign
            number -= value
    return text


def from_roman(text):
    """The number that a Roman numeral in its usual form stands for."""
    number, rest = 0, text
    for value, sign in SIGNS:
        while rest.startswith(sign):
            number += value
            rest = rest[len(sign):]
    if rest or not number or to_roman(number) != text:
        raise ValueError(f"{text!r} is not a Roman numeral")
    return number
