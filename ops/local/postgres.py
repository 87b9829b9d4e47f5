"""A private PostgreSQL: the binaries of a wheel, a data folder, a port and two roles."""

import shutil
import tempfile
import time
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from signal import SIGINT, SIGTERM
from urllib.parse import urlencode

import psutil

from ops.local import ports, postgres_binary, secrets
from ops.local.daemon import Daemon
from ops.local.home import Home

DATABASE = "saldo"
ADMIN, OWNER, APP = "postgres", "saldo_owner", "saldo_app"
START_SECONDS_MAX = 60.0
# The kernel's limit for the name of a socket, less its file name.
SOCKET_FOLDER_LENGTH_MAX = 107 - len("/.s.PGSQL.65535")

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_permissions": "0777",
    "max_connections": "600",
    "shared_buffers": "512MB",
    # A commit is on the disk before anybody hears of it, here as in production.
    "fsync": "on",
    "synchronous_commit": "on",
    # Rare checkpoints mean few full pages in the log; compressing those with
    # pglz (the only method in this build) would cost more than it saves.
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "off",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %u@%d ",
}

ROLES = """
SELECT 'CREATE ROLE {role} LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') \\gexec
ALTER ROLE {role} WITH LOGIN PASSWORD '{password}';
"""
CREATE_DATABASE = f"""
SELECT 'CREATE DATABASE {DATABASE} OWNER {OWNER}'
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{DATABASE}') \\gexec
"""


class Postgres:
    """Start, stop and `kill -9` it at will: its port and data stay."""

    name = "postgres"

    def __init__(self, home: Home) -> None:
        self.home = home
        self.data = home.root / "postgres" / "data"
        self.daemon = Daemon(home, self.name)

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return self.daemon.running

    @property
    def port(self) -> int:
        """The port on 127.0.0.1, also part of the socket's name."""
        return self.daemon.port or ports.choose(self.home, self.name)

    @property
    def password(self) -> str:
        """The password of the superuser `postgres`."""
        return secrets.load(self.home)["POSTGRES_PASSWORD"]

    def url(self, user: str = APP, database: str = DATABASE, *, tcp: bool = False) -> str:
        """How to connect: over the socket (a fifth faster) or over TCP."""
        password = self.password if user == ADMIN else secrets.derive(self.password, user)
        if tcp:
            return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"
        place = urlencode({"host": str(self._socket_folder), "port": self.port}, safe="/")
        return f"postgresql://{user}:{password}@/{database}?{place}"

    def start(self) -> None:
        """Start it unless it runs, and make sure of the roles and the database."""
        if self.running:
            return
        self.home.prepare()
        if not self.data.exists():
            self._initialise()
        port = ports.choose(self.home, self.name)
        self._configure(port)
        self._start(port)
        self._psql("".join(self._role(role) for role in (OWNER, APP)) + CREATE_DATABASE)

    def stop(self) -> None:
        """Close the connections and stop ("fast" shutdown)."""
        self.daemon.stop(SIGINT)
        shutil.rmtree(self._temporary_socket_folder, ignore_errors=True)

    def kill(self) -> None:
        """`kill -9` the server with every backend."""
        self.daemon.kill()

    def clear(self) -> None:
        """Stop it and remove its data."""
        # Not killed: that would leave its shared memory behind, which only its next start removes.
        self.stop()
        for folder in (self.data.parent, self._temporary_socket_folder):
            shutil.rmtree(folder, ignore_errors=True)

    def _initialise(self) -> None:
        # Made beside its place: whoever finds the data folder finds it whole.
        making = self.data.with_name("making")
        shutil.rmtree(making, ignore_errors=True)
        postgres_binary.hand_over(making)
        with tempfile.NamedTemporaryFile("w", dir=making.parent) as password:
            password.write(self.password)
            password.flush()
            if owner := postgres_binary.user():
                shutil.chown(password.name, owner)
            self._run(
                "initdb",
                *("--pgdata", str(making), "--username", ADMIN, "--pwfile", password.name),
                *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"),
                *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            )
        making.rename(self.data)

    def _configure(self, port: int) -> None:
        postgres_binary.hand_over(self._socket_folder)
        settings = SETTINGS | {"port": str(port), "unix_socket_directories": str(self._socket_folder)}
        text = "".join(f"{name} = '{value}'\n" for name, value in settings.items())
        (self.data / "postgresql.conf").write_text(text)

    def _forget_the_dead(self) -> None:
        """Remove the lock of a killed server that nobody has reaped yet: it would pass for alive."""
        lock = self.data / "postmaster.pid"
        with suppress(FileNotFoundError, psutil.NoSuchProcess):
            if psutil.Process(int(lock.read_text().split()[0])).status() == psutil.STATUS_ZOMBIE:
                lock.unlink()

    def _start(self, port: int) -> None:
        self._forget_the_dead()
        command = [str(postgres_binary.folder() / "postgres"), "-D", str(self.data)]
        user = postgres_binary.user()
        self.daemon.start(command, env=postgres_binary.ENVIRONMENT, port=port, folder=self.data, user=user)
        deadline = time.monotonic() + START_SECONDS_MAX
        while not self._ready():
            if not self.running or time.monotonic() > deadline:
                trouble = self.daemon.trouble("PostgreSQL did not start.")
                self.daemon.stop(SIGTERM)
                raise trouble
            time.sleep(0.05)

    def _ready(self) -> bool:
        place = ("--host", str(self._socket_folder), "--port", str(self.port))
        return postgres_binary.run("pg_isready", *place).returncode == 0

    def _role(self, role: str) -> str:
        return ROLES.format(role=role, password=secrets.derive(self.password, role))

    def _psql(self, script: str) -> None:
        options = ("--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1")
        place = ("--host", str(self._socket_folder), "--port", str(self.port))
        self._run("psql", *options, *place, "--username", ADMIN, "postgres", stdin=script)

    def _run(self, program: str, *arguments: str, stdin: str = "") -> None:
        result = postgres_binary.run(program, *arguments, stdin=stdin, password=self.password)
        if result.returncode:
            with self.home.log(self.name).open("a") as log:
                log.write(result.stdout + result.stderr)
            raise self.daemon.trouble(f"PostgreSQL's {program} failed.")

    @property
    def _socket_folder(self) -> Path:
        near = self.data.parent / "socket"
        return near if len(str(near)) <= SOCKET_FOLDER_LENGTH_MAX else self._temporary_socket_folder

    @property
    def _temporary_socket_folder(self) -> Path:
        return Path(tempfile.gettempdir()) / f"saldo-{sha256(str(self.data).encode()).hexdigest()[:12]}"
