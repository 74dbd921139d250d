"""The public classes, one for each family of models."""

from pocket_fast.api.pocket import TTSModel, export_model_state

__all__ = ["TTSModel", "export_model_state"]
