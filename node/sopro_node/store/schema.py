"""The tables of a node's database, in SQLAlchemy Core.

Truth: `setting`, `log`, `entry`, `bundle`, `withheld`, `document`, `application`, `evidence`,
`officer`, `trail`, `answered`, `upload`.
Everything else is an index that `sopro reindex` rebuilds from them. Primary keys lead with the log.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
)
from sqlalchemy import text as literal

metadata = MetaData()


def _key(name: str, kind: type[Integer] | type[Text] | type[LargeBinary]) -> Column[object]:
    return Column(name, kind, primary_key=True, nullable=False, autoincrement=False)


setting = Table(
    "setting",
    metadata,
    _key("name", Text),
    Column("value", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

# One row for each log this node holds: its own and its mirrors.
log = Table(
    "log",
    metadata,
    _key("id", Integer),
    Column("origin", Text, nullable=False, unique=True),
    Column("size", BigInteger, nullable=False),  # entries stored and judged (own: the intent)
    Column("root", LargeBinary, nullable=False),  # root at that size
    Column("checkpoint", LargeBinary, nullable=False),  # signed note served; empty for none
    Column("cursor", LargeBinary, nullable=False),  # registry.tables.Cursor
    Column("ahead", LargeBinary, nullable=False),  # ahead.Ahead; empty for none
)

# Entries after the last full bundle.
entry = Table(
    "entry",
    metadata,
    _key("log", Integer),
    _key("position", Integer),
    Column("data", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

# 256 entries as one zstd frame, and the hash of their subtree.
bundle = Table(
    "bundle",
    metadata,
    _key("log", Integer),
    _key("number", Integer),
    Column("root", LargeBinary, nullable=False),
    Column("entries", LargeBinary, nullable=False),
)

document = Table(
    "document",
    metadata,
    _key("log", Integer),
    _key("position", Integer),
    _key("number", Integer),
    Column("visibility", SmallInteger, nullable=False),  # 0 public, 1 members, 2 parties, 3 site
    Column("key", LargeBinary, nullable=False),
    Column("content", LargeBinary, nullable=False),
)

# Requests for admission, at the coordinator.
application = Table(
    "application",
    metadata,
    _key("site", Text),
    Column("received", BigInteger, nullable=False),
    Column("request", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

# Proof that a log has two histories, as a file that anybody can verify; never deleted.
evidence = Table(
    "evidence",
    metadata,
    _key("id", LargeBinary),
    Column("origin", Text, nullable=False),
    Column("found", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

kind = Table(
    "kind",
    metadata,
    _key("id", Integer),
    Column("family", Text, nullable=False, unique=True),
)

entity = Table(
    "entity",
    metadata,
    _key("log", Integer),
    _key("entity", LargeBinary),
    Column("kind", SmallInteger, nullable=False),
    Column("head", LargeBinary, nullable=False),
    Column("undetermined", SmallInteger, nullable=False),
    Column("state", LargeBinary, nullable=True),
    sqlite_with_rowid=False,
)
# The few entities this version cannot judge; none of the others is in it.
undetermined = Index(
    "undetermined",
    entity.c.undetermined,
    sqlite_where=entity.c.undetermined == 1,
    postgresql_where=entity.c.undetermined == 1,
)

name = Table(
    "name",
    metadata,
    _key("log", Integer),
    _key("family", Text),
    _key("name", Text),
    Column("entity", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
# The labels that were taken over from another site: the only ones that have names.
takeover = Index(
    "takeover",
    name.c.name,
    sqlite_where=name.c.family == "label_decision",
    postgresql_where=name.c.family == "label_decision",
)

label = Table(
    "label",
    metadata,
    _key("number", Text),
    Column("log", Integer, nullable=False),
    Column("entity", LargeBinary, nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("settled", Integer, nullable=False),
    Column("until", Integer, nullable=False),
    Column("year", SmallInteger, nullable=False),
    sqlite_with_rowid=False,
)

# What a directory is searched by (`terms`), kept with the things it is found on: the first eight
# bytes of an organisation's entity and of an offering's, none for the organisation itself.
term = Table(
    "term",
    metadata,
    _key("log", Integer),
    _key("term", Text),
    _key("holder", LargeBinary),
    _key("thing", LargeBinary),
    sqlite_with_rowid=False,
)

# The offerings of each organisation and the labels of each offering; one without has an empty
# number. Beside the number stands what never changes of a label: the rest of its offering's entity
# behind the place, its scheme, and whether it was imported.
listed = Table(
    "listed",
    metadata,
    _key("log", Integer),
    _key("holder", LargeBinary),
    _key("thing", LargeBinary),
    _key("number", Text),
    Column("rest", LargeBinary, nullable=False, server_default=literal("x''")),
    Column("scheme", Text, nullable=False, server_default=""),
    Column("imported", SmallInteger, nullable=False, server_default="0"),
    sqlite_with_rowid=False,
)

# Which public documents are found by their words, and by which: what is dropped with the document.
described = Table(
    "described",
    metadata,
    _key("log", Integer),
    _key("position", Integer),
    Column("holder", LargeBinary, nullable=False),
    Column("thing", LargeBinary, nullable=False),
    Column("terms", Text, nullable=False),
    sqlite_with_rowid=False,
)

# What a line of the directory shows of those whose public documents are here, beside one another
# (`lines`); dropped with the document. The place and the rest behind it are the entity.
shown = Table(
    "shown",
    metadata,
    _key("log", Integer),
    _key("holder", LargeBinary),
    _key("thing", LargeBinary),
    _key("rest", LargeBinary),
    Column("position", Integer, nullable=False),
    Column("line", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

void = Table(
    "void",
    metadata,
    _key("log", Integer),
    _key("position", Integer),
    Column("code", Text, nullable=False),
    Column("message", Text, nullable=False),
    sqlite_with_rowid=False,
)

decision_count = Table(
    "decision_count",
    metadata,
    _key("log", Integer),
    _key("action", Text),
    _key("year", Integer),
    Column("count", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# The same by reason and by the days since the application; -1 where there is none.
decided = Table(
    "decided",
    metadata,
    _key("log", Integer),
    _key("action", Text),
    _key("reason", Text),
    _key("year", Integer),
    _key("days", Integer),
    Column("count", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# Documents that a site has had erased, and the entry that says so: they are never kept again.
erased = Table(
    "erased",
    metadata,
    _key("log", Integer),
    _key("position", Integer),
    _key("number", Integer),
    Column("erasure", Integer, nullable=False),
    Column("deadline", Integer, nullable=False),
    sqlite_with_rowid=False,
)

# The same where who looks after a site that is gone has had it erased: the log it is in, which need
# not be here, its place, and the log and entry that say so. Asked for by where the document is.
orphan_erased = Table(
    "orphan_erased",
    metadata,
    _key("origin", Text),
    _key("position", Integer),
    _key("number", Integer),
    _key("log", Integer),
    Column("erasure", Integer, nullable=False),
    Column("deadline", Integer, nullable=False),
    sqlite_with_rowid=False,
)

# Entries whose bytes are kept and shown no more, what holds instead, and the record that says so.
withheld = Table(
    "withheld",
    metadata,
    _key("log", Integer),
    _key("position", Integer),
    Column("leaf", LargeBinary, nullable=False),
    Column("record", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("instead", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

# How the exchange of each log went; kept so that `sopro status` can tell it without the server.
exchange = Table(
    "exchange",
    metadata,
    _key("origin", Text),
    Column("attempted", BigInteger, nullable=False),
    Column("confirmed", BigInteger, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("code", Text, nullable=False),
    Column("message", Text, nullable=False),
    sqlite_with_rowid=False,
)

# What this node's witness cosigned last, by log: nothing is answered before it is here.
witness_head = Table(
    "witness_head",
    metadata,
    _key("origin", Text),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("time", BigInteger, nullable=False),  # POSIX seconds
    Column("note", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

# Cosignatures known of each log, so that a restart need not ask for them again: the newest head
# with all of them, and the newest head that had the quorum of the policy.
cosigned = Table(
    "cosigned",
    metadata,
    _key("origin", Text),
    Column("newest", LargeBinary, nullable=False),
    Column("witnessed", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

# People who may write over the API; `token` is the hash of what they show, absent once revoked.
officer = Table(
    "officer",
    metadata,
    _key("name", Text),
    Column("person", LargeBinary, nullable=False),
    Column("roles", Text, nullable=False),
    Column("token", LargeBinary, nullable=True, unique=True),
    Column("created", BigInteger, nullable=False),
    Column("revoked", BigInteger, nullable=False),  # 0 for never
    sqlite_with_rowid=False,
)

# Who has done what, in the order in which it was done; never leaves the site.
trail = Table(
    "trail",
    metadata,
    _key("number", Integer),
    Column("time", BigInteger, nullable=False),
    Column("officer", Text, nullable=False),
    Column("person", LargeBinary, nullable=False),
    Column("action", Text, nullable=False),
    Column("origin", Text, nullable=False),  # of the log; empty where it is about no record
    Column("position", BigInteger, nullable=False),
    Column("entry_id", LargeBinary, nullable=False),
    Column("remote", Text, nullable=False),
)

# What was answered to a request that named itself, so that it is done once.
answered = Table(
    "answered",
    metadata,
    _key("officer", Text),
    _key("key", Text),
    Column("request", LargeBinary, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("answer", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

# Files on their way into a record.
upload = Table(
    "upload",
    metadata,
    _key("id", LargeBinary),
    Column("officer", Text, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("type", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
)

INDEXES = (
    entity,
    name,
    label,
    term,
    listed,
    described,
    shown,
    void,
    decision_count,
    decided,
    erased,
    orphan_erased,
)
"""The tables that follow from the logs, emptied and filled again by reindex."""

OF_A_LOG = (entry, bundle, document, withheld, *INDEXES)
"""The tables whose rows belong to one log each."""

__all__ = [
    "INDEXES",
    "OF_A_LOG",
    "answered",
    "application",
    "bundle",
    "cosigned",
    "decided",
    "decision_count",
    "described",
    "document",
    "entity",
    "entry",
    "erased",
    "evidence",
    "exchange",
    "kind",
    "label",
    "listed",
    "log",
    "metadata",
    "name",
    "officer",
    "orphan_erased",
    "setting",
    "shown",
    "term",
    "trail",
    "upload",
    "void",
    "withheld",
    "witness_head",
]
