// What is said before the user writes anything: the text to begin with, and the sentence of a preview.

const PHRASES = {
  english: ["Good morning! Whatever you write here is read aloud.", "Hello, this is how I sound."],
  french: ["Bonjour ! Tout ce que vous écrivez ici est lu à voix haute.", "Bonjour, voici ma voix."],
  german: ["Guten Morgen! Was Sie hier schreiben, wird vorgelesen.", "Hallo, so klinge ich."],
  italian: ["Buongiorno! Tutto ciò che scrivi qui viene letto ad alta voce.", "Ciao, questa è la mia voce."],
  portuguese: ["Bom dia! Tudo o que você escreve aqui é lido em voz alta.", "Olá, esta é a minha voz."],
  spanish: ["¡Buenos días! Todo lo que escribas aquí se lee en voz alta.", "Hola, esta es mi voz."],
  dutch: ["Goedemorgen! Alles wat u hier schrijft, wordt voorgelezen.", "Hallo, zo klink ik."],
};

/** -> {text, preview} in the language of a model, "french_24l" for one. */
export function phrases(model = "") {
  const [text, preview] = PHRASES[model.split("_")[0]] ?? PHRASES.english;
  return { text, preview };
}
