"""Pieces of words that registers are full of, by language: a few letters are enough to know it by.

A file may have one `Straße` and no other letter beyond ASCII; which encoding it is in shows in
that word, and in no count of letters. Pieces stand in small letters, `$` is the end of a word and
`^` its beginning.
"""

import re
from typing import Final

_PIECES: Final = {
    "de": "straße müller bäcker grün möbel ^öko ^für über käse gärtner österreich köln münchen "
    "zürich gebäude schön größe förder behörde träger küche ^tür häus läden stück märz jänner "
    "früh ^süd gemüse mühl bücher ^jäg ^fär köch ^gült tätig ^höf ^schäf",
    "hu": "^név ^cím műhely győr egyesület szövet szőlő hűvös ^pécs közös város érvény gazdaság "
    "társ szám ^fő tőke ^és$ élelm szolgált vállal község térség ^út$ művel mezőg ősi$ ház$",
    "fr": "société école café forêt dévelop numéro départ ^été$ ^née?$ évalu matéri écolog "
    "crédit ière orléan ération énerg qualité château ^hôtel régional",
    "it": "ità$ età$ ertà$ ttà$ perché più$ caffè forlì cantù lunedì ^è$ mondovì",
    "es": "españa ción$ sión$ año dirección código ^número compañía pequeñ josé maría",
    "pt": "ção ções ^não$ ^são pão serviço código união",
    "nordic": "^på$ ^för$ malmö älv århus køb",
    "pl": "łódź spół książ śląsk gdańsk poznań kraków ość ów$ ński ^żyw młyn ący$",
    "cs": "družstvo název město příbram ^řek plzeň číslo země dílna ství$ ský$ žižkov výrob služ",
    "sk": "družstvo názov žilin výrob služ ský$ ^čís dielň",
    "sl": "društvo ^šol ^žup občin številk",
}


def _as_pattern(pieces: str) -> "re.Pattern[str]":
    parts = (one.replace("^", r"\b").replace("$", r"\b") for one in pieces.split())
    return re.compile("|".join(parts))


FAMILIAR: Final = {name: _as_pattern(pieces) for name, pieces in _PIECES.items()}
