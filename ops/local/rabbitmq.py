"""A private RabbitMQ: the machine's own binary as a node of its own, with its own port mapper."""

import json
import secrets as randomness
import shutil
import time
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256

from ops.local import debian, ports, probe, rabbitmq_binary, secrets
from ops.local.daemon import Daemon, environment
from ops.local.home import Home

VHOST = "saldo"
ADMIN, GATEWAY, WORKERS = "admin", "gateway", "workers"
PLUGINS = "[rabbitmq_management,rabbitmq_prometheus].\n"
START_SECONDS_MAX = 90.0
STOP_SECONDS_MAX = 30.0
LISTENERS = (
    "rabbitmq",
    "rabbitmq.management",
    "rabbitmq.prometheus",
    "rabbitmq.distribution",
    "rabbitmq.epmd",
)


class RabbitMQ:
    """Start, stop and `kill -9` it at will: its ports, users and durable messages stay."""

    name = "rabbitmq"
    listens_on = "127.0.0.1"

    def __init__(self, home: Home) -> None:
        self.home = home
        self.data = home.root / "rabbitmq"
        self.daemon = Daemon(home, self.name)
        self.port_mapper = Daemon(home, "epmd")

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return self.daemon.running

    @property
    def port(self) -> int:
        """The AMQP port on 127.0.0.1."""
        return self.daemon.port or ports.choose(self.home, self.name)

    @property
    def management_url(self) -> str:
        """The management API, for `admin` with its password."""
        return f"http://127.0.0.1:{ports.remembered(self.home, 'rabbitmq.management')}"

    def url(self, user: str, vhost: str = VHOST) -> str:
        """How to connect."""
        return f"amqp://{user}:{self.password(user)}@127.0.0.1:{self.port}/{vhost}"

    def password(self, user: str) -> str:
        """The password of `admin`, `gateway` or `workers`."""
        password = secrets.load(self.home)["RABBITMQ_PASSWORD"]
        return password if user == ADMIN else secrets.derive(password, user)

    def install(self, say: Callable[[str], None]) -> None:
        """See to it that this machine has what `start` runs. Raises `Trouble`."""
        if rabbitmq_binary.present() is None and debian.installable():
            say("installing RabbitMQ with apt-get")
        rabbitmq_binary.find()

    def start(self) -> None:
        """Start it unless it runs; vhost and users are imported at each start."""
        if self.running:
            return
        self.home.prepare()
        binary = rabbitmq_binary.find()
        self.port_mapper.stop()
        chosen = {name: ports.choose(self.home, name) for name in LISTENERS}
        self._configure(chosen)
        variables = self._environment(chosen)
        mapper = [
            rabbitmq_binary.port_mapper(),
            "-port",
            str(chosen["rabbitmq.epmd"]),
            "-address",
            "127.0.0.1",
        ]
        self.port_mapper.start(mapper, env=variables, port=chosen["rabbitmq.epmd"], folder=self.data)
        self.daemon.start([str(binary)], env=variables, port=chosen["rabbitmq"], folder=self.data)
        self._wait()

    def stop(self) -> None:
        """Stop it cleanly, and its port mapper."""
        self.daemon.stop(timeout_seconds=STOP_SECONDS_MAX)
        self.port_mapper.stop()

    def kill(self) -> None:
        """`kill -9` the node with its port mapper."""
        self.daemon.kill()
        self.port_mapper.kill()

    def clear(self) -> None:
        """Kill it and remove its data."""
        self.kill()
        shutil.rmtree(self.data, ignore_errors=True)

    def _configure(self, chosen: dict[str, int]) -> None:
        self.data.mkdir(exist_ok=True)
        cookie = self.data / ".erlang.cookie"
        if not cookie.exists():
            cookie.write_text(randomness.token_hex(20))
        cookie.chmod(0o400)
        definitions = self.data / "definitions.json"
        definitions.touch(mode=0o600)
        definitions.write_text(json.dumps(self._definitions(), indent=1))
        (self.data / "enabled_plugins").write_text(PLUGINS)
        (self.data / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = {self.listens_on}:{chosen['rabbitmq']}\n"
            f"management.tcp.ip = {self.listens_on}\n"
            f"management.tcp.port = {chosen['rabbitmq.management']}\n"
            f"prometheus.tcp.ip = {self.listens_on}\n"
            f"prometheus.tcp.port = {chosen['rabbitmq.prometheus']}\n"
            f"load_definitions = {definitions}\n"
            # Rates are for people looking on, and cost on each message.
            "management.rates_mode = none\n"
            "log.console = true\n"
            "log.file = false\n"
        )

    def _environment(self, chosen: dict[str, int]) -> dict[str, str]:
        variables = environment(
            HOME=str(self.data),
            # No helper process that waits for signals: what is started is the node itself.
            RUNNING_UNDER_SYSTEMD="true",
            RABBITMQ_NODENAME="saldo@localhost",
            RABBITMQ_MNESIA_BASE=str(self.data / "mnesia"),
            RABBITMQ_LOG_BASE=str(self.data),
            RABBITMQ_CONFIG_FILE=str(self.data / "rabbitmq.conf"),
            RABBITMQ_CONFIG_FILES=str(self.data / "no-conf.d"),
            RABBITMQ_ADVANCED_CONFIG_FILE=str(self.data / "no-advanced.config"),
            RABBITMQ_ENABLED_PLUGINS_FILE=str(self.data / "enabled_plugins"),
            RABBITMQ_CONF_ENV_FILE="/dev/null",
            RABBITMQ_PID_FILE=str(self.data / "pid"),
            RABBITMQ_DIST_PORT=str(chosen["rabbitmq.distribution"]),
            ERL_EPMD_PORT=str(chosen["rabbitmq.epmd"]),
            ERL_EPMD_ADDRESS="127.0.0.1",
            # Idle schedulers would otherwise spin, on cores that others need.
            RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-start_epmd false "
            "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none",
        )
        variables.pop("NOTIFY_SOCKET", None)
        return variables

    def _definitions(self) -> dict[str, object]:
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        users = (ADMIN, GATEWAY, WORKERS)
        return {
            "vhosts": [{"name": VHOST}],
            "users": [self._user(name) for name in users],
            "permissions": [{"user": name, "vhost": VHOST, **everything} for name in users],
        }

    def _user(self, name: str) -> dict[str, object]:
        salt = randomness.token_bytes(4)
        digest = salt + sha256(salt + self.password(name).encode()).digest()
        return {
            "name": name,
            "password_hash": b64encode(digest).decode(),
            "hashing_algorithm": "rabbit_password_hashing_sha256",
            "tags": "administrator" if name == ADMIN else "",
        }

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS_MAX
        while not (ports.answers(self.port) and self._management_answers()):
            if not self.running or time.monotonic() > deadline:
                trouble = self.daemon.trouble("RabbitMQ did not start.")
                self.kill()
                raise trouble
            time.sleep(0.1)

    def _management_answers(self) -> bool:
        token = b64encode(f"{ADMIN}:{self.password(ADMIN)}".encode()).decode()
        url = f"{self.management_url}/api/vhosts/{VHOST}"
        return probe.answers(url, {"Authorization": f"Basic {token}"})
