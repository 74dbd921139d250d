// The clips of this page: kept in memory, gone with it.

import { rearrange } from "./dom.js";
import { clock } from "./wave.js";

const MOST = 12;

/** Saves a Blob as a file. */
export function save(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // the browser may still be reading it
}

export class History {
  #items = new Map(); // Clip -> <li>, the oldest first

  /** section is hidden while list is empty; again(clip), and emptied() when the last one was removed by hand. */
  constructor(section, list, template, again, emptied) {
    Object.assign(this, { section, list, template, again, emptied });
  }

  add(clip) {
    const item = this.template.content.cloneNode(true).firstElementChild;
    item.querySelector(".words").textContent = clip.request.text;
    item.querySelector(".again").addEventListener("click", () => this.again(clip));
    item.querySelector(".save").addEventListener("click", () => save(clip.wav(), clip.fileName("wav")));
    item.querySelector(".forget").addEventListener("click", () => this.#forget(clip));
    item.querySelector(".save").setAttribute("aria-label", `Save WAV: ${clip.request.text}`);
    item.querySelector(".forget").setAttribute("aria-label", `Remove: ${clip.request.text}`);
    this.#items.set(clip, item);
    this.update(clip);
    rearrange(() => {
      this.list.prepend(item);
      this.section.hidden = false;
      if (this.#items.size > MOST) this.#drop(this.#items.keys().next().value);
    });
  }

  /** Writes a clip's facts anew. */
  update(clip) {
    const facts = this.#items.get(clip)?.querySelector(".facts");
    if (!facts) return;
    const length = !clip.complete ? "…" : clip.whole ? clock(clip.seconds) : `${clock(clip.seconds)}, cut short`;
    facts.textContent = `${clip.voice}, ${length}`;
  }

  /** Marks the clip that is in the player. */
  mark(clip) {
    for (const [other, item] of this.#items) item.setAttribute("aria-current", other === clip);
  }

  #forget(clip) {
    const next = this.#items.get(clip).nextElementSibling ?? this.#items.get(clip).previousElementSibling;
    this.#drop(clip);
    if (next) next.querySelector(".forget").focus();
    else this.emptied();
  }

  #drop(clip) {
    this.#items.get(clip).remove();
    this.#items.delete(clip);
    this.section.hidden = this.#items.size === 0;
  }
}
