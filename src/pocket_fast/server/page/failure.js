// What went wrong, as a plain sentence that the page shows.

export class Failure extends Error {
  constructor(sentence, status = 0) {
    super(sentence);
    this.status = status;
  }
}

/** A reason as a sentence; "" for none. */
export function sentence(words) {
  const text = String(words).trim();
  return text && text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
}
