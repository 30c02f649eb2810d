"""QR codes: the compact form of a certificate, which opens the label's page (SPEC CERT-11)."""

import io
from functools import lru_cache

import segno


def page_address(url: str, number: str) -> str:
    """Return the address of a label's page at a node."""
    return f"{url.rstrip('/')}/label/{number}"


@lru_cache(maxsize=1024)
def draw_qr(text: str) -> bytes:
    """Draw a text as an SVG image; a tenth of it may be soiled and it still reads."""
    out = io.BytesIO()
    segno.make(text, error="m", micro=False, boost_error=False).save(
        out, kind="svg", scale=4, border=4, xmldecl=False, nl=False, light="#fff"
    )
    return out.getvalue()
