"""A certificate file brought to the page, and the QR code that leads there."""

import io
import re
from collections.abc import Mapping

import pytest
from aiohttp import FormData

from sopro_node import certificate_desk
from sopro_node.web.i18n import LANGUAGES
from sopro_protocol.encoding import decode, encode
from sopro_registry.certificate_file import MAX_CERTIFICATE
from tests.neighbours import let_append
from tests.node.web.conftest import Visit, Visitor
from tests.node.web.page import Page, check_page
from tests.node.web.register import HOSTILE_NUMBER, HUNGARIAN, day, decide, number

SAID = {
    "en": "This certificate is genuine: as of",
    "de": "Dieses Zertifikat ist echt: Das Gütezeichen war gültig",
    "hu": "Ez a tanúsítvány valódi: a védjegy érvényes volt",
}


async def certificate_of(visitor: Visitor, label: str) -> bytes:
    answer = await certificate_desk.certificate(visitor.node, {"number": label})
    return bytes(answer["content"])


async def bring(
    visitor: Visitor,
    content: bytes,
    *,
    name: str = "file",
    status: int = 200,
    path: str = "/verify?lang=en",
    headers: Mapping[str, str] | None = None,
) -> Page:
    form = FormData()
    form.add_field(name, io.BytesIO(content), filename="x.sopro")
    asked = {"Accept": "text/html", **(headers or {})}
    async with visitor.client.post(path, data=form, headers=asked) as answer:
        assert answer.status == status
        assert answer.headers["Cache-Control"] == "no-store"
        assert "ETag" not in answer.headers
        return check_page(await answer.text())


@pytest.mark.parametrize("language", LANGUAGES)
async def test_genuine_certificate_is_said_to_be_so(visit: Visit, language: str) -> None:
    hu = await visit("hu")
    content = await certificate_of(hu, HUNGARIAN)
    page = await bring(hu, content, path=f"/verify?lang={language}")
    assert SAID[language] in page.text
    assert f"/label/{HUNGARIAN}?lang={language}" in page.links


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("suspended", "the label was suspended."),
        ("revoked", "the label was revoked."),
        ("terminated", "the label was ended on request."),
        ("expired", "the label was expired."),
        ("undetermined", "the file does not prove that nothing else was decided"),
    ],
)
async def test_says_what_the_label_was(visit: Visit, status: str, said: str) -> None:
    at = await visit("at")
    page = await bring(at, await certificate_of(at, number(status)))
    assert said in page.text


async def test_certificate_of_another_site_is_checked_too(visit: Visit) -> None:
    hu, at = await visit("hu"), await visit("at")
    assert SAID["en"] in (await bring(at, await certificate_of(hu, HUNGARIAN))).text


async def test_tampered_certificate_is_not_genuine_and_says_why(visit: Visit) -> None:
    hu = await visit("hu")
    let_append(hu.node)
    entity = hu.node.reader.label(HUNGARIAN).entity
    await decide(hu.node, entity, "revoke", reason="misuse_of_mark", appeal_until=day(30))
    fields = decode(await certificate_of(hu, HUNGARIAN), limit=MAX_CERTIFICATE)
    assert isinstance(fields, dict)
    assert "the label was revoked." in (await bring(hu, encode(fields))).text
    fields["decisions"] = fields["decisions"][:1]
    page = await bring(hu, encode(fields))
    assert "This certificate is not genuine" in page.text
    assert "sta.status: certificate: the status tree says otherwise" in page.text
    # What the file leaves out is known here, and not to who has the invite alone.
    del fields["status"]
    page = await bring(hu, encode(fields))
    assert "the label was revoked." in page.text
    assert "holds a later decision than the file" in page.text
    at = await visit("at")
    page = await bring(at, encode(fields))
    assert "the file does not prove that nothing else was decided" in page.text
    assert "holds a later decision than the file" not in page.text


async def test_names_in_a_certificate_are_shown_as_hostile_text(visit: Visit) -> None:
    at = await visit("at")
    page = await bring(at, await certificate_of(at, HOSTILE_NUMBER))
    assert page.all("bdi")
    assert page.all("script", "b") == []


@pytest.mark.parametrize("size", [0, 1, 100, MAX_CERTIFICATE])
async def test_what_is_no_certificate_is_said_to_be_none(visit: Visit, size: int) -> None:
    at = await visit("at")
    assert "This file is not a certificate of a label" in (await bring(at, bytes(size))).text


@pytest.mark.parametrize(
    ("size", "name", "status"),
    [
        (MAX_CERTIFICATE + 1, "file", 413),
        (MAX_CERTIFICATE + 200_000, "file", 413),
        (1, "other", 400),
    ],
)
async def test_what_cannot_be_checked_is_refused_in_words(
    visit: Visit, size: int, name: str, status: int
) -> None:
    at = await visit("at")
    page = await bring(at, bytes(size), name=name, status=status)
    assert "at most 4 MiB" in page.text


@pytest.mark.parametrize(
    ("media_type", "body", "status"),
    [
        ("application/octet-stream", b"x", 415),
        ("multipart/form-data", b"x", 400),
        ("multipart/form-data; boundary=b", b"x", 400),
        ("multipart/form-data; boundary=b", b"--b\r\n\r\n", 400),
        ("multipart/form-data; boundary=b", b"--b--\r\n", 400),
    ],
)
async def test_broken_forms_are_refused_and_are_no_bugs(
    visit: Visit, media_type: str, body: bytes, status: int
) -> None:
    at = await visit("at")
    async with at.client.post("/verify", data=body, headers={"Content-Type": media_type}) as answer:
        assert answer.status == status
        assert answer.content_type == "application/problem+json"


async def test_a_body_of_unknown_length_is_not_read(visit: Visit) -> None:
    at = await visit("at")

    async def pieces() -> "object":
        yield b"--b\r\n"

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    async with at.client.post("/verify", data=pieces(), headers=headers) as answer:
        assert answer.status == 411


async def test_qr_code_on_the_page_opens_the_label_at_its_site(visit: Visit) -> None:
    hu = await visit("hu")
    at = await visit("at")
    page = check_page(await at.read(f"/label/{HUNGARIAN}?lang=en"))
    [image] = page.all("img")
    async with at.client.get(image.attributes["src"]) as answer:
        assert (answer.status, answer.content_type) == (200, "image/svg+xml")
        drawn = await answer.read()
    member = at.node.holdings.directory.membership("hu")
    assert member is not None
    async with hu.client.get(f"/qr/{HUNGARIAN}.svg") as answer:
        assert await answer.read() == drawn
    address = (await certificate_desk.page(at.node, {"number": HUNGARIAN}))["url"]
    assert address == f"{member.urls[0]}/label/{HUNGARIAN}"
    assert re.match(rb"<svg [^>]*>", drawn)


async def test_there_is_no_qr_code_of_what_is_not_there(visit: Visit) -> None:
    at = await visit("at")
    for label in ("SOPRO/AT0/001/99999", "SOPRO/nothing"):
        async with at.client.get(f"/qr/{label}.svg") as answer:
            assert answer.status == 404
