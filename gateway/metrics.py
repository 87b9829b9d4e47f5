"""What the gateway counts, for Prometheus."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
MESSAGES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """All of them, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        registry = self.registry
        self._requests = Counter(
            "saldo_http_requests", "Requests answered.", ["method", "route", "status"], registry=registry
        )
        self._seconds = Histogram(
            "saldo_http_request_seconds", "Time to answer.", ["method", "route"], buckets=SECONDS, registry=registry
        )
        self._bundles = Histogram(
            "saldo_bundle_messages", "Messages per published bundle.", ["queue"], buckets=MESSAGES, registry=registry
        )
        self._published = Counter(
            "saldo_bundles_published", "Bundles by how it went.", ["queue", "outcome"], registry=registry
        )
        self.replies = Counter("saldo_replies_received", "Answers received from workers.", registry=registry)
        self.outcomes_lost = Counter(
            "saldo_outcomes_not_cached", "Outcomes that Redis did not take.", registry=registry
        )
        self._kept: dict[tuple[str, str, int], tuple[Callable[[], None], Callable[[float], None]]] = {}

    def watch(self, name: str, text: str, value: Callable[[], float]) -> None:
        """Export a value that is read when somebody looks."""
        Gauge(name, text, registry=self.registry).set_function(value)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        # Looking children up by their labels costs more than counting.
        kept = self._kept.get((method, route, status))
        if kept is None:
            count = self._requests.labels(method, route, str(status)).inc
            kept = self._kept[method, route, status] = (count, self._seconds.labels(method, route).observe)
        kept[0]()
        kept[1](seconds)

    def bundle(self, queue: str, messages: int) -> None:
        """Observe the size of one bundle."""
        self._bundles.labels(queue).observe(messages)

    def published(self, queue: str, outcome: str) -> None:
        """Count how publishing a bundle went."""
        self._published.labels(queue, outcome).inc()

    def text(self) -> bytes:
        """The exposition format."""
        return generate_latest(self.registry)
