"""Speaks through wyoming-openai, started here, as Home Assistant does: URL, FILE for the samples, TEXT.

Prints the voices it offers, then what it logged.
"""

import asyncio
import socket
import subprocess
import sys
from pathlib import Path

from wyoming.audio import AudioChunk, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.info import Describe, Info
from wyoming.tts import Synthesize


async def talk(port, text):
    async with AsyncTcpClient("127.0.0.1", port) as client:
        await client.write_event(Describe().event())
        info = Info.from_event(await client.read_event())
        print([voice.name for program in info.tts for voice in program.voices])
        await client.write_event(Synthesize(text=text).event())
        sound = b""
        while not AudioStop.is_type((event := await client.read_event()).type):
            if AudioChunk.is_type(event.type):
                chunk = AudioChunk.from_event(event)
                assert (chunk.rate, chunk.width, chunk.channels) == (24000, 2, 1)
                sound += chunk.audio
        return sound


async def listening(port):
    while True:
        try:
            return (await asyncio.open_connection("127.0.0.1", port))[1].close()
        except OSError:
            await asyncio.sleep(0.1)


async def main(url, file, text):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    words = ["--uri", f"tcp://127.0.0.1:{port}", "--languages", "en", "--tts-openai-url", f"{url}/v1"]
    words += ["--tts-models", "tts-1", "--tts-backend", "KOKORO_FASTAPI"]
    command = [sys.executable, "-m", "wyoming_openai", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        await asyncio.wait_for(listening(port), 60)
        Path(file).write_bytes(await asyncio.wait_for(talk(port, text), 60))
        process.terminate()
        print(process.stdout.read())


asyncio.run(main(*sys.argv[1:]))
