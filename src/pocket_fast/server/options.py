"""What a server allows and offers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pocket_fast.api.voice_folder import VoiceFolder


@dataclass(frozen=True)
class Options:
    """Limits and permissions, the same for all requests.

    host: the address or name that it listens on; allowed_hosts: other names that it is asked by, see names.Names.
    api_key: the Bearer token that speech and lists ask for; None asks for none. cors_origins: web sites, other than
    the server's own page, whose scripts may use it; "*" is all. forwarded_allow_ips: addresses and networks of
    proxies that are believed whom they speak for (X-Forwarded-Host, -Port, -For, -Proto), separated by commas; "*"
    is all. (uvicorn's own proxy_headers has to be off: it takes their addresses away.) max_text: characters of one
    request. max_upload: bytes of a recording. max_upload_seconds: only its beginning is used, up to here. max_wait:
    seconds until someone in the queue is sent away. idle_seconds, idle_bytes: see Speaking.limit; a client that
    takes none of its answer for as long is cut off. max_connections: at once, as far as there are file handles.
    request_seconds: for a request's head, and for its body that and a second more for every 4 KB. allow_voice_urls:
    fetch recordings from https:// and hf:// when asked to. default_voice: how the voice of requests that name none
    is called in the list of voices; voices: a folder of more. settings: what the model is asked for where requests
    give none, as Speaking.speak takes it.
    """

    host: str = "127.0.0.1"
    allowed_hosts: tuple[str, ...] = ()
    api_key: str | None = None
    cors_origins: tuple[str, ...] = ()
    forwarded_allow_ips: str = "127.0.0.1,::1"
    max_text: int = 20_000
    max_upload: int = 25 << 20
    max_upload_seconds: float = 30.0
    max_wait: float = 30.0
    idle_seconds: float = 600.0
    idle_bytes: int = 1 << 30
    max_connections: int = 1024
    request_seconds: float = 20.0
    allow_voice_urls: bool = False
    default_voice: str = "default"
    voices: VoiceFolder | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def max_body(self) -> int:
        """Bytes of the largest body that could hold both, in the most wasteful encoding: base64, and \\u escapes."""
        return self.max_upload * 4 // 3 + self.max_fields

    @property
    def max_fields(self) -> int:
        """Bytes of all fields but a recording."""
        return 12 * self.max_text + (64 << 10)
