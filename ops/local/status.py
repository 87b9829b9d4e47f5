"""What runs in a home, as a table."""

from collections.abc import Iterator

from rich.table import Table

from ops.local.daemon import Daemon, recorded
from ops.local.home import Home
from ops.local.servers import GIVEN_BY, Servers, every
from ops.local.stack import Stack

RUNS, STOPPED, CRASHED = "[green]running[/]", "[dim]stopped[/]", "[bold red]crashed[/]"
Row = tuple[str, str, str, str]


def table(home: Home) -> Table:
    """One line for each server and each process."""
    shown = Table("name", "pid", "port", "state", title=f"Saldo in {home.root}", title_justify="left")
    for row in (*_servers(home), *_processes(home)):
        shown.add_row(*row)
    return shown


def _servers(home: Home) -> Iterator[Row]:
    private = {server.name for server in Servers(home).private}
    started = {daemon.name for daemon in recorded(home)}
    for server in every(home):
        if server.running:
            yield server.name, str(Daemon(home, server.name).pid or ""), str(server.port), RUNS
        elif server.name in private:
            yield server.name, "", "", CRASHED if server.name in started else STOPPED
        else:
            yield server.name, "", "", f"named by {GIVEN_BY[server.name]}"


def _processes(home: Home) -> Iterator[Row]:
    for daemon in Stack(home).daemons:
        yield daemon.name, str(daemon.pid or ""), str(daemon.port or ""), RUNS if daemon.running else CRASHED
