"""Foreign text made harmless: names that a stranger chose, before they stand in a sentence, a page or a table.

Does: shows control, direction-changing and undecodable characters as escapes; hides what may be a citizen service
number in a name.
Touches: nothing.
Does not: escape for HTML (the templates do), quote for CSV (tables does) or repair a name.
"""

import re

from gateway.domain.lifecycle import NINE_DIGITS, passes_eleven_test

UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)
LONGEST_NAME = 255  # a longer one was refused, and a page is no place for all of it


def visible(text: str) -> str:
    """The text on one line, every character to be seen: a line end becomes `\\x0a`, a byte that is no UTF-8 `\\xff`."""
    return UNSEEN.sub(_escape, text) if UNSEEN.search(text) else text


def masked(name: str) -> str:
    """A file name, visible, in which any nine digits on end that pass the eleven-test are starred out: the same test by
    which a name is refused."""
    shown = visible(starred(name))
    return shown if len(shown) <= LONGEST_NAME else shown[:LONGEST_NAME] + "…"


def starred(text: str) -> str:
    """The text with nine stars for any nine digits on end that pass the eleven-test. Ask it of the text as it came: the
    escape of an unseen character may end in digits, and a longer run is nobody's number."""
    return NINE_DIGITS.sub(_stars, text)


def _stars(match: re.Match[str]) -> str:
    return "*********" if passes_eleven_test(match.group(1)) else match.group(1)


def _escape(match: re.Match[str]) -> str:
    number = ord(match.group())
    if 0xDC80 <= number <= 0xDCFF:
        number -= 0xDC00
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"
