"""How well a model says what it was asked to: the parts of tools/evaluate_voice.py."""
