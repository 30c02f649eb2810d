"""Identifiers of many schemes: right ones pass, wrong ones say what is wrong and perhaps meant."""

import pytest

from sopro_registry.identifiers import (
    CHECKED_SCHEMES,
    Fault,
    check_gtin,
    check_identifier,
    fold_identifier,
)

# One for each scheme that has rules, and what none has.
RIGHT = [
    ("VATAT", "U38473200"),
    ("VATHU", "14130179"),
    ("VATEL", "094265075"),
    ("VATGR", "094265075"),
    ("VATBE", "0463.006.734"),
    ("VATGB", "800969916"),
    ("VATXX", "anything"),
    ("VATCH", "CHE107787577IVA"),
    ("VATCH", "CHE-107.787.577-MWST"),
    ("VATXI", "110305878"),
    ("NTRAT", "122119m"),
    ("NTRHU", "01-09-562739"),
    ("NTRFR", "90466620300016"),
    ("NTRFR", "732829320"),
    ("NTRNO", "982582709"),
    ("NTRFI", "0245437-2"),
    ("NTRIT", "128475"),
    ("IDCRO", "4267230"),
    ("LEIXG", "213800KUD8LAJWSQ9D15"),
    ("ADOSZAM", "14130179-2-42"),
    ("CEGJEGYZEKSZAM", "01 09 562739".replace(" ", "-")),
    ("EAN", "4006381333931"),
    ("EUID", "ATBRA.122119-000"),
    ("FN", "FN 122119m"),
    ("GTIN", "4006381333931"),
    ("LEI", "213800KUD8LAJWSQ9D15"),
    ("NATIONAL:AT", "122119m"),
    ("NATIONAL:FR", "732 829 320 00074"),
    ("NATIONAL:HU", "01-09-562739"),
    ("SIREN", "732 829 320"),
    ("SIRET", "732 829 320 00074"),
    ("UID", "ATU38473200"),
    ("VAT", "ATU 3847 3200"),
    ("VAT", "CHE-107.787.577 IVA"),
    ("VAT", "EL094265075"),
    ("VAT", "GR094265075"),
    ("ZVR", "any number of a register without rules"),
]


@pytest.mark.parametrize(("scheme", "value"), RIGHT)
def test_takes_what_is_right_and_what_nobody_can_tell(scheme: str, value: str) -> None:
    assert check_identifier(scheme, value) is None


def test_every_scheme_with_rules_is_tried() -> None:
    assert set(CHECKED_SCHEMES) <= {scheme.replace(":", "") for scheme, _ in RIGHT}


@pytest.mark.parametrize(
    ("schemes", "value"),
    [
        (["vatat", "VATat", "VAT-AT", "VAT:AT", "vat at", "Vat/At", "VAT_AT", "VAT\u2013AT",
          "V\u200bATAT", "\uff36\uff21\uff34\uff21\uff34"], "U38473201"),
        (["leixg", "lei", "LEI-XG", "l.e.i."], "213800KUD8LAJWSQ9D16"),
        (["ntrfr", "NTR:FR", "siren", "national fr"], "732829321"),
        (["gtin", "G.T.I.N.", "Ean"], "4006381333932"),
    ],
)  # fmt: skip
def test_a_scheme_is_the_same_however_it_is_written(schemes: list[str], value: str) -> None:
    assert [one for one in schemes if check_identifier(one, value) is None] == []


