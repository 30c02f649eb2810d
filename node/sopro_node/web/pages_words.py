"""What pages say: every word of the registers in a reader's language.

Each table is total over its vocabulary, which a test holds; a word of a newer peer that is in no
table is shown as it is.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

from msgspec import UNSET

from sopro_node.web.i18n import Language, mark, zoned
from sopro_node.web.pages_label import LabelView
from sopro_registry.families.criterion import Body as Criterion
from sopro_registry.queries import UNDETERMINED, TransferState
from sopro_registry.verdict import Judged

_PERCENT: Final = "P1"
_CLOCKS_DIFFER: Final = timedelta(minutes=1)

STATUSES: Final[Mapping[str, str]] = {
    "active": mark("active"),
    "suspended": mark("suspended"),
    "revoked": mark("revoked"),
    "terminated": mark("ended on request"),
    "transferred": mark("transferred"),
    "refused": mark("refused"),
    "expired": mark("expired"),
    "none": mark("not granted yet"),
    UNDETERMINED: mark("cannot be told"),
}
SHAPES: Final[Mapping[str, str]] = {
    "active": "●",
    "suspended": "◐",
    "revoked": "✕",
    "terminated": "■",
    "transferred": "→",
    "refused": "✕",
    "expired": "○",
    "none": "○",
    UNDETERMINED: "?",
}
# In which an end of validity means something: it is still to come, or has come.
BOUNDED: Final = ("active", "suspended", "expired")
OFFERED: Final = mark(
    "This label was handed over to another site, which has not taken it over yet; until then "
    "nobody decides on it."
)
# With the date it holds from, and where that date is not known.
SINCE: Final[Mapping[str, tuple[str, str]]] = {
    "suspended": (
        mark("This label has been suspended since %(since)s and must not be used meanwhile."),
        mark("This label is suspended and must not be used meanwhile; since when is not known."),
    ),
    "revoked": (
        mark("This label was revoked on %(since)s and must no longer be used."),
        mark("This label was revoked and must no longer be used; on which date is not known."),
    ),
    "terminated": (
        mark(
            "This label was ended on %(since)s at its holder’s request and must no longer be used."
        ),
        mark(
            "This label was ended at its holder’s request and must no longer be used; on which "
            "date is not known."
        ),
    ),
    "transferred": (
        mark("This label was transferred to another site on %(since)s; that site decides on it."),
        mark(
            "This label was transferred to another site, which decides on it; on which date is "
            "not known."
        ),
    ),
    "refused": (
        mark("The application for this label was refused on %(since)s."),
        mark("The application for this label was refused; on which date is not known."),
    ),
}
# What a certificate file is worth, where that is no status of the label.
VERDICTS: Final[Mapping[str, str]] = {
    "valid": mark("valid"),
    "stale": mark("out of date"),
    "unproven": mark("not proven to hold"),
    "undetermined": mark("cannot be told"),
    "malformed": mark("not a certificate"),
    "forged": mark("not genuine"),
}
# How it is shown: as a label of this status.
VERDICT_STYLES: Final[Mapping[str, str]] = {
    "valid": "active",
    "stale": "none",
    "unproven": "none",
    "undetermined": UNDETERMINED,
    "malformed": UNDETERMINED,
    "forged": "revoked",
}
VERDICT_SENTENCES: Final[Mapping[str, str]] = {
    "valid": mark("This certificate is genuine: as of %(moment)s the label was valid."),
    "stale": mark("This certificate is genuine, but it says how the label stood %(moment)s."),
    "unproven": mark(
        "The decisions in this file are genuine, but the file does not prove that nothing else "
        "was decided. The page of the label says how it stands."
    ),
    "undetermined": mark(
        "This node cannot judge this certificate: it follows rules that are newer than this "
        "node’s software, which must be upgraded first."
    ),
    "malformed": mark(
        "This file is not a certificate of a label, or it is damaged. Get it once more from the "
        "page of the label."
    ),
    "forged": mark(
        "This certificate is not genuine: what it says is not what the site has signed. Do not "
        "rely on it; the page of the label says how it really stands."
    ),
    "": mark("This certificate is genuine: as of %(moment)s the label was %(status)s."),
}
ACTIONS: Final[Mapping[str, str]] = {
    "grant": mark("granted"),
    "refuse": mark("refused"),
    "renew": mark("renewed"),
    "extend_scope": mark("scope extended"),
    "reduce_scope": mark("scope reduced"),
    "suspend": mark("suspended"),
    "reinstate": mark("reinstated"),
    "revoke": mark("revoked"),
    "terminate_on_request": mark("ended on request"),
    "transfer_in": mark("taken over from another site"),
    "transfer_out": mark("handed over to another site"),
    "correct": mark("corrected"),
}
REASONS: Final[Mapping[str, str]] = {
    "nc_not_closed": mark("a deviation was not corrected in time"),
    "criteria_change": mark("the criteria have changed"),
    "misuse_of_mark": mark("the mark was misused"),
    "refused_surveillance": mark("surveillance was refused"),
    "fees_unpaid": mark("fees were not paid"),
    "false_information": mark("false information was given"),
    "insolvency": mark("insolvency"),
    "holder_request": mark("the holder asked for it"),
    "product_discontinued": mark("the product or service is no longer offered"),
    "complaint_upheld": mark("a complaint was upheld"),
    "appeal_upheld": mark("an appeal was upheld"),
    "other": mark("another reason"),
}
WITHHELD: Final[Mapping[str, str]] = {
    "personal_data": mark("it held personal data"),
    "court_order": mark("a court has ordered it"),
    "mistake": mark("it was logged by mistake"),
    "other": mark("another reason"),
}
KINDS: Final[Mapping[str, str]] = {
    "product": mark("product"),
    "service": mark("service"),
    "production_step": mark("production step"),
    "material_recovery": mark("recovery of material"),
}
MEMBERSHIPS: Final[Mapping[str, str]] = {
    "applicant": mark("has applied"),
    "admitted": mark("admitted"),
    "suspended": mark("membership suspended"),
    "left": mark("has left"),
    "expelled": mark("expelled"),
}
KEY_ROLES: Final[Mapping[str, str]] = {
    "root": mark("root key: names all the others"),
    "log": mark("log key: signs the state of the register"),
    "witness": mark("witness key: vouches for other registers"),
    "registrar": mark("registrar key: signs entries"),
    "decision": mark("decision key: signs decisions on labels"),
    "access": mark("access key: asks other sites for documents"),
}
SCHEME_KINDS: Final[Mapping[str, str]] = {
    "product": mark("products"),
    "service": mark("services"),
    "product+service": mark("products and services"),
}
STANDINGS: Final[Mapping[str, str]] = {
    "proposed": mark("proposed"),
    "active": mark("in force"),
    "deprecated": mark("no longer for new labels"),
}
DIMENSIONS: Final[Mapping[str, str]] = {
    "economic": mark("economic"),
    "ecological": mark("ecological"),
    "regional": mark("regional"),
    "social": mark("social"),
}
OBLIGATIONS: Final[Mapping[str, str]] = {
    "mandatory": mark("must be met"),
    "points": mark("earns points"),
}
JUDGED: Final[Mapping[str, str]] = {
    "threshold": mark("a threshold"),
    "boolean": mark("met or not met"),
    "score": mark("a score"),
    "narrative": mark("a written judgement"),
}
HELD_TO: Final[Mapping[str, str]] = {
    ">=": mark("at least %(value)s"),
    "<=": mark("at most %(value)s"),
    "=": mark("exactly %(value)s"),
}
# By code, then by the first part of a code; "" is everything else.
PROBLEMS: Final[Mapping[str, str]] = {
    "hos.fork": mark(
        "It shows two histories that exclude one another. Nothing of the new one was taken over; "
        "the coordinator must be told."
    ),
    "hos.rollback": mark(
        "It offers an older state than the one it had signed before. Nothing of it was taken over."
    ),
    "hos.unreachable": mark("It cannot be reached; what was verified before is shown."),
    "hos.address": mark(
        "Its address is one that this node does not call; what was verified before is shown."
    ),
    "hos.timeout": mark("It does not answer in time; what was verified before is shown."),
    "hos.status": mark("It answers with an error; what was verified before is shown."),
    "hos.redirect": mark(
        "It sends readers to another address, which is not followed; what was verified before is "
        "shown."
    ),
    "hos.oversize": mark("It sends more than is allowed. Nothing of it was taken over."),
    "hos": mark("What it sends is not what it has signed. Nothing of it was taken over."),
    "sig": mark(
        "Its signature is not by a key the federation knows. Nothing of it was taken over."
    ),
    "ckp": mark("Its signed head is damaged or not its own. Nothing of it was taken over."),
    "mem": mark(
        "Its keys are not those its membership names. Nothing of it was taken over; the "
        "coordinator must be told."
    ),
    "storage-full": mark("This node’s disk is full; nothing more can be taken over."),
    "": mark("The exchange with it fails; what was verified before is shown."),
}
# Titles and advice of error pages: by reason, then by HTTP status; 0 is everything else.
ERRORS: Final[Mapping[str | int, tuple[str, str]]] = {
    "number": (
        mark("No label with this number"),
        mark(
            "No site whose register is here has granted a label with this number. Compare it with "
            "the certificate, letter by letter; it has the form SOPRO/AT0/001/00001. If it is "
            "printed on an offer like this, ask the national site whether it is genuine."
        ),
    ),
    "date": (
        mark("This date is not understood"),
        mark("Write the day as year, month and day, for example 2026-11-22."),
    ),
    "parameter": (
        mark("This page cannot tell that"),
        mark(
            "The address asks for “%(name)s”, which this page does not know. Take it out of the "
            "address, or choose on the page what you look for."
        ),
    ),
    "cursor": (
        mark("This place in the list is not understood"),
        mark("Begin at the first page of the list and follow the links."),
    ),
    "status": (
        mark("No such status"),
        mark("Choose one of the statuses on the page of labels."),
    ),
    "choice": (
        mark("This choice does not exist"),
        mark(
            "The address has something in “%(name)s” that the page of labels does not offer. "
            "Choose there."
        ),
    ),
    "site": (
        mark("No such site"),
        mark("No member of the federation has this code. The page of members lists them."),
    ),
    "file": (
        mark("This file cannot be checked"),
        mark(
            "Choose one certificate file of at most 4 MiB, as the page of a label gives it out, "
            "and try again."
        ),
    ),
    400: (
        mark("This address is not understood"),
        mark("Something in the address is not what this page expects. Go back and try again."),
    ),
    404: (
        mark("There is no such page"),
        mark("Check the address, or look for the label by its certificate number."),
    ),
    405: (
        mark("This page can only be read"),
        mark("Go back and follow a link instead."),
    ),
    503: (
        mark("Not available now"),
        mark("This node cannot answer at the moment. Try again in a minute."),
    ),
    0: (
        mark("This page could not be made"),
        mark("The mistake is on our side and has been noted. Try again later."),
    ),
}


class Words:
    """The words of the pages in one language, as seen from a zone."""

    def __init__(self, language: Language, *, zone: str, now: int) -> None:
        self._language = language
        self._zone = zone
        self._now = now

    def of(self, table: Mapping[str, str], word: str) -> str:
        """Return a word of a table in the reader's language."""
        return self._language.say(table[word]) if word in table else word

    def status(self, word: str) -> str:
        """Name a label's status."""
        return self.of(STATUSES, word)

    def action(self, word: str) -> str:
        """Name a decision."""
        return self.of(ACTIONS, word)

    def day(self, text: str | None) -> str:
        """Write a civil date, or that it is not known."""
        if text is None:
            return self._language.say(mark("date unknown"))
        return self._language.write_day(date.fromisoformat(text))

    def moment(self, time_ms: int) -> str:
        """Write when something was: `14:05, 3 minutes ago`; of what is to come only when."""
        moment, now = zoned(time_ms, self._zone), zoned(self._now, self._zone)
        age = now - moment
        if age < -_CLOCKS_DIFFER:
            return self._language.write_moment(moment, now=now)
        if age < timedelta(seconds=1):
            ago = self._language.say(mark("just now"))
        else:
            ago = self._language.write_age(age)
        return f"{self._language.write_moment(moment, now=now)}, {ago}"

    def problem(self, code: str) -> str:
        """Say what went wrong with another site."""
        known = (key for key in (code, code.split(".", maxsplit=1)[0]) if key in PROBLEMS)
        return self._language.say(PROBLEMS[next(known, "")])

    def verdict(self, judged: Judged) -> str:
        """Name what a certificate file is worth."""
        word = judged.verdict.value
        return self.of(VERDICTS, word) if word in VERDICTS else self.status(word)

    def verdict_sentence(self, judged: Judged) -> str:
        """Say in a sentence what a certificate file is worth."""
        word = judged.verdict.value
        text = VERDICT_SENTENCES.get(word, VERDICT_SENTENCES[""])
        values = {"moment": self.moment(judged.as_of), "status": self.status(word)}
        return self._language.say(text, **values)

    def threshold(self, criterion: Criterion) -> str:
        """Write a criterion's threshold, and on which side of it a value must be; empty without."""
        if criterion.threshold is UNSET:
            return ""
        scale = 0 if criterion.threshold_scale is UNSET else criterion.threshold_scale
        value = criterion.threshold / 10**scale
        if criterion.unit == _PERCENT:
            written = self._language.write_share(value / 100)
        else:
            unit = "" if criterion.unit is UNSET else criterion.unit
            written = f"{self._language.write_number(value)} {unit}".strip()
        return self._language.say(HELD_TO[criterion.operator or ">="], value=written)

    def points(self, criterion: Criterion) -> str:
        """Say how many points a criterion earns at most; empty where it earns none."""
        if criterion.points is UNSET:
            return ""
        return self._language.say(
            mark("at most %(points)s"), points=self._language.write_number(criterion.points)
        )

    def sentence(self, view: LabelView) -> str:
        """Say in a sentence how a label stands."""
        say, answer = self._language.say, view.answer
        if answer.status == UNDETERMINED:
            return say(
                mark(
                    "This node cannot tell how the label stands: its register follows rules that "
                    "are newer than this node’s software, which must be upgraded first."
                )
            )
        if answer.status == "none":
            return say(
                mark(
                    "On this day the label is not granted yet; its grant takes effect on %(first)s."
                ),
                first=self.day(view.granted),
            )
        if answer.status == "active":
            if answer.valid_until is None:
                return say(mark("This label is active; no end of its validity is stated."))
            return say(
                mark("This label is active and valid until %(until)s."),
                until=self.day(answer.valid_until),
            )
        if answer.status == "expired":
            return say(
                mark(
                    "This label has expired: %(until)s was its last day of validity. It must no "
                    "longer be used."
                ),
                until=self.day(answer.valid_until),
            )
        dated, undated = SINCE[answer.status]
        if any(step.state is TransferState.OFFERED for step in answer.transfers):
            dated = undated = OFFERED
        return say(dated, since=self.day(view.since)) if view.since else say(undated)


WATCHED: Final = {
    "LOG-01": mark("The log recomputes to the root that the site has signed."),
    "LOG-05": mark("What was served once has not changed."),
    "LOG-07": mark("The log has only grown since the days before."),
    "CKP-01": mark("Its head has the form that it must have."),
    "CKP-02": mark("Its head is signed with the key that the log names."),
    "SYN-08": mark("Witnesses have cosigned its head within a day."),
    "VER-01": mark("The node serves what it declares."),
}
"""What is tried at every member's address once a day (SPEC CONF-7)."""
