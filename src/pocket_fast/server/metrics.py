"""Numbers for Prometheus: what the engine does, what is asked for and how it was answered."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from pocket_fast.api.speaking import Speaking

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_P = "pocket_fast_"
_SHORT = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.12, 0.16, 0.25, 0.5, 1.0)
_LONG = (0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.32, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_ENDS = ("finished", "cancelled", "refused", "abandoned", "failed")


class Metrics:
    """Of one model and its server, in a registry of their own."""

    def __init__(self, model: Speaking):
        self._model = model
        self._registry = CollectorRegistry()
        own = {"registry": self._registry}
        self._requests = Counter(
            f"{_P}http_requests",
            "Requests answered, by route and status",
            ("route", "method", "status"),
            **own,
        )
        histograms = {
            "first_audio": ("first_audio_seconds", "From a text's arrival to its first sound", _LONG),
            "wait": ("queue_seconds", "Time in the queue", _LONG),
            "step": ("step_seconds", "Computing one frame of everyone in a batch", _SHORT),
            "batch": ("step_streams", "Streams in a batch", (1, 2, 4, 6, 8, 12, 16)),
            "late": ("frame_late_seconds", "How late a frame was for a live listener", (0.0, *_SHORT)),
        }
        self._histograms = {
            event: Histogram(_P + name, text, buckets=buckets, **own)
            for event, (name, text, buckets) in histograms.items()
        }
        self._audio = Counter(f"{_P}audio_seconds", "Seconds of speech made", **own)
        self._ends = Counter(f"{_P}speeches", "Texts by how they ended", ("outcome",), **own)
        for end in _ENDS:
            self._ends.labels(end)
        self._computing = self._made = 0.0
        self._registry.register(self)
        model.watch(self._observe)

    def answered(self, route: str, method: str, status: int) -> None:
        """Count a request."""
        self._requests.labels(route, method, str(status)).inc()

    def text(self) -> bytes:
        """Everything, as Prometheus reads it."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """What is looked up when asked for (prometheus_client calls this)."""
        load, cache = self._model.engine_load(), self._model.voice_cache
        factor = self._computing / self._made if self._made else 0.0
        for name, text, value in (
            ("streams", "Texts that are computed for", load.running),
            ("queue", "Texts waiting", load.waiting),
            ("streams_limit", "Most texts computed for at once", load.max_streams),
            ("queue_limit", "Most texts waiting", load.max_queue),
            ("resting", "Texts that wait for their writer or reader", load.resting),
            ("resting_bytes", "Memory of those", load.resting_bytes),
            ("real_time_factor", "Seconds of computing for a second of speech, since the start", factor),
            ("voice_cache_bytes", "Memory of prepared voices", cache.nbytes),
        ):
            yield GaugeMetricFamily(_P + name, text, value)
        yield CounterMetricFamily(f"{_P}voice_cache_hits", "Voices found ready", cache.hits)
        yield CounterMetricFamily(f"{_P}voice_cache_misses", "Voices made ready", cache.misses)

    def _observe(self, event: str, value: float) -> None:
        """From the engine's thread."""
        if event in self._histograms:
            self._histograms[event].observe(value)
            self._computing += value if event == "step" else 0.0
        elif event == "audio":
            self._audio.inc(value)
            self._made += value
        elif event in _ENDS:
            self._ends.labels(event).inc()
