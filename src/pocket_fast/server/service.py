"""What all requests share: the model, the options, the voices and the numbers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Iterable
from typing import Any

import numpy as np
from starlette.requests import HTTPConnection, Request

from pocket_fast.api.speaking import Speaking
from pocket_fast.audio.encode import available_formats
from pocket_fast.errors import AudioError, BusyError, VoiceError, WordsError
from pocket_fast.server.answers import Refusal
from pocket_fast.server.fields import IGNORED, INSTRUCT, INSTRUCTIONS, Fields, Forms
from pocket_fast.server.metrics import Metrics
from pocket_fast.server.options import Options
from pocket_fast.server.requests import log
from pocket_fast.server.speech import check_pauses, sound, while_there
from pocket_fast.server.voices import Voices

_LONG = 2000  # characters that take milliseconds to look at
_MOST_TOLD = 64  # names: who makes them up does not fill the log


class Service:
    """One for each app; requests find it with `of`."""

    def __init__(self, model: Speaking, options: Options, default_voice: object):
        model.limit(idle_seconds=options.idle_seconds, idle_bytes=options.idle_bytes)
        self.model = model
        self.options = options
        self.voices = Voices(model, options, default_voice)
        self.forms = Forms(model, has_voices=bool(self.voices.names) or options.voices is not None)
        self.metrics = Metrics(model)
        available_formats()  # looked up before anyone waits for it
        self.started = int(time.time())
        self._told: set[str] = set()  # to the log, of what is ignored

    @staticmethod
    def of(connection: HTTPConnection) -> Service:
        """The service of the app that a request or a WebSocket came to."""
        return connection.app.state.service

    @property
    def name(self) -> str:
        """The released model that is loaded, or "custom"."""
        return self.model.name

    def settings(self, fields: Fields) -> dict[str, Any]:
        """What the model is asked for: by the request, else by this server, as Speaking.speak takes it."""
        return {**self.options.settings, **self.forms.settings_of(fields)}

    def tell_ignored(self, names: Iterable[str]) -> None:
        """Say once in the log what requests come with that means nothing here."""
        new = set(names) - self._told
        if not new or len(self._told) >= _MOST_TOLD:
            return
        self._told |= new
        if instructions := new & {INSTRUCT, INSTRUCTIONS}:  # many a client sends them with every request
            log.warning(
                "Requests come with instructions, which this model (%s) cannot follow: it speaks without, and "
                "answers say so in the header %s",
                self.name,
                IGNORED,
            )
        if others := new - instructions:
            log.warning(
                "Requests come with fields that mean nothing here: %s; answers name them in the header %s",
                ", ".join(sorted(others)),
                IGNORED,
            )

    async def speak(
        self, request: Request, fields: Fields, text: str, live: bool = True
    ) -> AsyncGenerator[np.ndarray, None]:
        """The sound of a text in the voice that was asked for; nothing is computed before its first chunk is.

        Raises BusyError at once when nobody more may wait, before a recording is looked at; ClientDisconnect when the
        client leaves before its voice is ready, which is then not made.
        """
        self.tell_ignored(fields.ignored)
        if len(text) > _LONG:
            await asyncio.to_thread(check_pauses, text, self.model.sample_rate, fields.natural_pauses)
        else:
            check_pauses(text, self.model.sample_rate, fields.natural_pauses)
        load = self.model.engine_load()
        if load.waiting >= load.max_queue and load.running >= load.max_streams:
            raise BusyError(
                f"{load.running} listeners are being spoken to and {load.waiting} are waiting", 5.0
            )
        state = await while_there(request.receive, self._voice(fields))
        settings = self.settings(fields)
        return sound(self.model, state, text, fields, settings, self.options.max_wait, live)

    async def _voice(self, fields: Fields) -> Any:
        """The state of the voice; what it was made from need not be kept for as long as it speaks."""
        voice, recording, words = fields.voice, fields.recording, fields.words
        fields.voice = fields._recording = None
        if recording is None:
            return await self.voices.find(voice, words=words)
        try:
            return await self.voices.find(voice, recording.file, words)
        except (AudioError, VoiceError) as error:
            if isinstance(error, WordsError):
                raise
            raise Refusal(400, str(error), "voice_wav") from None
        finally:
            await recording.close()
