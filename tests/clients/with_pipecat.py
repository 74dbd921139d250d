"""Speaks with pipecat's OpenAITTSService: URL, FILE for the samples, TEXT... one frame each."""

import asyncio
import sys
from pathlib import Path

from pipecat.frames.frames import EndFrame, ErrorFrame, TTSAudioRawFrame, TTSSpeakFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.runner import PipelineRunner
from pipecat.pipeline.task import PipelineTask
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.services.openai.tts import OpenAITTSService


class Listener(FrameProcessor):
    def __init__(self):
        super().__init__()
        self.sound = b""

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        assert not isinstance(frame, ErrorFrame), frame
        if isinstance(frame, TTSAudioRawFrame):
            assert (frame.sample_rate, frame.num_channels) == (24000, 1)
            self.sound += frame.audio
        await self.push_frame(frame, direction)


async def main(url, file, *texts):
    settings = OpenAITTSService.Settings(model="tts-1", voice="nova", instructions="Softly.", speed=1.0)
    speaker = OpenAITTSService(base_url=f"{url}/v1", api_key="unused", settings=settings)
    listener = Listener()
    task = PipelineTask(Pipeline([speaker, listener]))
    await task.queue_frames([*map(TTSSpeakFrame, texts), EndFrame()])
    await PipelineRunner(handle_sigint=False).run(task)
    Path(file).write_bytes(listener.sound)


asyncio.run(main(*sys.argv[1:]))
