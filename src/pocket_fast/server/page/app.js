// The page: the text, and the speech that is being made of it.

import { Clip } from "./clip.js";
import { $, complain, rearrange, say } from "./dom.js";
import { Failure } from "./failure.js";
import { phrases } from "./phrases.js";
import { finished, more, past, pause, show, wake } from "./playback.js";
import { ask, speech, useKey } from "./server.js";
import { chosenVoice, isRecording, offerFields, offerVoices, setUpVoice, stopRecording } from "./voice.js";

let health = { sample_rate: 24000 };
let running = null; // the AbortController of the speech that is being made
const spoken = { characters: 140, seconds: 10 }; // 14 a second, until this page has heard better
const LONGEST_BLANK = 2000; // ms without an answer, then the page is shown as it is
const previews = new Map(); // voice name, or sample -> Clip

const perSecond = () => spoken.characters / spoken.seconds;

function count() {
  const characters = [...$("text").value].length;
  const seconds = Math.ceil(characters / perSecond());
  const long = seconds < 60 ? `${seconds} s` : `${(seconds / 60).toFixed(1)} min`;
  $("count").textContent = `${characters.toLocaleString("en")} character${characters === 1 ? "" : "s"}, about ${long}`;
}

function generate() {
  const text = $("text").value.trim();
  complain(null);
  if (isRecording()) return complain(new Failure("Stop the recording first."));
  if (!text) {
    complain(new Failure("Write something to say first."));
    return $("text").focus();
  }
  if (!$("form").checkValidity()) {
    $("more").open = true; // the browser points at what is wrong
    return $("form").reportValidity();
  }
  const fields = { text, ...chosenVoice() };
  for (const input of $("more").querySelectorAll("input")) {
    fields[input.name] = input.value && (input.type === "number" ? input.valueAsNumber : input.value);
  }
  // Chosen here, so that the same speech can be had again: as MP3, or another day.
  if (fields.seed === "") fields.seed = Math.floor(1e6 * Math.random());
  speak(fields, true);
}

async function preview() {
  if (running || isRecording()) return;
  const { voice, sample, voice_text } = chosenVoice();
  const whose = sample ?? voice;
  complain(null);
  if (previews.has(whose)) return show(previews.get(whose));
  const clip = await speak({ text: phrases(health.model).preview, voice, sample, voice_text, seed: 1 }, false);
  if (clip.whole) previews.set(whose, clip);
}

/** Asks for speech and plays it as it arrives; keep: among the clips of the page. -> Clip */
async function speak(request, keep) {
  cancel();
  const abort = new AbortController();
  const clip = new Clip(request, health.sample_rate, [...request.text].length / perSecond());
  const started = performance.now();
  let trouble = null;
  busy(abort);
  wake(clip.rate);
  say("Waiting for the first sound…");
  try {
    const { rate, samples } = await speech(request, abort.signal);
    clip.rate = rate;
    for await (const chunk of samples) {
      clip.push(chunk);
      clip.elapsed = performance.now() - started;
      if (clip.firstAudio !== null) {
        more(clip, chunk);
        continue;
      }
      clip.firstAudio = clip.elapsed;
      if (keep) past.add(clip);
      show(clip);
      say("Speaking…");
    }
    if (!clip.length) trouble = new Failure("The server sent no sound for this text.");
  } catch (error) {
    const broken = `The connection broke after ${clip.seconds.toFixed(1)} s of speech.`;
    trouble = error instanceof Failure ? error : new Failure(broken);
  }
  clip.finish(!trouble);
  finished(clip);
  if (abort.signal.aborted) return clip;
  busy(null);
  complain(trouble);
  say(trouble ? "" : `Done: ${clip.seconds.toFixed(1)} s of speech.`);
  if (clip.whole && keep) {
    spoken.characters += [...request.text].length;
    spoken.seconds += clip.seconds * (request.speed || 1);
    count();
  }
  return clip;
}

/** Stops the speech that is being made, at the server too, and the sound. */
function cancel() {
  if (running) {
    running.abort();
    busy(null);
    say("Cancelled.");
  }
  pause();
}

function busy(abort) {
  if (!abort && document.activeElement === $("cancel")) $("generate").focus();
  running = abort;
  $("cancel").disabled = !abort;
  $("preview").setAttribute("aria-disabled", Boolean(abort));
}

/** What the server is and takes, which it tells everyone, and its voices, which it may tell to those with a key. */
async function meet() {
  try {
    health = { ...health, ...(await (await ask("health")).json()) };
    rearrange(() => {
      offerFields(health);
      $("cloning").hidden = health.cloning === false;
    });
    $("server").textContent = [health.model, health.version].filter(Boolean).join(" · ");
    $("text").value ||= phrases(health.model).text;
    count();
    ready();
    const voices = await (await ask("v1/audio/voices")).json();
    rearrange(() => offerVoices(voices));
  } catch (error) {
    complain(error);
  }
  ready();
}

function ready() {
  document.querySelector("main").classList.add("ready");
}

$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  generate();
});
$("text").addEventListener("input", count);
$("cancel").addEventListener("click", cancel);
$("preview").addEventListener("click", preview);
$("key").addEventListener("change", () => {
  useKey($("key").value);
  complain(null);
  meet();
});
document.addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    generate();
  } else if (event.key === "Escape") {
    stopRecording();
    cancel();
  }
});
setUpVoice(cancel);
setTimeout(ready, LONGEST_BLANK);
meet();
