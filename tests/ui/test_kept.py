"""What a server keeps of its pages is never older than the evidence: whatever happens, in any
order, its pages say what those of a server say that starts now."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.ui.client import Client, client_for
from tests.ui.shelf import (
    ALONE,
    BEGIN,
    FIRST,
    Clock,
    Shelf,
    mlflow_run,
    passed,
)
from venturalitica.audit.statement import run_json
from venturalitica.ledger import Index, Outbox
from venturalitica.ledger.index.cross_check import EDITED
from venturalitica.ledger.lifecycle.prune import plan, prune
from venturalitica.ledger.records.kinds.attachment import Attachment

PAGES = ("/", "/runs", "/runs?light=red", "/runs?kind=all&sort=margin", "/policies", "/runs/0")


class World:
    """A log, and what may happen to it; each method is one event. `pick` chooses what it is of."""

    def __init__(self, folder: Path) -> None:
        self.shelf = Shelf(folder, Clock(BEGIN))
        self.judged = [self.shelf.audit(ALONE, passed(), name="first", trackers=(mlflow_run(),))]

    def one_passes(self, pick: int) -> None:
        run = mlflow_run(run_id=f"{pick:032x}")
        more = {"trackers": (run,)} if pick % 2 else {"retention": "six-months"}
        self.judged.append(self.shelf.audit(ALONE, passed(), name=f"run {pick % 3}", **more))

    def one_fails(self, pick: int) -> None:
        policy = FIRST.replace('"1.0"', f'"1.{pick % 2}"')
        self.judged.append(self.shelf.audit(policy, name=f"run {pick % 3}", retention="six-months"))

    def a_run_ends(self, pick: int) -> None:
        inside = self.judged[pick % len(self.judged)]
        self.shelf.run(inside, run_id=inside.statement["predicate"]["run"]["id"], name="first")

    def it_is_delivered(self, pick: int) -> None:
        entry = self.judged[pick % len(self.judged)]
        for run in entry.statement["predicate"]["trackers"]:
            Outbox(self.shelf.ledger).confirm(entry.index, run["tracker"], run["run_id"])

    def its_delivery_fails(self, pick: int) -> None:
        entry = self.judged[pick % len(self.judged)]
        for run in entry.statement["predicate"]["trackers"]:
            Outbox(self.shelf.ledger).failed(entry.index, "mlflow", run["run_id"], f"no, {pick}")

    def somebody_signs_it_off(self, pick: int) -> None:
        entry = self.judged[pick % len(self.judged)]
        self.shelf.sign_off(entry, ("approved", "rejected")[pick % 2])

    def that_is_erased(self, pick: int) -> None:
        found = [e for e in self.shelf.ledger.entries() if e.record.kind == "approval"]
        if found:
            self.shelf.erase(found[pick % len(found)], reason="asked for")

    def it_is_attached(self, pick: int) -> None:
        entry = self.judged[pick % len(self.judged)]
        made = Attachment(
            entry=entry.index,
            evidence_sha256=entry.evidence_sha256,
            run_id=entry.statement["predicate"]["run"]["id"],
            run=run_json(mlflow_run(run_id=f"{pick:031x}a")),
            how="by hand",
        )
        self.shelf.ledger.append(made.statement(self.shelf.clock.now))

    def keys_change(self, pick: int) -> None:
        self.shelf.rotate(f"reason {pick}")

    def the_old_is_pruned(self, _: int) -> None:
        self.shelf.clock.now += timedelta(days=200)
        ledger, today = self.shelf.ledger, self.shelf.clock.now.date()
        prune(ledger, plan(ledger, today, segment=2))

    def the_index_goes(self, _: int) -> None:
        (self.shelf.home / "index.db").unlink(missing_ok=True)

    def the_index_is_edited(self, _: int) -> None:
        with Index.open(self.shelf.ledger) as index, index.connect() as connection:
            lights = "UPDATE runs SET light = 'green', margin = 1 WHERE light = 'red'"
            connection.exec_driver_sql(lights)
            connection.commit()


EVENTS: tuple[Callable[[World, int], None], ...] = tuple(
    made for name, made in vars(World).items() if not name.startswith("_")
)


def said(client: Client, address: str) -> str:
    """The page without the moment at which it was drawn, and without what trackers answer."""
    text = client.get(address).text
    text = text.partition('<h2 id="health">')[0].partition('<footer class="ui-foot">')[0]
    text = re.sub(r'seen=[0-9a-f]{16}|value="[\w-]{20,}"|when this page was drawn, [^<]*', "", text)
    # Only the first to see that the index was edited says so.
    text = re.sub(rf'(?s)<p class="ui-notice[^>]*>(?:(?!</p>).)*{EDITED[:40]}.*?</p>', "", text)
    return re.sub(r"\n\s*\n", "\n", text)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(st.sampled_from(EVENTS), st.integers(0, 9)), min_size=2, max_size=7))
def test_what_is_kept_is_what_is_drawn_anew(
    monkeypatch: pytest.MonkeyPatch, events: list[tuple[Callable[[World, int], None], int]]
) -> None:
    with tempfile.TemporaryDirectory() as folder, monkeypatch.context() as patch:
        world = World(Path(folder))
        patch.setenv("VENTURALITICA_CONFIG", str(world.shelf.config))
        kept = client_for(world.shelf.home)
        for address in PAGES:
            kept.get(address)
        for event, pick in events:
            event(world, pick)
            warm = [said(kept, address) for address in PAGES]
            new = client_for(world.shelf.home)
            cold = [said(new, address) for address in PAGES]
            assert warm == cold, event.__name__
            new.app.state.desk.close()
        kept.app.state.desk.close()
