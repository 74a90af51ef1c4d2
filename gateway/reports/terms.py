"""The general terms of a round, as a text to read before accepting them.

Does: words the terms, Dutch first, English below, from the catalogue (section `terms`, which an administrator may
replace in texts/nl.yaml and texts/en.yaml).
Touches: nothing.
Does not: know who accepted which version.
"""

import codecs

from gateway.domain.model import Consent, DeliveryRound
from gateway.reports.folder import heading, wrap
from gateway.reports.wording import LANGUAGES, Texts

PARAGRAPHS = ("use", "right", "only", "account", "consent", "erased", "accept")


def terms(round_: DeliveryRound, accept_name: str, texts: Texts) -> bytes:
    """The text as UTF-8 with a byte order mark and CRLF, as Notepad likes it. `accept_name`: the file that accepts."""
    parts = [_in(language, round_, accept_name, texts) for language in LANGUAGES]
    return codecs.BOM_UTF8 + "\n\n\n".join(parts).replace("\n", "\r\n").encode()


def _in(language: str, round_: DeliveryRound, accept_name: str, texts: Texts) -> str:
    title = texts.say(language, "terms.title", round=round_.name, version=round_.terms_version)
    consent = "opt_in" if round_.consent is Consent.OPT_IN else "silence"
    said = [
        texts.say(language, f"terms.{consent if name == 'consent' else name}", terms=accept_name) for name in PARAGRAPHS
    ]
    return "\n\n".join([heading(title, "="), *map(wrap, said)]) + "\n"
