"""What each process is told, and what it must not be."""

import pytest

from contracts.topology import DOMAINS
from ops.local.home import Home
from ops.local.processes import Arrangement, Plan, Process
from ops.local.servers import Servers, Urls

URLS = Urls(
    database="postgresql://app@db/saldo",
    migrations="postgresql://owner@db/saldo",
    gateway_amqp="amqp://gateway:x@mq/saldo",
    workers_amqp="amqp://workers:y@mq/saldo",
    redis="redis://cache/0",
)


def _processes(home: Home, arrangement: Arrangement) -> dict[str, Process]:
    return {process.name: process for process in Plan(home, URLS, arrangement).processes()}


def test_one_of_each_by_default(home: Home) -> None:
    processes = _processes(home, Arrangement())
    assert {name: process.arguments for name, process in processes.items()} == {
        "gateway": ("gateway",),
        "workers": ("workers", "all"),
        "sandbox": ("sandbox",),
    }
    assert processes["gateway"].port == 5000


def test_split_and_several_gateways(home: Home) -> None:
    processes = _processes(home, Arrangement(gateways=2, split=True))
    assert {"gateway", "gateway-2", *(f"workers-{domain}" for domain in DOMAINS), "sandbox"} == set(processes)
    assert len({process.ready_url for process in processes.values()}) == len(processes)


def test_nobody_is_told_more_than_it_needs(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://from-the-shell/saldo")
    processes = _processes(home, Arrangement())
    gateway, workers, sandbox = (processes[name].environment for name in ("gateway", "workers", "sandbox"))
    assert "DATABASE_URL" not in gateway
    assert "SIGNING_KEYS" not in gateway
    assert workers["DATABASE_URL"] == URLS.database
    assert "OPERATION_ID_KEY" not in workers
    assert workers["PROVIDER_URL"].endswith(f":{sandbox['HTTP_PORT']}")
    assert workers["PROVIDER_KEY"] == sandbox["PROVIDER_KEY"]
    assert "AMQP_URL" not in sandbox


def test_servers_that_the_environment_names_are_used(home: Home) -> None:
    given = {"AMQP_URL": "amqp://me:secret@broker/saldo", "DATABASE_URL": "postgresql://me@db/saldo"}
    servers = Servers(home, given)
    assert [server.name for server in servers.private] == ["valkey"]
    assert servers.urls.gateway_amqp == servers.urls.workers_amqp == given["AMQP_URL"]
    assert servers.urls.gateway_user == "me"
    assert servers.urls.migrations == given["DATABASE_URL"]


def test_each_may_have_a_role_and_a_user_of_its_own(home: Home) -> None:
    own = {"MIGRATIONS_DATABASE_URL": URLS.migrations, "WORKERS_AMQP_URL": URLS.workers_amqp}
    urls = Servers(home, own | {"AMQP_URL": URLS.gateway_amqp, "DATABASE_URL": URLS.database}).urls
    assert (urls.migrations, urls.workers_amqp, urls.gateway_user) == (URLS.migrations, URLS.workers_amqp, "gateway")
    private = Servers(home, own).urls
    assert private.migrations != URLS.migrations, "a private database is never mixed with somebody else's"
    assert private.workers_amqp != URLS.workers_amqp
