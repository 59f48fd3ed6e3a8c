"""docker-compose.yml: right by its schema, safe as it stands, and every service of it at work as a local process."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType  # type: ignore[attr-defined]  # the stubs do not export what the docs name
from typer.testing import CliRunner

from arbkit import __version__
from arbkit.cli import app
from arbkit.core.settings import KEEPA_SERVICE, Settings
from arbkit.sources.demo.market import asins
from tests.helpers.compose import Here, Running, compose_here, environment, interpolate, load, memory_limit
from tests.helpers.limits import MIB, SHARE
from tests.helpers.paths import ROOT
from tests.servers.launch import Elasticsearch, Kafka, free_ports

KEY = "k" * 64
OURS = ("init", "demo", "producer", "consumer", "detector", "dispatcher", "scheduler", "api", "dashboards")
SERVICES = load()["services"]
# Which volumes a service writes; all others that it sees are read-only.
_WRITES = {
    "init": {"data", "user", "reports"},
    "demo": set[str](),
    "producer": {"producer", "health"},
    "consumer": set[str](),
    "detector": {"health"},
    "dispatcher": {"health"},
    "scheduler": {"scheduler", "health", "reports"},
    "api": {"user"},
    "dashboards": {"data", "user"},
}
_LAPTOP_MIB = 8192
_FOR_THE_SYSTEM_MIB = 1024


@pytest.mark.parametrize(
    ("text", "given", "becomes"),
    [
        ("${A:-b c}", {}, "b c"),
        ("${A:-b}", {"A": ""}, "b"),
        ("${A:-b}", {"A": "x"}, "x"),
        ("${A}", {}, ""),
        ("${A:+there}", {"A": "x"}, "there"),
        ("${A:+there}", {}, ""),
        ("1${A:-}2$${A}$$b", {}, "12${A}$b"),
    ],
)
def test_variables_are_replaced_as_compose_does(text: str, given: dict[str, str], becomes: str) -> None:
    assert interpolate(text, given) == becomes


@pytest.mark.parametrize("text", ["$A", "${A:?must}", "${A:-${B}}", "${A"])
def test_a_form_that_these_tests_do_not_know_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="no form"):
        interpolate(text, {})


def test_the_file_is_right_by_the_schema_of_compose() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run(
        [*command, str(ROOT / "docker-compose.yml")], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout


def test_every_arbkit_service_is_there_and_runs_a_command_of_ours() -> None:
    assert {name for name, s in SERVICES.items() if s["image"].startswith("arbkit")} == set(OURS)
    assert {s["image"] for s in map(SERVICES.get, OURS)} == {f"arbkit:{__version__}"}
    # The one that is built; the others wait for it, so that the image is there and built once.
    assert [name for name in OURS if "build" in SERVICES[name]] == ["init"]
    assert all("init" in SERVICES[name]["depends_on"] for name in OURS if name not in ("init", "demo"))


def test_only_loopback_can_reach_what_is_published() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert len(published) == 5
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in published)
    assert not any("network_mode" in s or s.get("privileged") for s in SERVICES.values())


def test_a_consumer_can_be_started_many_times() -> None:
    assert not any("container_name" in service for service in SERVICES.values())
    consumer = SERVICES["consumer"]
    assert "ports" not in consumer
    assert "volumes" not in consumer
    assert environment(consumer)["ARBKIT_HOME"].startswith("/tmp/")  # noqa: S108 - the container's


def test_the_servers_are_those_of_the_tests() -> None:
    for name, services in {"kafka": ["kafka"], "elasticsearch": ["elasticsearch", "kibana", "kibana-setup"]}.items():
        pom = (ROOT / "tests" / "servers" / f"{name}.xml").read_text()
        version = re.search(r"<version>([^<]+)</version>", pom)
        assert version is not None
        assert {SERVICES[one]["image"].partition("@")[0].rpartition(":")[2] for one in services} == {version[1]}


def test_all_of_it_fits_into_a_laptop_even_with_four_consumers() -> None:
    assert all(re.fullmatch(r"\d+m", service["mem_limit"]) for service in SERVICES.values())
    # One ends before the others begin, the other once Kibana is there.
    names = [name for name in SERVICES if name not in ("init", "kibana-setup")]
    limits = {name: memory_limit(SERVICES[name]) for name in names}
    room = (_LAPTOP_MIB - _FOR_THE_SYSTEM_MIB) * MIB
    assert sum(limits.values()) <= room
    # What they take, of limits that have room to spare (tests/limits).
    assert SHARE * (sum(limits.values()) + 3 * limits["consumer"]) <= room


@pytest.mark.parametrize(
    ("name", "heap", "beside"),
    [
        # Tests do not run these under their limits: what Java and Node take beside their heaps is what was measured of
        # them elsewhere. The health check of Kafka is a Java of its own for a moment.
        ("kafka", r"KAFKA_HEAP_OPTS=.*-Xmx(\d+)m", 160 + 128),
        ("elasticsearch", r"ES_JAVA_OPTS=.*-Xmx(\d+)m", 512),
        ("kibana", r"NODE_OPTIONS=.*--max-old-space-size=(\d+)", 384),
    ],
)
def test_the_heap_of_a_server_fits_into_its_limit(name: str, heap: str, beside: int) -> None:
    given = "\n".join(f"{variable}={value}" for variable, value in environment(SERVICES[name]).items())
    found = re.search(heap, given)
    assert found is not None
    assert (int(found[1]) + beside) * MIB <= memory_limit(SERVICES[name])


@pytest.mark.parametrize("name", OURS)
def test_our_containers_may_do_little(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert [one.partition(":")[0] for one in service["tmpfs"]] == ["/tmp"]  # noqa: S108
    assert service["pull_policy"] == "never"
    writable = [v for v in service.get("volumes", ()) if not v.endswith(":ro")]
    assert {volume.split(":")[0] for volume in writable} <= _WRITES[name]


def test_secrets_come_from_outside_and_go_where_they_are_needed() -> None:
    given = load({"KEEPA_API_KEY": KEY, "ARBKIT_TOKEN": "t" * 20})["services"]
    knows_key = {name for name, s in given.items() if KEY in environment(s).values()}
    knows_token = {name for name, s in given.items() if "t" * 20 in environment(s).values()}
    assert knows_key == {"producer"}
    assert knows_token == {"api", "dashboards"}
    assert not any(environment(s).get("KEEPA_API_KEY") or environment(s).get("ARBKIT_TOKEN") for s in SERVICES.values())


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_no_container_runs_as_root(name: str) -> None:
    # Ours has its user from the Dockerfile; what others' images name is held here, whatever they name next.
    assert SERVICES[name].get("user") in ({None} if name in OURS else {"appuser", "1000", "1000:0"})


def test_only_servers_that_write_into_their_image_may() -> None:
    writable = {name for name, service in SERVICES.items() if service.get("read_only") is not True}
    assert writable == {"kafka", "elasticsearch", "kibana"}


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_no_container_may_gain_rights(name: str) -> None:
    assert SERVICES[name]["cap_drop"] == ["ALL"]
    assert SERVICES[name]["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in SERVICES[name]
    assert "cap_add" not in SERVICES[name]
    assert not any("docker.sock" in volume for volume in SERVICES[name].get("volumes", ()))


@pytest.mark.parametrize("name", OURS)
def test_what_a_service_is_told_is_a_setting_and_by_default_its_default(name: str) -> None:
    known = {Settings.variable(field): field for field in Settings.model_fields}
    told = environment(SERVICES[name])
    assert told.keys() <= known.keys()
    # As many pages as the container's memory was measured for.
    plain = Settings.load(_env_file=None, dashboard_pages=6).environment()
    elsewhere = {"ARBKIT_HOME", "ARBKIT_SHARED", "ARBKIT_HOST", "ARBKIT_LOG", "ARBKIT_STORE", "ARBKIT_DEMO_URL"}
    told = {variable: value for variable, value in told.items() if variable not in elsewhere}
    assert told == {variable: plain[variable].removesuffix(".0") for variable in told}


@pytest.mark.parametrize("name", ["init", "producer", "detector", "dispatcher", "scheduler", "api", "dashboards"])
@pytest.mark.parametrize(
    ("given", "demo", "source"),
    [
        ({}, True, "http://demo:8010"),
        ({"KEEPA_API_KEY": KEY}, False, KEEPA_SERVICE),
        ({"KEEPA_API_KEY": KEY, "ARBKIT_DEMO": "1"}, True, "http://demo:8010"),
        ({"KEEPA_API_KEY": KEY, "ARBKIT_KEEPA_URL": "http://other:1"}, False, "http://other:1"),
    ],
)
def test_a_key_makes_the_market_real(
    monkeypatch: pytest.MonkeyPatch, name: str, given: dict[str, str], demo: bool, source: str
) -> None:
    for variable, value in environment(load(given)["services"][name]).items():
        monkeypatch.setenv(variable, value)
    settings = Settings.load(_env_file=None)
    assert (settings.demo_mode, settings.source_url) == (demo, source)


def test_every_variable_of_the_file_is_a_setting_or_a_port_of_a_server() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    named = set(re.findall(r"\$\{([A-Z_]+)", text))
    assert named - {Settings.variable(field) for field in Settings.model_fields} == {
        "KAFKA_PORT", "ELASTICSEARCH_PORT", "KIBANA_PORT",
    }  # fmt: skip


def test_every_lasting_service_says_whether_it_is_well_and_is_started_again() -> None:
    lasting = {name for name, s in SERVICES.items() if s["restart"] != "no"}
    assert set(SERVICES) - lasting == {"init", "kibana-setup"}
    assert all(SERVICES[name]["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL") for name in lasting)
    waited_for = {
        (other, condition["condition"])
        for s in SERVICES.values()
        for other, condition in s.get("depends_on", {}).items()
    }
    assert all((condition == "service_healthy") == (other in lasting) for other, condition in waited_for)


def test_volumes_are_those_that_are_declared() -> None:
    declared = set(yaml.safe_load((ROOT / "docker-compose.yml").read_text())["volumes"])
    mounted = [v.split(":")[0] for s in SERVICES.values() for v in s.get("volumes", ())]
    assert {v for v in mounted if not v.startswith(".")} == declared
    assert all((ROOT / v).exists() for v in mounted if v.startswith("."))


def guide_commands() -> list[list[str]]:
    text = (ROOT / "docs" / "guide" / "scale-out.md").read_text("utf-8")
    return [line.split("#")[0].split()[2:] for line in re.findall(r"docker compose (?:[^`\n])+", text)]


@pytest.mark.parametrize("words", guide_commands(), ids=" ".join)
def test_every_command_of_the_guide_is_about_services_that_exist(words: list[str]) -> None:
    command, *rest = words
    assert command in ("up", "logs", "ps", "exec", "run", "down")
    if command in ("exec", "run"):
        service, *arguments = itertools.dropwhile(lambda word: word.startswith("-"), rest)
        assert service in OURS
        if command == "exec":
            ours, *arguments = arguments
            assert ours == "arbkit"
        names = itertools.takewhile(str.isalpha, arguments)
        assert CliRunner().invoke(app, [*names, "--help"]).exit_code == 0
    named = {word.partition("=")[0] for word in rest if command in ("up", "logs") and not word.startswith("-")}
    assert named <= SERVICES.keys()


@pytest.mark.e2e
def test_the_health_check_of_elasticsearch_hears_one_that_answers(elasticsearch: Elasticsearch) -> None:
    kind, command = SERVICES["elasticsearch"]["healthcheck"]["test"]
    assert kind == "CMD-SHELL"
    (nobody,) = free_ports(1)
    codes = [
        subprocess.run(["/bin/sh", "-c", command.replace("9200", str(port))], timeout=60, check=False).returncode
        for port in (elasticsearch.port, nobody)
    ]
    assert codes[0] == 0
    assert codes[1] != 0


class ImageKafka(Kafka):
    """Kafka as its official image sets it up: by the image's own program, out of the KAFKA_* of docker-compose.yml."""

    def prepare(self) -> None:
        (host,) = free_ports(1)
        ports = {"19092": self.port, "19093": self._other_port, "9092": host}
        given = {
            name: re.sub(r"(?:kafka|127\.0\.0\.1)?:(19092|19093|9092)\b", lambda m: f"127.0.0.1:{ports[m[1]]}", value)
            for name, value in environment(SERVICES["kafka"]).items()
        }
        given["KAFKA_LOG_DIRS"] = str(self.folder / "data")
        folders = [self.folder / name for name in ("default", "mounted", "final")]
        for folder in folders:
            folder.mkdir()
        for name in ("server.properties", "log4j2.yaml", "tools-log4j2.yaml"):
            (folders[0] / name).touch()
        options = [f"--{folder.name}-configs-dir={folder}" for folder in folders]
        done = subprocess.run(
            [*self._base(), "kafka.docker.KafkaDockerWrapper", "setup", *options],
            env=given, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        (self.folder / "server.properties").write_text((self.folder / "final" / "server.properties").read_text())


@pytest.mark.e2e
def test_kafka_takes_its_configuration(kafka: Kafka) -> None:
    # The other broker shows that there are jars and a Java.
    assert kafka.answers()
    with ImageKafka(short_lived=True) as server:
        admin = AdminClient({"bootstrap.servers": server.address})
        described = admin.describe_configs([ConfigResource(ResourceType.BROKER, "1")])
        ((_, future),) = described.items()
        values = {name: entry.value for name, entry in future.result().items()}
    assert values["group.consumer.session.timeout.ms"] == "9000"
    assert values["auto.create.topics.enable"] == "false"
    assert {values[f"{kind}.replication.factor"] for kind in ("default", "offsets.topic")} == {"1"}
    assert "consumer" in values["group.coordinator.rebalance.protocols"]


@pytest.fixture
def here(tmp_path: Path, kafka: Kafka, elasticsearch: Elasticsearch) -> Iterator[Here]:
    """All services of the file, with the real servers in their places, on ports that are free."""
    with compose_here(kafka, elasticsearch, tmp_path) as one:
        (one.volume("checkout") / "watchlist.txt").write_text("B07DVM36PS\n")
        # A few of the demo's products are enough to see the whole way.
        (one.volume("user") / "demo-watchlist.txt").write_text("\n".join(asins()[:20]))
        yield one


def await_health(one: Running) -> None:
    for _ in range(200):
        if one.healthy():
            return
        assert one.process.poll() is None, one.said()
    pytest.fail(f"{one.name} does not become healthy:\n{one.said()}")


def ended_well(one: Running) -> None:
    assert one.process.wait(120) == 0, one.said()


def await_opportunities(url: str, token: str) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}"}
    for _ in range(600):
        found: dict[str, Any] = requests.get(
            f"{url}/arbitrage", headers=headers, params={"components": "true"}, timeout=30
        ).json()
        if found["items"]:
            return found
        time.sleep(0.2)
    pytest.fail("no opportunities")


