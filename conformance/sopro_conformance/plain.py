"""Words of a candidate, so that they can be written anywhere: on a terminal, in a page, in XML."""


def plain(text: str) -> str:
    """Replace what is no character, or gives orders to whatever shows it."""
    return "".join(one if one.isprintable() or one in "\n\t" else "\ufffd" for one in text)
