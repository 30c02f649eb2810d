"""The roles of officers; a table beside each act says which of them may do it."""

from enum import StrEnum


class OfficerRole(StrEnum):
    """What an officer may do; one who has several may do all of it, in cases of different people.

    Attributes:
        REGISTRAR: keeps the register, takes in applications, complaints and appeals.
        ASSESSOR: evaluates.
        REVIEWER: reviews evaluations.
        DECIDER: decides on labels, and on appeals as one of a panel.
        ADMINISTRATOR: authorises assessors, publishes criteria, reads the trail.
    """

    REGISTRAR = "registrar"
    ASSESSOR = "assessor"
    REVIEWER = "reviewer"
    DECIDER = "decider"
    ADMINISTRATOR = "administrator"
