"""RabbitMQ in a container, for machines without its binary but with a Docker engine."""

import shutil
import subprocess
import time
from collections.abc import Callable
from hashlib import sha256

from ops.local import ports
from ops.local.home import Home
from ops.local.rabbitmq import LISTENERS, START_SECONDS_MAX, RabbitMQ
from ops.trouble import Trouble

IMAGE = "rabbitmq:4-management"
INSIDE = {"rabbitmq": 5672, "rabbitmq.management": 15672, "rabbitmq.prometheus": 15692}


def available() -> bool:
    """Whether a Docker engine answers."""
    return shutil.which("docker") is not None and _docker("info").returncode == 0


class RabbitMQContainer(RabbitMQ):
    """The same node with the same users; its data is in a volume named after the home."""

    listens_on = "0.0.0.0"  # noqa: S104 - inside the container; published on 127.0.0.1 only

    def __init__(self, home: Home) -> None:
        super().__init__(home)
        self.container = f"saldo-rabbitmq-{sha256(str(home.root).encode()).hexdigest()[:10]}"

    @property
    def running(self) -> bool:
        """Whether it runs."""
        answer = _docker("inspect", "--format", "{{.State.Running}}", self.container)
        return answer.stdout.strip() == "true"

    @property
    def port(self) -> int:
        """The AMQP port on 127.0.0.1."""
        return ports.remembered(self.home, self.name) or ports.choose(self.home, self.name)

    def install(self, say: Callable[[str], None]) -> None:
        """Nothing to do: the engine fetches its image."""

    def start(self) -> None:
        """Start it unless it runs, pulling the image when it is the first time."""
        if self.running:
            return
        self.home.prepare()
        _docker("rm", "--force", self.container)
        chosen = {name: ports.choose(self.home, name) for name in LISTENERS}
        self._configure(chosen | INSIDE)
        published = [f"--publish=127.0.0.1:{chosen[name]}:{inside}" for name, inside in INSIDE.items()]
        answer = _docker(
            *("run", "--detach", f"--name={self.container}", "--hostname=saldo", *published),
            f"--volume={self.container}:/var/lib/rabbitmq",
            f"--volume={self.data}/definitions.json:{self.data}/definitions.json:ro",
            f"--volume={self.data}/rabbitmq.conf:/etc/rabbitmq/conf.d/90-saldo.conf:ro",
            f"--volume={self.data}/enabled_plugins:/etc/rabbitmq/enabled_plugins:ro",
            IMAGE,
        )
        if answer.returncode:
            message = f"RabbitMQ's container did not start: {answer.stderr.strip()}"
            raise Trouble(message)
        self._wait()

    def stop(self) -> None:
        """Stop and remove the container; the volume stays."""
        _docker("stop", self.container)
        _docker("rm", "--force", self.container)

    def kill(self) -> None:
        """`kill -9` the node."""
        _docker("kill", self.container)

    def clear(self) -> None:
        """Kill it and remove its data."""
        _docker("rm", "--force", self.container)
        _docker("volume", "rm", "--force", self.container)

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS_MAX
        while not (ports.answers(self.port) and self._management_answers()):
            if time.monotonic() > deadline:
                logs = _docker("logs", "--tail", "20", self.container)
                message = f"RabbitMQ's container did not become ready:\n{logs.stdout}{logs.stderr}"
                raise Trouble(message)
            time.sleep(0.5)


def _docker(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
