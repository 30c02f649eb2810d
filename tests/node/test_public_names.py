"""What may name an organisation or an offering, and what its website may be."""

import pytest

from sopro_node.documents import structured
from sopro_node.public_names import check_names, check_website
from sopro_protocol.errors import FormatError

BLANK = (" ", "\u00a0", "\u200b", "\u3164", "\u2800 ", "-", "...", "\u202e")


@pytest.mark.parametrize("name", BLANK)
def test_a_name_has_something_to_be_read(name: str) -> None:
    with pytest.raises(FormatError, match="legal_name: expected a name with a letter") as refused:
        check_names("organisation", [structured("organisation", {"legal_name": name})])
    assert refused.value.code == "doc.name"
    names = {"name": {"en": "Chair", "de": name}}
    with pytest.raises(FormatError, match="name in 'de': expected a name with a letter"):
        check_names("offering", [structured("offering", names)])


@pytest.mark.parametrize("name", ["Muster GmbH", "Őrségi", "4711", "味の素", "Ärzte!", "€ 1"])
def test_names_of_every_script_are_names(name: str) -> None:
    check_names("organisation", [structured("organisation", {"legal_name": name})])
    check_names("offering", [structured("offering", {"name": {"hu": name}})])
    check_names("organisation", [structured("organisation", {"description": {"en": " "}})])


@pytest.mark.parametrize(
    "website",
    ["javascript:alert(1)", " JavaScript:alert(1)", "data:text/html,x", "mailto:a@muster.example"],
)
def test_no_website_is_a_program(website: str) -> None:
    with pytest.raises(FormatError, match="expected an http or https address"):
        check_names("organisation", [structured("organisation", {"website": website})])


@pytest.mark.parametrize(
    "website",
    ["https://muster.example", "http://www.müller.example:8080/straße?x=1", "www.muster.example"],
)
def test_what_an_import_brings_may_lack_its_scheme(website: str) -> None:
    check_names("organisation", [structured("organisation", {"website": website})])


@pytest.mark.parametrize(
    ("website", "said"),
    [
        ("www.muster.example", "did you mean 'https://www.muster.example'?"),
        ("javascript:alert(1)", "got 'javascript:alert(1)'"),
        ("https://", "got 'https://'"),
        ("https://muster.example/a b", "expected an http or https address"),
        ("https://muster.example:99999", "expected an http or https address"),
        ("ftp://muster.example", "expected an http or https address"),
    ],
)
def test_what_is_entered_by_hand_is_an_address(website: str, said: str) -> None:
    with pytest.raises(FormatError) as refused:
        check_website(website)
    assert said in str(refused.value)


def test_an_address_is_taken_as_it_is() -> None:
    assert check_website("HTTPS://Muster.example/x") == "HTTPS://Muster.example/x"
