"""The first run: who sells, in three answers, as the text of a profile of their own."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from arbkit.core.errors import UsageError
from arbkit.core.marketplaces import MARKETS, market
from arbkit.profit.seller.profile import COUNTRIES, Profile, VatStatus
from arbkit.profit.seller.profile_file import built_in

HOME_QUESTION = f"Where is your business established ({', '.join(MARKETS)})?"
NUMBERS_QUESTION = "In which countries do you have a VAT number (none: leave it empty)?"
RECLAIM_QUESTION = "Do you recover the VAT that you pay when you buy?"
_HEAD = """\
# Who you are, as you answered `arbkit profile init` or the opportunities page. Everything after a # is a comment: it is
# as the built-in seller has it, until you remove the # and make it yours. Then: arbkit profile check
"""


@dataclass(frozen=True, slots=True)
class Answers:
    """Who sells: the home marketplace, the countries with a VAT number, whether input VAT is recovered."""

    home: str
    vat_numbers: tuple[str, ...]
    reclaims: bool

    @classmethod
    def of(cls, home: str, vat_numbers: Iterable[str], *, reclaims: bool) -> Answers:
        """The answers as people type them: codes in any case, several in one text.

        Raises:
            UsageError: a country is unknown, or the answers contradict each other.
        """
        at_home, numbers = home_of(home), numbers_of(vat_numbers)
        if numbers and at_home not in numbers:
            remedy = f"Add {at_home} to them, or name none"
            raise UsageError(
                f"sellers with a VAT number abroad are taken to have one at home, {at_home}, too",
                field="VAT numbers", value=", ".join(numbers), remedy=remedy,
            )  # fmt: skip
        if reclaims and not numbers:
            remedy = f"Name the country of your VAT number, such as {at_home}, or answer that you do not recover it"
            raise UsageError("input VAT is only recovered with one", field="VAT numbers", value="", remedy=remedy)
        return cls(at_home, numbers, reclaims)

    @property
    def vat_status(self) -> VatStatus:
        """What profiles call it."""
        if not self.vat_numbers:
            return "unregistered"
        return "reclaiming" if self.reclaims else "not-reclaiming"


def home_of(typed: str) -> str:
    """The home marketplace that somebody typed.

    Raises:
        UsageError: it is none of ours.
    """
    try:
        return market(typed).code
    except UsageError as error:
        raise UsageError(error.why, field="home", value=typed, remedy=error.remedy) from None


def numbers_of(typed: Iterable[str]) -> tuple[str, ...]:
    """The countries with a VAT number that somebody typed, by code or name, each once; ``GB`` is UK.

    Raises:
        UsageError: one of them is none in which stock may lie.
    """
    words = " ".join(typed).upper()
    for code, one in MARKETS.items():
        words = words.replace(one.name.upper(), code)
    codes = [{"GB": "UK"}.get(code, code) for code in re.findall(r"[^\s,;]+", words)]
    for code in codes:
        if code not in COUNTRIES:
            remedy = f"Use countries of {', '.join(COUNTRIES)}; leave out others, where arbkit has no stock"
            raise UsageError("not a country arbkit knows", field="VAT numbers", value=code, remedy=remedy)
    return tuple(dict.fromkeys(codes))


def profile_text(answers: Answers) -> str:
    """The built-in profile with these answers; all that they do not say is commented out."""
    numbers = ", ".join(f'"{code}"' for code in answers.vat_numbers)
    stated = {
        "name": f'"{answers.home} reseller"',
        "home": f'"{answers.home}"',
        "vat_status": f'"{answers.vat_status}"',
        "registrations": f"[{numbers}]",
    }
    _, _, fields = built_in().partition("\n\n")
    lines = []
    for line in fields.splitlines():
        name = line.partition(" = ")[0]
        if name in stated:
            lines.append(f"{name} = {stated[name]}")
        else:
            lines.append(line if not line or line.startswith("#") else f"# {line}")
    return "\n".join((_HEAD, *lines, ""))


def changes_between(before: Profile, after: Profile) -> list[str]:
    """What another seller's profit is counted with, one line a field."""
    pairs = {
        "home": (before.home, after.home),
        "currency of profit and of your own costs": (before.currency, after.currency),
        "vat_status": (before.vat_status, after.vat_status),
        "VAT numbers": (", ".join(before.registrations), ", ".join(after.registrations) or "none"),
    }
    return [f"{name}: {old} → {new}" for name, (old, new) in pairs.items() if old != new]
