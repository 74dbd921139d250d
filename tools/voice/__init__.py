"""How the built-in English model is made: texts, synthesised speech, four small trainings, the bundle."""
