"""The signature on a site's request for admission (SPEC JOIN-1)."""

from typing import Final

from sopro_protocol.encoding import encode
from sopro_protocol.keys import Signer

APPLICATION_CONTEXT: Final = b"sopro-application/1\n"


def sign_application(content: bytes, signer: Signer) -> bytes:
    """Sign a request for admission with the root key it names."""
    return encode([content, signer.sign(APPLICATION_CONTEXT + content)])
