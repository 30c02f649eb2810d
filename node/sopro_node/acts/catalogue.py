"""Every act by its name: the one table that the command line, the API and its description read."""

from collections.abc import Mapping
from typing import Final

from sopro_node.acts import (
    assessing,
    classifying,
    complaining,
    deciding,
    erasing,
    publishing,
    registering,
    relating,
    transferring,
)
from sopro_node.acts.act import Act

ACTS: Final[Mapping[str, Act]] = {
    act.name: act
    for act in (
        *registering.ACTS,
        *relating.ACTS,
        *assessing.ACTS,
        *deciding.ACTS,
        *transferring.ACTS,
        *complaining.ACTS,
        *publishing.ACTS,
        *classifying.ACTS,
        *erasing.ACTS,
    )
}
