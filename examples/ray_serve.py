"""The server as a Ray Serve deployment: every endpoint of `pocket-fast serve`, one engine in each replica.

    pip install "pocket-fast[ray]"
    serve run examples.ray_serve:application language=english replicas=2 threads=2

Requests of one replica share its batch, so it takes many at once; Ray sends each to the less busy replica.
docs/scaling.md says more.
"""

from typing import Any

from pydantic import BaseModel
from ray import serve


class Arguments(BaseModel):  # Ray reads the annotation below, so no annotations as strings in this file
    """What may be given after the application's name, as name=value.

    language or config: as load_model takes them; voice: the default voice, as get_state_for_audio_prompt takes it;
    threads: of each replica, which Ray counts as its CPUs; streams: spoken at once in one replica.
    """

    language: str | None = None
    config: str | None = None
    voice: str = "alba"
    compute_type: str = "auto"
    replicas: int = 1
    threads: int = 2
    streams: int = 32
    hosts: str = ""


def application(arguments: Arguments) -> serve.Application:
    """For `serve run` and for serve.run()."""

    def build() -> Any:  # in each replica
        from pocket_fast import TTSModel
        from pocket_fast.server.app import create_app
        from pocket_fast.server.options import Options

        model = TTSModel.load_model(
            language=arguments.language,
            config=arguments.config,
            compute_type=arguments.compute_type,
            threads=arguments.threads,
        )
        model.limit(max_streams=arguments.streams, max_queue=arguments.streams // 2)
        voice = model.get_state_for_audio_prompt(arguments.voice)
        model.warm_up()
        hosts = tuple(filter(None, arguments.hosts.split(",")))
        return create_app(model, voice, Options(host="0.0.0.0", allowed_hosts=hosts))

    deployment = serve.deployment(
        serve.ingress(build)(),
        name="pocket_fast",
        num_replicas=arguments.replicas,
        # more than may speak and wait, or they would queue in front of the engine, which refuses in good time
        max_ongoing_requests=2 * arguments.streams,
        graceful_shutdown_timeout_s=30,
        ray_actor_options={"num_cpus": arguments.threads},
    )
    return deployment.bind()
