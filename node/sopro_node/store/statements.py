"""The statements of the hot paths, compiled once to SQL for the raw driver.

Each is a plain string with positional parameters, in the order its comment names.
"""

from sqlalchemy import and_, bindparam, case, delete, func, select, update
from sqlalchemy import text as literal

from sopro_node.store.compiling import compile_put as _put
from sopro_node.store.compiling import compile_sql as _sql
from sopro_node.store.schema import (
    OF_A_LOG,
    application,
    bundle,
    cosigned,
    decision_count,
    document,
    entity,
    entry,
    erased,
    evidence,
    exchange,
    kind,
    label,
    log,
    name,
    orphan_erased,
    setting,
    void,
    withheld,
    witness_head,
)

_b = bindparam

PUT_SETTING = _put(setting, "name", "value")
GET_SETTING = _sql(select(setting.c.value).where(setting.c.name == _b("name")), "name")

LOGS = _sql(select(log).order_by(log.c.id))
PUT_LOG = _put(log, "id", "origin", "size", "root", "checkpoint", "cursor", "ahead")
SET_LOG = _sql(
    update(log)
    .where(log.c.id == _b("log"))
    .values({name: _b(name) for name in ("size", "root", "checkpoint", "cursor", "ahead")}),
    "size",
    "root",
    "checkpoint",
    "cursor",
    "ahead",
    "log",
)

DROP_LOG = _sql(delete(log).where(log.c.id == _b("log")), "log")
DROP_OF_LOG = [_sql(delete(one).where(one.c.log == _b("log")), "log") for one in OF_A_LOG]

PUT_ENTRY = _put(entry, "log", "position", "data")
GET_ENTRIES = _sql(
    select(entry.c.position, entry.c.data)
    .where(and_(entry.c.log == _b("log"), entry.c.position >= _b("start")))
    .order_by(entry.c.position),
    "log",
    "start",
)
BLANK_ENTRY = _sql(
    update(entry)
    .where(and_(entry.c.log == _b("log"), entry.c.position == _b("position")))
    .values(data=_b("nothing")),
    "nothing",
    "log",
    "position",
)
PUT_WITHHELD = _put(withheld, "log", "position", "leaf", "record", "reason", "instead")
GET_WITHHELD = _sql(
    select(
        withheld.c.position,
        withheld.c.leaf,
        withheld.c.record,
        withheld.c.reason,
        withheld.c.instead,
    )
    .where(withheld.c.log == _b("log"))
    .order_by(withheld.c.position),
    "log",
)
CUT_ENTRIES = _sql(
    delete(entry).where(and_(entry.c.log == _b("log"), entry.c.position < _b("end"))),
    "log",
    "end",
)
PUT_BUNDLE = _put(bundle, "log", "number", "root", "entries")
GET_BUNDLE = _sql(
    select(bundle.c.entries).where(and_(bundle.c.log == _b("log"), bundle.c.number == _b("n"))),
    "log",
    "n",
)
GET_BUNDLE_ROOTS = _sql(
    select(bundle.c.root).where(bundle.c.log == _b("log")).order_by(bundle.c.number), "log"
)

_DOCUMENT = (
    document.c.position,
    document.c.number,
    document.c.visibility,
    document.c.key,
    document.c.content,
)
_THIS_DOCUMENT = and_(
    document.c.log == _b("log"),
    document.c.position == _b("position"),
    document.c.number == _b("number"),
)
_THESE_DOCUMENTS = and_(
    document.c.log == _b("log"),
    document.c.position >= _b("start"),
    document.c.position < _b("end"),
)
PUT_DOCUMENT = _put(document, "log", "position", "number", "visibility", "key", "content")
GET_DOCUMENT = _sql(
    select(document.c.visibility, document.c.key, document.c.content).where(_THIS_DOCUMENT),
    "log",
    "position",
    "number",
)
GET_DOCUMENTS = _sql(
    select(*_DOCUMENT).where(_THESE_DOCUMENTS).order_by(document.c.position, document.c.number),
    "log",
    "start",
    "end",
)
GET_RIDING_DOCUMENTS = _sql(
    select(*_DOCUMENT)
    .where(
        and_(
            _THESE_DOCUMENTS,
            document.c.visibility == 0,
            func.length(document.c.content) <= _b("most"),
        )
    )
    .order_by(document.c.position, document.c.number),
    "log",
    "start",
    "end",
    "most",
)
GET_PUBLIC_DOCUMENTS = _sql(
    select(document.c.position, document.c.content)
    .where(and_(_THESE_DOCUMENTS, document.c.number == 0, document.c.visibility == 0))
    .order_by(document.c.position),
    "log",
    "start",
    "end",
)
AT_ONCE = 100
"""Values of a statement that looks for many."""

