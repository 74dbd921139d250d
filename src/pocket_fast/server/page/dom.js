// The page's elements by id, and its two places for messages.

export const $ = (id) => document.getElementById(id);

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
