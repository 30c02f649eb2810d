"""`sopro erase`, and what `sopro status` says of who has not confirmed it."""

from tests.cli.place import Place, sopro

HOLDER = ("--legal-name", "Maria Huber", "--country", "AT")


def test_who_never_took_the_log_is_waited_for_until_the_deadline_only(place: Place) -> None:
    """Nobody serves in this place, so nothing has shown that the coordinator took the log."""
    soon, late = (sopro("organisation", "add", place.at, *HOLDER).stdout.strip() for _ in range(2))
    sopro("erase", place.at, soon, "--reason", "request", "--deadline", "2099-12-31")
    sopro("erase", place.at, late, "--reason", "request", "--deadline", "2026-01-02")
    [line] = [one for one in sopro("status", place.at).stdout.splitlines() if "erasure of" in one]
    assert line.endswith(
        "due by 2099-12-31, not confirmed by eeig (nothing shows that this log was taken by eeig)"
    )
