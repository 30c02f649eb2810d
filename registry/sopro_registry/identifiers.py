"""Identifiers of organisations and trade items: are they well formed, and do their digits agree?

An identifier is a scheme and a value. Schemes are those of EN 319 412-1 (three letters and a
country, `VATAT` or `NTRHU`, written `VATAT-U38473200`), or a name alone such as `VAT` or `SIRET`.
What is in no table is any text of one line: nobody can tell whether it is right (SPEC DOC-9).
The arithmetic is python-stdnum's; its sets of rules are versions of the countries' own.
"""

import re
import unicodedata
from collections.abc import Callable
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from stdnum import ean, get_cc_module, lei
from stdnum.at import businessid
from stdnum.cz import dic
from stdnum.dk import cvr
from stdnum.ee import registrikood
from stdnum.eu import vat
from stdnum.exceptions import InvalidChecksum, ValidationError
from stdnum.fi import ytunnus
from stdnum.fr import siren, siret
from stdnum.no import orgnr as no_orgnr
from stdnum.se import orgnr as se_orgnr


class Fault(StrEnum):
    """What is wrong with an identifier."""

    FORM = "form"
    CHECK = "check"


class Flaw(NamedTuple):
    """Why an identifier is not taken.

    Attributes:
        fault: whether it is not written as its scheme writes it, or does not add up.
        problem: for a person, without the identifier.
        suggestion: the identifier that is perhaps meant; empty where nobody can say.
    """

    fault: Fault
    problem: str
    suggestion: str = ""


Check = Callable[[str], Flaw | None]


class _Numbers(Protocol):
    """A module of python-stdnum."""

    def validate(self, number: str, /) -> str: ...


MAX_IDENTIFIER: Final = 100
_SPACES: Final = re.compile(r"\s")
_SEMANTIC: Final = re.compile(r"(VAT|NTR|TIN|PAS|IDC|PNO|LEI)([A-Z]{2})")
_FOLDED: Final = re.compile(r"[\s.\-_/:]")
_VAT_PREFIXES: Final = {"GR": "EL", "UK": "GB"}
_EUROPEAN: Final = frozenset(vat.MEMBER_STATES) - {"gr"} | {"el"}
_HUNGARIAN: Final = re.compile(r"[0-9]{2}-?[0-9]{2}-?[0-9]{6}")
_EUID: Final = re.compile(
    r"[A-Z]{2}[A-Z0-9.]{1,20}\.[A-Z0-9._-]{1,30}(_[0-9]{1,2})?", re.IGNORECASE
)
_TRADE_ITEM: Final = {8, 12, 13, 14}


def check_identifier(scheme: str, value: str) -> Flaw | None:
    """Say what is wrong with an identifier, if anything is (SPEC DOC-9).

    Args:
        scheme: such as `VATAT`, `LEI` or `SIRET`; of a scheme without rules, any text is right.
        value: as it is written, without its scheme.
    """
    if len(value) > MAX_IDENTIFIER:
        return Flaw(Fault.FORM, f"longer than {MAX_IDENTIFIER} characters")
    plain = _plain_scheme(scheme)
    semantic = _SEMANTIC.fullmatch(plain)
    if semantic is None:
        check = _NAMED.get(plain)
        return check(value) if check else None
    return _check_semantic(semantic[1], semantic[2], value)


def _check_semantic(kind: str, country: str, value: str) -> Flaw | None:
    """Check an identifier of EN 319 412-1: no space in it, and the rules of its country."""
    if not value or _SPACES.search(value):
        joined = _SPACES.sub("", value)
        # A name that stands in the place of a number does not become one by closing it up.
        is_number = len(joined) < 2 * sum(map(str.isdigit, joined))
        closed = f"{kind}{country}-{joined}" if is_number else ""
        return Flaw(Fault.FORM, "holds a space" if value else "nothing behind the scheme", closed)
    if kind == "VAT":
        return _check_vat(country, value)
    if kind == "LEI":
        return _check_lei(value)
    national = _TRADE_REGISTERS.get(country) if kind == "NTR" else None
    return national(value) if national else None


def check_gtin(value: str) -> Flaw | None:
    """Say what is wrong with a trade item number of 8, 12, 13 or 14 digits (GTIN, EAN, UPC)."""
    if not (value.isascii() and value.isdecimal() and len(value) in _TRADE_ITEM):
        return Flaw(Fault.FORM, "expected 8, 12, 13 or 14 digits")
    if ean.calc_check_digit(value[:-1]) != value[-1]:
        right = value[:-1] + ean.calc_check_digit(value[:-1])
        return Flaw(Fault.CHECK, f"its check digit is wrong, expected {right[-1]}", right)
    return None


def fold_identifier(scheme: str, value: str) -> str:
    """Return an identifier as it is compared: without space, points, hyphens and case.

    The scheme counts with its country only, and a value that repeats the country does not.
    """
    folded = _FOLDED.sub("", unicodedata.normalize("NFKC", value)).casefold()
    plain = _plain_scheme(scheme)
    semantic = _SEMANTIC.fullmatch(plain)
    if semantic is not None and semantic[1] == "VAT":
        country = _VAT_PREFIXES.get(semantic[2], semantic[2]).casefold()
        return f"vat:{country}{folded.removeprefix(country)}"
    return f"{plain.casefold() or scheme}:{folded}"


