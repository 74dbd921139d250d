"""pocket_fast: text-to-speech that programs embed.

from pocket_fast import TTSModel

model = TTSModel.load_model()  # the released English model; language= and config= choose others
voice = model.get_state_for_audio_prompt("alba")  # or the path or URL of a recording
samples = model.generate_audio(voice, "Hello world.")  # (n,) float32 at model.sample_rate, 24000 Hz
for frame in model.generate_audio_stream(voice, "This is heard while it is made."):
    print(f"{len(frame) / model.sample_rate:.2f} s more")
# load(name_or_path) makes the class that a model belongs to
"""

from pocket_fast.api import Qwen3TTSModel, TTSModel, VoiceClonePromptItem, export_model_state, load
from pocket_fast.errors import PocketFastError

__version__ = "0.1.0"

__all__ = [
    "PocketFastError",
    "Qwen3TTSModel",
    "TTSModel",
    "VoiceClonePromptItem",
    "__version__",
    "export_model_state",
    "load",
]
