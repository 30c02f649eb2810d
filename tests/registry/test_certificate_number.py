"""Certificate numbers as people write them."""

import re

import pytest

from sopro_registry.certificate_number import SPELLINGS, fold_number

NUMBER = "SOPRO/AT0/001/00086"
WRITTEN = (
    "SOPRO/AT0/001/00086",
    "sopro/at0/001/00086",
    "  SoPro/At0/001/00086\t\n",
    "\ufeffSOPRO/AT0/001/00086\u200b",
    "SOPRO / AT0 / 001 / 00086",
    "SOPRO-AT0-001-00086",
    "SOPRO\u2013AT0\u2013001\u201300086",
    "SOPRO AT0 001 00086",
    "SOPRO\u00a0AT0\u00a0001\u00a000086",
    "SOPRO.AT0.001.00086",
    "SOPRO\\AT0\\001\\00086",
    "SOPRO_AT0_001_00086",
    "SOPRO\uff0fAT0\uff0f001\uff0f00086",
    "SOPROAT000100086",
)
OTHERS = (
    "",
    "SOPRO",
    "SOPRO/AT0/001/0086",
    "SOPRO/AT/001/00086",
    "SOPRO/AT0/01/00086",
    "SOPRO/AT0/001/0000000086",
    "SOPRO/AT0/001/00086/1",
    "SOPRO/AT0/001/000 86",
    "SOPRO/A T0/001/00086",
    "SOPRO////AT0/001/00086",
    "SOPRO/\u00c4T0/001/00086",
    "SOPRO/AT0/001/\u0660\u0660\u0660\u0668\u0666",
    "\u017fOPRO/AT0/001/00086",
    "SOPRO/AT0/001/00086" + " " * 200,
    "SOPRO/AT0/001/00086;",
)


@pytest.mark.parametrize("text", WRITTEN)
def test_a_number_is_read_however_it_is_written(text: str) -> None:
    assert fold_number(text) == NUMBER
    assert re.fullmatch(SPELLINGS, text)


@pytest.mark.parametrize("text", OTHERS)
def test_what_is_no_number_is_none(text: str) -> None:
    assert fold_number(text) is None
    assert not re.fullmatch(SPELLINGS, text)


def test_a_number_of_a_later_epoch_keeps_its_digits() -> None:
    assert fold_number("sopro-hu0-001-000200001") == "SOPRO/HU0/001/000200001"
