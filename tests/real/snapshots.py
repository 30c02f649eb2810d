"""Small snapshots of trusted services, with everything that may be odd in them."""

import csv
import random
from pathlib import Path

SERVICE_COLUMNS = [
    "service_key",
    "country",
    "list_seq",
    "list_issued",
    "scheme_operator",
    "tsp_name",
    "tsp_name_lang",
    "tsp_name_en",
    "tsp_registration_ids",
    "street",
    "postal_code",
    "locality",
    "address_country",
    "service_type",
    "service_name",
    "service_name_lang",
    "status",
    "status_since",
]
EVENT_COLUMNS = [
    "service_key",
    "country",
    "tsp_name",
    "event_no",
    "status_starting_time",
    "status",
    "source",
    "service_type",
]
Row = dict[str, str]

COMPOSED, DECOMPOSED = "é", "e\u0301"
LONG = "x" * 501
STATUSES = ["granted", "accredited", "withdrawn", "neverheardof", "", "gran\x07ted", " granted "]
GOOD_TIMES = [
    "2016-06-30T22:00:00Z",
    "2015-12-31T23:00:00Z",
    "2020-02-29T12:00:00Z",
    "2199-01-01T00:00:00Z",
]
ODD_TIMES = [
    "",
    "2016-06-30 22:00:00Z",
    "2016-06-30T22:00+0200",
    "2016-06-30T22:00:00.123456-23:59",
    "2016-06-30T24:00:00Z",
    "2016-06-30T22:00:00+24:00",
    "2016-06-30T22:00:00+01:75",
    "2016-06-30T22:00:00",
    "2016-06-30",
    "20160630T220000Z",
    "2016-W26-4T22:00:00Z",
    "2016-02-30T22:00:00Z",
    "30.6.2016",
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+02:00",
    "9999-12-31T23:59:59Z",
    "٢٠١٦-06-30T22:00:00Z",
    "2016-06-30T22:00:00Z\x07",
]  # fmt: skip
NUMBERS = ["1", "2", "3", "10", "9", "1", "2", "3"]
ODD_NUMBERS = ["01", "-1", "1.5", "x", "1\x07", "9" * 19, "٣"]
ODD_CELLS = {
    "tsp_name": ["", LONG, "a\x85b", "a\x0bb", COMPOSED, DECOMPOSED, "a\udcffb", "two\r\nlines"],
    "tsp_name_en": ["", LONG, "a\x07b"],
    "tsp_registration_ids": ["", "VATAT-U1|NTRAT-9", f"VATAT-{LONG}", "|||", "-", "a\x07b"],
    "street": [LONG, "a\x07b", "a\udcffb"],
    "postal_code": [LONG, "12\x0b34"],
    "locality": [LONG, "a\x1fb"],
    "address_country": ["Estonia", "be", "uk", "el", "Utopia", "EU", "x" * 600],
    "service_type": ["", "x" * 4001, "a\x07b"],
    "service_name": ["", LONG, "a\x85b", DECOMPOSED],
    "service_name_lang": ["de_AT", "english", "bad lang", "de", "\x07"],
}  # fmt: skip


def write(path: Path, columns: list[str], rows: list[Row], *broken: str) -> Path:
    """Write a file, and behind its rows lines that are none."""
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)
        file.writelines(f"{line}\r\n" for line in broken)
    return path


def write_both(folder: Path, services: list[Row], events: list[Row]) -> tuple[Path, Path]:
    """Write the files of a snapshot."""
    return (
        write(folder / "services.csv", SERVICE_COLUMNS, services),
        write(folder / "events.csv", EVENT_COLUMNS, events),
    )


def event(key: str, country: str, number: str, at: str, status: str) -> Row:
    """Make the row of an event."""
    return {
        "service_key": key,
        "country": country,
        "event_no": number,
        "status_starting_time": at,
        "status": status,
    }


def odd(
    folder: Path,
    countries: list[str],
    *,
    each: int,
    seed: int,
    beside: tuple[list[Row], list[Row]] = ([], []),
) -> tuple[Path, Path]:
    """Write a snapshot in which every column holds what it should not, some of the time."""
    dice = random.Random(seed)
    services, events = map(list, beside)
    for country in countries:
        for number in range(each):
            key = f"{country}-{number}"
            if dice.random() < 0.2:
                key += dice.choice([COMPOSED, "\x07", LONG, "\udcff", "\r\nb"])
            services += _services(dice, key, country)
            events += _events(dice, key, country)
        services.append({"service_key": "", "country": country, "tsp_name": "of no key"})
        events.append(event("", country, "1", GOOD_TIMES[0], "granted"))
        events.append(event("of no service", country, "1", "30.6.2016", "granted"))
    dice.shuffle(services)
    dice.shuffle(events)
    return (
        write(folder / "services.csv", SERVICE_COLUMNS, services, "too,few", f"a{',' * 18}"),
        write(folder / "events.csv", EVENT_COLUMNS, events, "", "too,few", '"a"b,,,,,,,', ",,,,"),
    )


def _services(dice: random.Random, key: str, country: str) -> list[Row]:
    row = {"service_key": key, "country": _spelled(dice, country), "tsp_name": f"Firm {len(key)}"}
    for column, values in ODD_CELLS.items():
        if dice.random() < 0.15:
            row[column] = dice.choice(values)
    return [row, row] if dice.random() < 0.1 else [row]


def _events(dice: random.Random, key: str, country: str) -> list[Row]:
    rows = []
    for _ in range(dice.choice([0, 1, 2, 3, 5])):
        number = dice.choice(NUMBERS if dice.random() < 0.9 else ODD_NUMBERS)
        at = dice.choice(GOOD_TIMES if dice.random() < 0.7 else ODD_TIMES)
        spelled = key.replace(COMPOSED, DECOMPOSED) if dice.random() < 0.5 else key
        row = event(spelled, _spelled(dice, country), number, at, dice.choice(STATUSES))
        rows += [row, row] if dice.random() < 0.1 else [row]
    if rows and dice.random() < 0.05:
        rows.append(event(key, country, "", GOOD_TIMES[0], "granted"))
    return rows


def _spelled(dice: random.Random, country: str) -> str:
    return dice.choice([country] * 8 + [country.lower(), f" {country} "])
