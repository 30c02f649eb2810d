"""What an operator watches: log lines and metrics."""

import json
import logging
import math
import sys
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from sopro_node import clock
from sopro_node.fence_state import State
from sopro_node.inbox import list_acts
from sopro_node.node import Node
from sopro_node.renewal import due_keys, due_statements
from sopro_node.standing import unwitnessed_seconds

_PLAIN: Final = set(logging.LogRecord("", 0, "", 0, "", None, None).__dict__) | {
    "message",
    "asctime",
    "taskName",
}


class _Lines(logging.Formatter):
    """`time level logger event key=value ...` for people, JSON for machines."""

    def __init__(self, *, is_json: bool) -> None:
        super().__init__()
        self._is_json = is_json

    def format(self, record: logging.LogRecord) -> str:
        fields = {key: value for key, value in record.__dict__.items() if key not in _PLAIN}
        time = clock.format_time(int(record.created * 1000))
        event = record.getMessage()
        trace = self.formatException(record.exc_info) if record.exc_info else ""
        if self._is_json:
            head = {"time": time, "level": record.levelname.lower(), "logger": record.name}
            if trace:
                fields["trace"] = trace
            return json.dumps(head | {"event": event} | fields, default=str)
        pairs = " ".join(f"{key}={value!r}" for key, value in fields.items())
        line = f"{time} {record.levelname.lower():7} {record.name} {event} {pairs}".rstrip()
        return f"{line}\n{trace}" if trace else line


def start_logging(*, level: str, is_json: bool) -> None:
    """Write log lines to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines(is_json=is_json))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.getLogger("alembic").setLevel("WARNING")
    logging.getLogger("asyncio").setLevel("WARNING")


class NodeMetrics(Collector):
    """Metrics read from the node when they are asked for."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def collect(self) -> list[Metric]:
        """Return every metric."""
        node = self._node
        size = GaugeMetricFamily("sopro_log_size", "Entries in a log", labels=["origin"])
        void = GaugeMetricFamily("sopro_log_void", "Void entries in a log", labels=["origin"])
        for held in node.holdings.logs.values():
            size.add_metric([held.origin], held.size)
            void.add_metric([held.origin], held.cursor.voids)
        lag = GaugeMetricFamily(
            "sopro_peer_lag_seconds", "Since a log was last found current", labels=["origin"]
        )
        failures = GaugeMetricFamily(
            "sopro_peer_failures", "Pulls failed since the last good one", labels=["origin"]
        )
        seconds = GaugeMetricFamily(
            "sopro_peer_sync_seconds", "Duration of the last pull", labels=["origin"]
        )
        refusals = CounterMetricFamily(
            "sopro_peer_refusals", "Pulls refused, by reason", labels=["origin", "code"]
        )
        for origin, state in list(node.exchange.peers.items()):
            # Never is longer ago than any limit an alarm may have.
            seconds_ago = state.lag()
            lag.add_metric([origin], math.inf if seconds_ago is None else seconds_ago)
            failures.add_metric([origin], state.failures)
            seconds.add_metric([origin], state.seconds)
            for code, count in list(state.refusals.items()):
                refusals.add_metric([origin, code], count)
        evidence = GaugeMetricFamily(
            "sopro_evidence", "Evidence of two histories that stands", labels=["origin"]
        )
        for origin in sorted({one.origin for one in node.evidence}):
            evidence.add_metric([origin], len(node.evidence.standing(origin)))
        listeners = GaugeMetricFamily(
            "sopro_event_listeners", "Open event streams", value=node.hub.listeners
        )
        today = node.desk.today()
        outstanding = GaugeMetricFamily(
            "sopro_erasures_unconfirmed", "Erasures not confirmed by every member", labels=["late"]
        )
        outstanding_now = node.receipts.outstanding(today=today)
        waiting = [today > one.erased.deadline for one in outstanding_now]
        for late in (False, True):
            outstanding.add_metric([str(late).lower()], waiting.count(late))
        fence = GaugeMetricFamily(
            "sopro_fence_open",
            "Whether this node's own log takes records",
            value=int(node.fence.state is State.OPEN),
        )
        return [
            size,
            void,
            lag,
            failures,
            seconds,
            refusals,
            evidence,
            listeners,
            outstanding,
            fence,
            GaugeMetricFamily(
                "sopro_inbox", "Acts that wait for this site's people", value=len(list_acts(node))
            ),
            *_renewing(node),
            *_witnessing(node),
        ]


def _renewing(node: Node) -> list[Metric]:
    """Return how long it is until keys and statements of conformance are to be renewed."""
    keys = GaugeMetricFamily(
        "sopro_key_renewal_seconds",
        "Until a key of this site is to be replaced; below 0 after it",
        labels=["role", "key"],
    )
    for one in due_keys(node):
        if one.key is not None:
            keys.add_metric([one.key.role, one.key.key_id.hex()[:16]], one.seconds)
    statements = GaugeMetricFamily(
        "sopro_conformance_seconds",
        "Until a member's statement of conformance ends; below 0 after it",
        labels=["site"],
    )
    for one in due_statements(node):
        statements.add_metric([one.site], one.seconds)
    return [keys, statements]


def _witnessing(node: Node) -> list[Metric]:
    """Return what there is to say of witnesses: those this node asks, and itself."""
    witnessed = GaugeMetricFamily(
        "sopro_log_witnessed_size", "Entries of a log that are witnessed", labels=["origin"]
    )
    waiting = GaugeMetricFamily(
        "sopro_log_unwitnessed_seconds",
        "Since the oldest head without a quorum was seen",
        labels=["origin"],
    )
    for held in node.holdings.logs.values():
        witnessed.add_metric([held.origin], held.witnessed_size)
        waiting.add_metric([held.origin], unwitnessed_seconds(node, held))
    cosigned = CounterMetricFamily(
        "sopro_witness_cosignatures", "Cosignatures on the own log, by site", labels=["site"]
    )
    refused = CounterMetricFamily(
        "sopro_witness_failures", "Requests to cosign that failed", labels=["site", "code"]
    )
    for site, state in list(node.cosigners.witnesses.items()):
        cosigned.add_metric([site], state.cosigned)
        for code, count in list(state.refusals.items()):
            refused.add_metric([site, code], count)
    answers = CounterMetricFamily(
        "sopro_witness_answers", "Answers of this node's witness", labels=["answer"]
    )
    for answer, count in list(node.witness.answers.items()):
        answers.add_metric([answer], count)
    return [witnessed, waiting, cosigned, refused, answers]


def render_metrics(node: Node) -> bytes:
    """Write the metrics in Prometheus' text form."""
    registry = CollectorRegistry()
    registry.register(NodeMetrics(node))
    return generate_latest(registry)