def what_is_watched_on_the_api_is_polled_and_what_that_costs_is_shown(url: str, token: str) -> None:
    """The producer has a home of its own, and so has the API."""
    headers = {"Authorization": f"Bearer {token}"}
    asin = asins()[25]
    added = requests.post(f"{url}/products/watch", headers=headers, json={"asins": [asin]}, timeout=30)
    assert added.status_code < 300, added.text
    for _ in range(600):
        if requests.get(f"{url}/products/{asin}", headers=headers, timeout=30).status_code == 200:
            break
        time.sleep(0.2)
    else:
        pytest.fail("the producer does not see what was put on the watchlist")
    metrics = requests.get(f"{url}/metrics", headers=headers, timeout=30).text
    assert re.search(r"^arbkit_keepa_tokens_left \d", metrics, re.MULTILINE), metrics


@pytest.mark.e2e
def test_every_service_works_until_opportunities_are_on_the_api(here: Here) -> None:
    ended_well(here.start("init"))
    # The store is the list, of which the demo market has one of its own.
    assert not (here.volume("user") / "watchlist.txt").exists()
    await_health(here.start("demo"))
    consumers = [here.start("consumer", number=n) for n in (1, 2)]
    names = ("producer", "detector", "dispatcher", "scheduler", "api", "dashboards")
    others = {name: here.start(name) for name in names}
    for one in [*consumers, *others.values()]:
        await_health(one)
    token = others["api"].token()
    assert token not in others["api"].said()
    address = re.search(r"the API is at (\S+),", others["api"].said())
    page = re.search(r"the dashboards are at (\S+)", others["dashboards"].said())
    assert address is not None
    assert page is not None
    # What the logs say can be opened as it stands, on the published port.
    assert {url.partition("//")[2].partition(":")[0] for url in (address[1], page[1])} == {"127.0.0.1"}
    assert requests.get(f"{address[1]}/arbitrage", timeout=30).status_code == 401
    found = await_opportunities(address[1], token)
    assert all(item["profit"] > 0 for item in found["items"])
    health = requests.get(f"{address[1]}/health", timeout=30).json()
    assert (health["status"], health["mode"]) == ("healthy", "demo")
    what_is_watched_on_the_api_is_polled_and_what_that_costs_is_shown(address[1], token)
    without, with_token = page[1].partition("?")[0], page[1]
    assert "opportunities" in requests.get(with_token, timeout=120).text
    assert requests.get(without, timeout=30).url.partition("?")[0].endswith("/login")
    assert set(here.close().values()) == {0}
    # Gone is not healthy.
    assert not others["api"].healthy()
    assert not others["dashboards"].healthy()