_POSITIONS = [f"p{place}" for place in range(AT_ONCE)]
GET_PUBLIC_DOCUMENTS_OF = _sql(
    select(document.c.position, document.c.content).where(
        and_(
            document.c.log == _b("log"),
            document.c.position.in_([_b(name) for name in _POSITIONS]),
            document.c.number == 0,
            document.c.visibility == 0,
        )
    ),
    "log",
    *_POSITIONS,
)
GET_DOCUMENT_HEAD = _sql(
    select(document.c.visibility).where(_THIS_DOCUMENT),
    "log",
    "position",
    "number",
)
HIDE_DOCUMENTS = _sql(
    update(document)
    .where(document.c.visibility < _b("hidden"))
    .values(visibility=document.c.visibility + _b("added")),
    "added",
    "hidden",
)
SHOW_DOCUMENTS = _sql(
    update(document)
    .where(and_(document.c.log == _b("log"), document.c.visibility >= _b("hidden")))
    .values(visibility=document.c.visibility - _b("added")),
    "added",
    "log",
    "hidden",
)
GET_DOCUMENT_PLACES = _sql(
    select(document.c.position, document.c.number)
    .where(_THESE_DOCUMENTS)
    .order_by(document.c.position, document.c.number),
    "log",
    "start",
    "end",
)
CUT_DOCUMENT = _sql(
    delete(document).where(_THIS_DOCUMENT),
    "log",
    "position",
    "number",
)
PUT_ERASED = _put(erased, "log", "position", "number", "erasure", "deadline")
GET_ERASED = _sql(
    select(erased.c.position, erased.c.number, erased.c.erasure, erased.c.deadline)
    .where(erased.c.log == _b("log"))
    .order_by(erased.c.position, erased.c.number),
    "log",
)
PUT_ORPHAN_ERASED = _put(
    orphan_erased, "origin", "position", "number", "log", "erasure", "deadline"
)
GET_ORPHAN_ERASED = _sql(
    select(
        orphan_erased.c.position,
        orphan_erased.c.number,
        orphan_erased.c.erasure,
        orphan_erased.c.deadline,
        orphan_erased.c.origin,
    )
    .where(orphan_erased.c.log == _b("log"))
    .order_by(orphan_erased.c.erasure),
    "log",
)
GET_ERASED_PLACES = _sql(
    select(erased.c.position, erased.c.number)
    .where(erased.c.log == _b("log"))
    .union(
        select(orphan_erased.c.position, orphan_erased.c.number).join(
            log, and_(log.c.origin == orphan_erased.c.origin, log.c.id == _b("also"))
        )
    ),
    "log",
    "also",
)
GET_NUMBER_OF = _sql(select(log.c.id).where(log.c.origin == _b("origin")), "origin")

PUT_APPLICATION = _put(application, "site", "received", "request")
GET_APPLICATIONS = _sql(
    select(application.c.site, application.c.received, application.c.request).order_by(
        application.c.site
    )
)
CUT_APPLICATION = _sql(delete(application).where(application.c.site == _b("site")), "site")

KINDS = _sql(select(kind.c.id, kind.c.family))
PUT_KIND = _put(kind, "id", "family")

PUT_ENTITY = _put(entity, "log", "entity", "kind", "head", "undetermined", "state")
_ENTITY = (entity.c.kind, entity.c.head, entity.c.undetermined, entity.c.state)
GET_ENTITY = _sql(
    select(*_ENTITY).where(and_(entity.c.log == _b("log"), entity.c.entity == _b("entity"))),
    "log",
    "entity",
)
_ENTITIES = [f"e{place}" for place in range(AT_ONCE)]
GET_ENTITIES_OF = _sql(
    select(entity.c.entity, *_ENTITY).where(
        and_(entity.c.log == _b("log"), entity.c.entity.in_([_b(name) for name in _ENTITIES]))
    ),
    "log",
    *_ENTITIES,
)
GET_ENTITIES_OF_KIND = _sql(
    select(entity.c.entity, entity.c.undetermined, entity.c.head, entity.c.state).where(
        and_(entity.c.log == _b("log"), entity.c.kind == _b("kind"))
    ),
    "log",
    "kind",
)

