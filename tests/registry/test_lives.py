"""A federation lives while its logs arrive: whatever is done in whatever order, nodes agree.

Hypothesis chooses who does what, legal or not, and which node hears how much of which log when; it
never sees what follows. In the end every node has heard everything, and must say what the model
says: of every entry whether it is void and why, of every label how it stands on every day, whose it
is, and what lies over it.
"""

from collections.abc import Iterable
from random import Random

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.registry.lives import KINDS, PREFIXES, Life
from tests.registry.test_agreement import SOME, check_agreement
from tests.registry.world import World

NODES = 3
SITES = ("at", "hu", "si")
SEEDS = st.integers(0, 2**20)


class Federation(RuleBasedStateMachine):
    """Three sites and a coordinator who write, and three nodes that hear of it."""

    def __init__(self) -> None:
        super().__init__()
        self.life = Life()
        self.nodes = [World.new_node(PREFIXES) for _ in range(NODES)]
        self.heard = [dict.fromkeys(PREFIXES, 0) for _ in range(NODES)]

    @initialize(kinds=SOME)
    def begin(self, kinds: Iterable[str]) -> None:
        self.life = Life(kinds)

    @rule(kind=st.sampled_from(sorted(KINDS)), site=st.sampled_from(SITES), seed=SEEDS)
    def act(self, kind: str, site: str, seed: int) -> None:
        self.life.take(kind, self.life.authors[site], Random(seed))

    @rule(seed=SEEDS)
    def live(self, seed: int) -> None:
        for step in range(seed, seed + 8):
            self.life.live(step)

    @rule(
        node=st.integers(0, NODES - 1),
        log=st.sampled_from(sorted(PREFIXES)),
        count=st.sampled_from((1, 2, 5, 40)),
    )
    def hear(self, node: int, log: str, count: int) -> None:
        self._hear(node, log, count)

    def _hear(self, node: int, log: str, count: int) -> int:
        author, start = self.life.authors[log], self.heard[node][log]
        taken = self.nodes[node].deliver(author.origin, author.entries[start : start + count])
        self.heard[node][log] += taken
        return taken

    def teardown(self) -> None:
        for node in range(NODES):
            # What waits for the coordinator goes on as soon as that is there.
            while sum(self._hear(node, log, 10**6) for log in sorted(PREFIXES, reverse=True)):
                pass
            for log, author in self.life.authors.items():
                assert self.heard[node][log] == len(author.entries), (node, log)
        check_agreement(self.life, self.nodes)


TestFederation = Federation.TestCase
TestFederation.settings = settings(max_examples=30, stateful_step_count=40)