WRONG = [
    ("VATCZ", "CZ26439395", Fault.CHECK, "repeats the country CZ", "VATCZ-26439395"),
    ("VATUK", "800969916", Fault.CHECK, "is GB, not UK", "VATGB-800969916"),
    ("VATFR", "04432701630", Fault.CHECK, "check digits of a VAT number of FR", ""),
    ("VATEE", "11313216", Fault.CHECK, "is not a VAT number of EE", ""),
    ("VATGB", "800969917", Fault.CHECK, "VAT number of GB", ""),
    ("VATEL", "094265076", Fault.CHECK, "check digits of a VAT number of EL", ""),
    ("VATGR", "garbage", Fault.CHECK, "is not a VAT number of EL", ""),
    ("VATEL", "EL094265075", Fault.CHECK, "repeats the country EL", "VATEL-094265075"),
    ("VATCH", "CHE107787578IVA", Fault.CHECK, "check digits of a VAT number of CH", ""),
    ("VATNO", "NO995525828MVA", Fault.CHECK, "repeats the country NO", "VATNO-995525828MVA"),
    ("VAT", "EL1", Fault.CHECK, "is not a VAT number of EL", ""),
    ("VATIT", " 80425650589", Fault.FORM, "holds a space", "VATIT-80425650589"),
    ("VATIT", "", Fault.FORM, "nothing behind the scheme", ""),
    ("NTRUK", "Metropolitan Police Service", Fault.FORM, "holds a space", ""),
    ("NTRUK", "Care Act 2012 Part 9 Chapter 2", Fault.FORM, "holds a space", ""),
    ("NTRNO", "982582708", Fault.CHECK, "a Norwegian organisation number", ""),
    ("NTRHU", "01-09", Fault.FORM, "01-09-562739", ""),
    ("NTRAT", "x", Fault.FORM, "Firmenbuch", ""),
    ("SIRET", "73282932000075", Fault.CHECK, "a SIRET of 14 digits", ""),
    ("NTRFR", "73282932000075", Fault.CHECK, "a SIRET of 14 digits", ""),
    ("NTRFR", "732829321", Fault.CHECK, "a SIREN of 9 digits", ""),
    ("SIRET", "7328293200007", Fault.CHECK, "is not a SIRET", ""),
    ("LEI", "213800KUD8LAJWSQ9D16", Fault.CHECK, "a legal entity identifier", ""),
    ("VAT", "38473200", Fault.FORM, "behind two letters", ""),
    ("VAT", "ATU38473201", Fault.CHECK, "VAT number of AT", ""),
    ("EUID", "122119", Fault.FORM, "ATBRA.", ""),
    ("GTIN", "4006381333932", Fault.CHECK, "expected 1", "4006381333931"),
    ("EAN", "40063813", Fault.CHECK, "check digit is wrong", "40063812"),
    ("ZVR", "9" * 101, Fault.FORM, "longer than 100", ""),
]


@pytest.mark.parametrize(("scheme", "value", "fault", "says", "meant"), WRONG)
def test_says_what_is_wrong(scheme: str, value: str, fault: Fault, says: str, meant: str) -> None:
    flaw = check_identifier(scheme, value)
    assert flaw is not None
    assert flaw.fault is fault
    assert says in flaw.problem
    assert flaw.suggestion == meant


@pytest.mark.parametrize("value", ["", "1234567", "+4006381333931"[:13], "٤٠٠٦٣٨١٣", "123456789"])
def test_a_trade_item_number_has_so_many_digits(value: str) -> None:
    flaw = check_gtin(value)
    assert flaw is not None
    assert flaw.fault is Fault.FORM


def test_what_is_meant_is_itself_right() -> None:
    for scheme, value, _, _, meant in WRONG:
        if "-" in meant:
            again, _, number = meant.partition("-")
            assert check_identifier(again, number) is None, (scheme, value)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("VATCZ", "CZ26439395"), ("VATCZ", "26439395")),
        (("VATIT", " 80425650589"), ("VATIT", "80425650589")),
        (("VATGR", "094265075"), ("VATEL", "EL094265075")),
        (("SIRET", "732 829 320 00074"), ("siret", "73282932000074")),
        (("NTRAT", "122119M"), ("NTRAT", "122119m")),
        (("vat-at", "U38473200"), ("VATAT", "ATU38473200")),
        (("ntr:at", "122119m"), ("NTRAT", "122119m")),
    ],
)
def test_one_number_is_one_however_it_is_written(
    one: tuple[str, str], other: tuple[str, str]
) -> None:
    assert fold_identifier(*one) == fold_identifier(*other)
    assert fold_identifier(*one) != fold_identifier("NTRXX", one[1])
