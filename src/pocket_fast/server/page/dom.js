// The page's elements by id, its two places for messages, and how it keeps still.

export const $ = (id) => document.getElementById(id);

const LONGEST_PRESS = 1000; // ms; the end of a press on a list that drops down is never heard of
let pressed = 0; // a timer, while a mouse button or a finger is down
const waiting = []; // what is to be done once it is up

/** Does what moves, adds or takes away controls: not in the middle of a press, whose click would then hit another. */
export function rearrange(change) {
  if (pressed) waiting.push(change);
  else change();
}

function released() {
  clearTimeout(pressed);
  pressed = 0;
  for (const change of waiting.splice(0)) change();
}

document.addEventListener("pointerdown", () => (pressed ||= setTimeout(released, LONGEST_PRESS)), true);
for (const end of ["pointerup", "pointercancel"]) {
  document.addEventListener(end, () => setTimeout(released), true); // the click comes first
}

/** Tells what is going on; read out by screen readers when they get to it. */
export function say(words) {
  $("status").textContent = words;
}

/** Shows what went wrong, an Error with a plain sentence; null takes it away. */
export function complain(error) {
  $("error").textContent = error?.message ?? "";
  $("error").hidden = !error;
  if (error?.status === 401) {
    $("key-row").hidden = false;
    $("key").focus();
  }
}
