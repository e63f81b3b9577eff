"""Recognises identifiers of natural persons in text. Pure.

Source: GB 11643-1999 (resident identity number, check digit of ISO 7064 MOD 11-2), ISO/IEC 7812-1 (card numbers, Luhn),
Chinese mobile numbering plan (11 digits from 13 to 19).
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK = "10X98765432"
_INVISIBLE = re.compile("[\\s\\-_.·•/\\\\|'\"()\\[\\]{}\\u200b-\\u200f\\u2060\\ufeff\\u00ad]+")
_RESIDENT = re.compile(r"(?=([1-8][0-9]{16}[0-9X]))")
_CARD = re.compile(r"(?<![0-9])(?=([2-6][0-9]{14,18})(?![0-9]))")
_PHONE = re.compile(r"(?<![0-9])(?:\+?86)?(1[3-9][0-9]{9})(?![0-9])")


def normal(text: str) -> str:
    """Return `text` as a reader means it: full-width forms folded, capitals, no spaces, hyphens or invisible characters."""
    return _INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).upper()


def resident_number(digits: str) -> bool:
    """Tell whether 18 characters are a resident identity number: a real birth date and a right check digit."""
    try:
        born = date(int(digits[6:10]), int(digits[10:12]), int(digits[12:14]))
    except ValueError:
        return False
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, digits[:17], strict=True))
    return born.year >= 1850 and _CHECK[total % 11] == digits[17]


def card_number(digits: str) -> bool:
    """Tell whether digits pass the Luhn check."""
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits)))
    return sum(value - 9 * (value > 9) for value in doubled) % 10 == 0


_DETECTORS: Mapping[str, tuple[re.Pattern[str], Callable[[str], bool]]] = {
    "resident_number": (_RESIDENT, resident_number),
    "card_number": (_CARD, card_number),
    "phone_number": (_PHONE, lambda _: True),
}


def identifiers_in(text: str) -> frozenset[str]:
    """Name the kinds of identifier found anywhere in `text`: `resident_number`, `card_number`, `phone_number`."""
    plain = normal(text)
    return frozenset(
        kind for kind, (pattern, holds) in _DETECTORS.items() if any(holds(match.group(1)) for match in pattern.finditer(plain))
    )
