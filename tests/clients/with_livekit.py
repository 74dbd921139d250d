"""Speaks with LiveKit's openai.TTS: URL, FILE for the samples, TEXT, MODEL. Prints the ids of its requests."""

import asyncio
import logging
import sys
from pathlib import Path

from livekit.plugins import openai


async def main(url, file, text, model):
    logging.basicConfig(level=logging.WARNING)
    speaker = openai.TTS(
        model=model, voice="nova", base_url=f"{url}/v1", api_key="unused", response_format="pcm"
    )
    sound = b""
    async for event in speaker.synthesize(text):
        assert (event.frame.sample_rate, event.frame.num_channels) == (24000, 1)
        sound += bytes(event.frame.data)
        print(event.request_id)
    await speaker.aclose()
    Path(file).write_bytes(sound)


asyncio.run(main(*sys.argv[1:]))
