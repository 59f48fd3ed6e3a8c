"""`arbkit backup` and `arbkit restore` as commands, beside a running API, and on Elasticsearch."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4
from zoneinfo import ZoneInfo

import orjson
from fastapi.testclient import TestClient

from arbkit.alerts.delivery.intake import record_of
from arbkit.alerts.delivery.plan import DeliveryPlan
from arbkit.core.models import Run, Update
from arbkit.core.offers.facts import Fact
from arbkit.core.settings import Settings
from arbkit.ops.setup import initialise
from arbkit.store import open_store
from arbkit.store.kept_facts import set_fact
from arbkit.web.api import create_app
from tests.helpers.decisions import decision
from tests.helpers.delivery import alert
from tests.helpers.factories import offer
from tests.helpers.forecasts import forecast
from tests.helpers.processes import arbkit
from tests.helpers.sales import refund, sale
from tests.helpers.streams import until
from tests.servers.launch import Elasticsearch

FACT = Fact.of("B000000001", "package", {"weight_g": 900}, at=1.0)
RUN = Run(run_id="20260801T070000Z-abcdef", report="detect", status="succeeded", started_at=1.0)

BOUGHT = decision(status="bought", route="IT:DE", quantity=3, price=9.5, forecast={"profit": 2.5})
ALERT = record_of(alert(1), DeliveryPlan("alerts.toml", ZoneInfo("UTC"), 1e9), now=1.0)


def fill(settings: Settings, count: int) -> None:
    initialise(settings)
    with open_store(settings) as store:
        store.put([Update(offer(f"B{number:09d}"), None) for number in range(count)])


def test_a_running_api_keeps_a_restore_away_and_serves_what_was_put_in_place(
    settings: Settings, tmp_path: Path
) -> None:
    fill(settings, 10)
    made = arbkit(settings, "backup", str(tmp_path / "backup"), "--json")
    assert made.returncode == 0, made.stderr
    assert orjson.loads(made.stdout)["backup"]["databases"][0]["rows"]["products"] == 10
    fill(settings, 50)
    with TestClient(create_app(settings), base_url="http://127.0.0.1") as api:
        assert api.get("/stats").json()["products"] == 50
        refused = arbkit(settings, "restore", str(tmp_path / "backup"))
        assert refused.returncode == 4
        assert "another process has it open" in refused.stderr
        assert arbkit(settings, "restore", "--dry-run", str(tmp_path / "backup")).returncode == 0
        # By hand, as everybody does: it is the file that counts, not how it came there.
        settings.database.unlink()
        for suffix in ("-wal", "-shm"):
            settings.database.with_name(f"arbkit.db{suffix}").unlink(missing_ok=True)
        done = arbkit(settings, "restore", str(tmp_path / "backup"))
        assert done.returncode == 0, done.stderr
        assert api.get("/stats").json()["products"] == 10
        fill(settings, 20)
        assert api.get("/stats").json()["products"] == 20


def test_what_is_no_backup_or_a_damaged_one_is_refused_input(settings: Settings, tmp_path: Path) -> None:
    fill(settings, 1)
    assert arbkit(settings, "restore", str(tmp_path)).returncode == 5
    assert arbkit(settings, "backup", str(tmp_path / "backup")).returncode == 0
    (tmp_path / "backup" / "log-and-store.db").write_bytes(b"")
    refused = arbkit(settings, "restore", str(tmp_path / "backup"))
    assert refused.returncode == 5
    assert "is not what was backed up" in refused.stderr


def test_of_elasticsearch_what_users_typed_runs_alerts_and_forecasts_are_backed_up(
    settings: Settings, tmp_path: Path, elasticsearch: Elasticsearch
) -> None:
    old = settings.model_copy(update={"store": elasticsearch.url, "store_prefix": f"t{uuid4().hex[:10]}-"})
    initialise(old)
    with open_store(old) as store:
        set_fact(old, store, FACT)
        store.put_run(RUN)
        store.add_alerts([ALERT])
        store.put_forecasts([forecast(), forecast(demo=True)])
        store.put_forecast_notes({"recalibration": {"model": "2025-02.1"}}, demo=False)
        store.add_decisions([BOUGHT])
        store.put_sales([sale(1), refund()])
    with open_store(old, read_only=True) as store:
        until(lambda: store.runs() == [RUN])
    made = arbkit(old, "backup", str(tmp_path / "backup"), "--json")
    assert made.returncode == 0, made.stderr
    assert any("arbkit replay" in line for line in orjson.loads(made.stdout)["backup"]["not_included"])
    new = old.model_copy(update={"store_prefix": f"t{uuid4().hex[:10]}-", "home": tmp_path / "another"})
    initialise(new)
    done = arbkit(new, "restore", str(tmp_path / "backup"))
    assert done.returncode == 0, done.stderr
    with open_store(new) as store:
        assert store.facts() == [FACT]
        assert store.run(RUN.run_id) == RUN
        assert store.alerts_of([ALERT.id]) == [ALERT]
        assert [*store.forecasts(demo=False), *store.forecasts(demo=True)] == [forecast(), forecast(demo=True)]
        assert store.forecast_notes(demo=False) == {"recalibration": {"model": "2025-02.1"}}
        assert store.decisions() == [BOUGHT]
        assert store.sales() == [sale(1), refund()]