ALL_ENTITIES = _sql(
    select(entity.c.entity, *_ENTITY).where(entity.c.log == _b("log")).order_by(entity.c.entity),
    "log",
)

GET_ENTITY_PAGE = _sql(
    select(entity.c.entity, entity.c.head, entity.c.state)
    .where(
        and_(
            entity.c.log == _b("log"),
            entity.c.entity > _b("after"),
            entity.c.kind == _b("kind"),
            entity.c.state.is_not(None),
        )
    )
    .order_by(entity.c.entity)
    .limit(_b("limit")),
    "log",
    "after",
    "kind",
    "limit",
)

GET_ENTITIES_AT = _sql(
    select(entity.c.entity, *_ENTITY)
    .where(
        and_(
            entity.c.log == _b("log"),
            entity.c.entity >= _b("low"),
            entity.c.entity <= _b("high"),
        )
    )
    .order_by(entity.c.entity),
    "log",
    "low",
    "high",
)
PUT_NAME = _put(name, "log", "family", "name", "entity")
GET_NAME = _sql(
    select(name.c.entity).where(
        and_(name.c.log == _b("log"), name.c.family == _b("family"), name.c.name == _b("name"))
    ),
    "log",
    "family",
    "name",
)

GET_NAMES = _sql(
    select(name.c.entity)
    .where(and_(name.c.log == _b("log"), name.c.family == _b("family")))
    .order_by(name.c.name)
    .limit(_b("limit")),
    "log",
    "family",
    "limit",
)

GET_NAMED_BETWEEN = _sql(
    select(name.c.entity)
    .where(
        and_(
            name.c.log == _b("log"),
            name.c.family == _b("family"),
            name.c.name > _b("low"),
            name.c.name < _b("high"),
        )
    )
    .order_by(name.c.name),
    "log",
    "family",
    "low",
    "high",
)

ALL_NAMES = _sql(
    select(name.c.family, name.c.name, name.c.entity).where(name.c.log == _b("log")), "log"
)

_IS_TAKEOVER = name.c.family == literal("'label_decision'")
_IN_RANGE = and_(_IS_TAKEOVER, name.c.name > _b("low"), name.c.name < _b("high"))
HAS_TAKEOVER = _sql(select(name.c.log).where(_IN_RANGE).limit(1), "low", "high")
GET_TAKEOVER = _sql(
    select(name.c.entity)
    .where(and_(name.c.log == _b("log"), _IN_RANGE))
    .order_by(name.c.name)
    .limit(1),
    "log",
    "low",
    "high",
)
ALL_TAKEOVERS = _sql(select(name.c.name).where(_IS_TAKEOVER).order_by(name.c.name))

PUT_LABEL = _put(label, "number", "log", "entity", "status", "settled", "until", "year")
GET_LABEL = _sql(
    select(label.c.log, label.c.entity).where(label.c.number == _b("number")), "number"
)
GET_LABEL_STATE = _sql(
    select(label.c.log, label.c.entity, entity.c.undetermined, entity.c.head, entity.c.state)
    .join_from(label, entity, and_(entity.c.log == label.c.log, entity.c.entity == label.c.entity))
    .where(label.c.number == _b("number")),
    "number",
)
_NUMBERS = [f"n{place}" for place in range(AT_ONCE)]
GET_LABELS_NUMBERED = _sql(
    select(
        label.c.number,
        label.c.log,
        label.c.entity,
        entity.c.undetermined,
        entity.c.head,
        entity.c.state,
    )
    .join_from(label, entity, and_(entity.c.log == label.c.log, entity.c.entity == label.c.entity))
    .where(label.c.number.in_([_b(name) for name in _NUMBERS])),
    *_NUMBERS,
)
ALL_LABELS = _sql(
    select(
        label.c.entity,
        label.c.number,
        label.c.status,
        label.c.settled,
        label.c.until,
        label.c.year,
    ).where(label.c.log == _b("log")),
    "log",
)
_IN_STATUS = and_(label.c.status >= _b("low"), label.c.status <= _b("high"))
GET_NUMBERS = _sql(select(label.c.number).where(_IN_STATUS).order_by(label.c.number), "low", "high")
GET_NUMBERS_OF = _sql(
    select(label.c.number)
    .where(and_(_IN_STATUS, label.c.log == _b("log")))
    .order_by(label.c.number),
    "low",
    "high",
    "log",
)
LAST_NUMBER = _sql(
    select(func.max(label.c.number)).where(
        and_(label.c.number > _b("low"), label.c.number < _b("high"))
    ),
    "low",
    "high",
)
LAST_NUMBER_OF = _sql(
    select(func.max(label.c.number)).where(
        and_(label.c.number > _b("low"), label.c.number < _b("high"), label.c.log == _b("log"))
    ),
    "low",
    "high",
    "log",
)

