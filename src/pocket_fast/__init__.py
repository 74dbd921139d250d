"""pocket_fast: text-to-speech that programs embed.

from pocket_fast import TTSModel
model = TTSModel.load_model()
voice = model.get_state_for_audio_prompt("alba")
samples = model.generate_audio(voice, "Hello world.")      # float32, 24 kHz
"""

from pocket_fast.api import TTSModel, export_model_state
from pocket_fast.errors import PocketFastError

__version__ = "0.1.0"

__all__ = ["PocketFastError", "TTSModel", "__version__", "export_model_state"]