def _plain_scheme(scheme: str) -> str:
    """Return a scheme as its letters and digits in capitals: nothing else tells one from another.

    Otherwise `vatat` or `VAT:AT` would be a scheme that has no rules.
    """
    letters = unicodedata.normalize("NFKC", scheme)
    return "".join(one for one in letters if one.isalnum()).upper()


def _checked(module: _Numbers, name: str) -> Check:
    """Make a check of a module of numbers; spaces, points and hyphens are its affair."""

    def check(value: str) -> Flaw | None:
        try:
            module.validate(value)
        except InvalidChecksum:
            return Flaw(Fault.CHECK, f"the check digits of {name} do not add up")
        except ValidationError as error:
            said = str(error).rstrip(".").lower()
            return Flaw(Fault.CHECK, f"is not {name}: {said}")
        return None

    return check


def _check_vat(country: str, value: str) -> Flaw | None:
    """Check a VAT number by the rules of its country."""
    if country == "UK":
        problem = "the prefix of VAT numbers of the United Kingdom is GB, not UK"
        return Flaw(Fault.CHECK, problem, f"VATGB-{value}")
    prefix = _VAT_PREFIXES.get(country, country)
    flaw = _check_vat_of(prefix, value)
    rest = value[len(prefix) :]
    # A Swiss number begins with CHE, which is its own.
    if rest and value.upper().startswith(prefix) and _check_vat_of(prefix, rest) is None:
        problem = f"repeats the country {prefix}, which its scheme has already"
        return Flaw(Fault.CHECK, problem, f"VAT{country}-{rest}")
    return flaw


def _check_vat_of(prefix: str, value: str) -> Flaw | None:
    """Check a VAT number without its country, whose prefix decides by which rules."""
    name = f"a VAT number of {prefix}"
    if prefix.lower() in _EUROPEAN:
        return _checked(vat, name)(f"{prefix}{value}")
    module = get_cc_module(prefix.lower(), "vat")
    return _checked(module, name)(value) if module else None


def _check_plain_vat(value: str) -> Flaw | None:
    """Check a VAT number that begins with its country, as in VIES, or with letters of its own."""
    compact = _FOLDED.sub("", value).upper()
    country, rest = compact[:2], compact[2:]
    if not (country.isascii() and country.isalpha() and rest):
        return Flaw(Fault.FORM, "expected a VAT number behind two letters such as ATU38473200")
    flaw = _check_vat(country, rest)
    return flaw if flaw is None or _check_vat(country, compact) else None


def _check_lei(value: str) -> Flaw | None:
    return _checked(lei, "a legal entity identifier")(value)


def _check_euid(value: str) -> Flaw | None:
    """Hold an EUID to its form: country, register, point, number."""
    if not _EUID.fullmatch(value):
        return Flaw(Fault.FORM, "expected an EUID such as ATBRA.123456-001")
    return None


def _check_hungarian(value: str) -> Flaw | None:
    if not _HUNGARIAN.fullmatch(value):
        return Flaw(Fault.FORM, "expected a company number such as 01-09-562739")
    return None


def _check_austrian(value: str) -> Flaw | None:
    """Hold a number of the Firmenbuch to its form; its letter is no check digit one may compute."""
    if not businessid.is_valid(value):
        return Flaw(Fault.FORM, "expected a number of the Firmenbuch such as FN 122119m")
    return None


_SIRET: Final = _checked(siret, "a SIRET of 14 digits")
_SIREN: Final = _checked(siren, "a SIREN of 9 digits")


def _check_french(value: str) -> Flaw | None:
    """Check a French number: of a business by 9 digits, of one of its places by 14."""
    digits = _FOLDED.sub("", value)
    return _SIRET(value) if len(digits) > 9 else _SIREN(value)


def _check_hungarian_tax(value: str) -> Flaw | None:
    """Check a Hungarian tax number: eight digits, perhaps with kind of tax and county."""
    compact = _FOLDED.sub("", value)
    if compact.isascii() and compact.isdecimal() and len(compact) == 11:
        compact = compact[:8]
    return _check_vat("HU", compact)


_TRADE_REGISTERS: Final[dict[str, Check]] = {
    "AT": _check_austrian,
    "CZ": _checked(dic, "a Czech company number"),
    "DK": _checked(cvr, "a Danish company number"),
    "EE": _checked(registrikood, "an Estonian register code"),
    "FI": _checked(ytunnus, "a Finnish business id"),
    "FR": _check_french,
    "HU": _check_hungarian,
    "NO": _checked(no_orgnr, "a Norwegian organisation number"),
    "SE": _checked(se_orgnr, "a Swedish organisation number"),
}
_NAMED: Final[dict[str, Check]] = {
    "ADOSZAM": _check_hungarian_tax,
    "CEGJEGYZEKSZAM": _check_hungarian,
    "EAN": check_gtin,
    "EUID": _check_euid,
    "FN": _check_austrian,
    "GTIN": check_gtin,
    "LEI": _check_lei,
    "NATIONALAT": _check_austrian,
    "NATIONALFR": _check_french,
    "NATIONALHU": _check_hungarian,
    "SIREN": _SIREN,
    "SIRET": _SIRET,
    "UID": lambda value: _check_vat("AT", _FOLDED.sub("", value).upper().removeprefix("AT")),
    "VAT": _check_plain_vat,
}
CHECKED_SCHEMES: Final = tuple(sorted(_NAMED))