PUT_VOID = _put(void, "log", "position", "code", "message")
GET_VOIDS = _sql(
    select(void.c.position, void.c.code, void.c.message)
    .where(and_(void.c.log == _b("log"), void.c.position >= _b("start")))
    .order_by(void.c.position)
    .limit(_b("limit")),
    "log",
    "start",
    "limit",
)

PUT_COUNT = _put(decision_count, "log", "action", "year", "count")
GET_COUNT = _sql(
    select(decision_count.c.count).where(
        and_(
            decision_count.c.log == _b("log"),
            decision_count.c.action == _b("action"),
            decision_count.c.year == _b("year"),
        )
    ),
    "log",
    "action",
    "year",
)
GET_COUNTS = _sql(
    select(
        decision_count.c.log,
        decision_count.c.action,
        decision_count.c.year,
        decision_count.c.count,
    )
)

PUT_EVIDENCE = _put(evidence, "id", "origin", "found", "data")
GET_EVIDENCE = _sql(select(evidence).order_by(evidence.c.found, evidence.c.id))
GET_EVIDENCE_FILE = _sql(select(evidence.c.data).where(evidence.c.id == _b("id")), "id")

PUT_EXCHANGE = _put(exchange, "origin", "attempted", "confirmed", "failures", "code", "message")
GET_EXCHANGES = _sql(select(exchange).order_by(exchange.c.origin))

PUT_WITNESS_HEAD = _put(witness_head, "origin", "size", "root", "time", "note")
CUT_WITNESS_HEAD = _sql(delete(witness_head).where(witness_head.c.origin == _b("origin")), "origin")
GET_WITNESS_HEADS = _sql(select(witness_head).order_by(witness_head.c.origin))

PUT_COSIGNED = _put(cosigned, "origin", "newest", "witnessed")
GET_COSIGNED = _sql(select(cosigned).order_by(cosigned.c.origin))

# Labels whose last decision is effective are counted by their columns; the few that have one
# still to come, or that are asked about an earlier day, are counted from their decisions.
_lapsed = case(
    (and_(label.c.status < 3, label.c.status > 0, label.c.until > 0, label.c.until < _b("day")), 7),
    else_=label.c.status,
)
_status = _lapsed.label("status_now")
COUNT_SETTLED = _sql(
    select(label.c.log, _status, label.c.year, func.count())
    .where(label.c.settled <= _b("settled"))
    .group_by(label.c.log, literal("status_now"), label.c.year),
    "day",
    "settled",
)
GET_UNSETTLED = _sql(
    select(label.c.log, label.c.year, entity.c.state)
    .join_from(label, entity, and_(entity.c.log == label.c.log, entity.c.entity == label.c.entity))
    .where(label.c.settled > _b("day")),
    "day",
)
GET_UNDETERMINED = _sql(
    select(label.c.log, label.c.year, entity.c.state)
    .join_from(entity, label, and_(label.c.log == entity.c.log, label.c.entity == entity.c.entity))
    .where(entity.c.undetermined == 1)
)
GET_LABELS = _sql(
    select(
        label.c.number,
        label.c.log,
        label.c.entity,
        entity.c.undetermined,
        entity.c.head,
        entity.c.state,
    )
    .join_from(label, entity, and_(entity.c.log == label.c.log, entity.c.entity == label.c.entity))
    .where(and_(label.c.number > _b("after"), label.c.number < _b("before")))
    .order_by(label.c.number)
    .limit(_b("limit")),
    "after",
    "before",
    "limit",
)
