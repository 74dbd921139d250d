// Whose voice: one of the server's, an uploaded recording, or the microphone.

import { $, complain, rearrange, say } from "./dom.js";
import { Recorder, canRecord } from "./recorder.js";
import { voiceSample } from "./sound.js";
import { clock } from "./wave.js";

const recorder = new Recorder();
let sample = null; // {name, seconds, file}
let rate = 24000; // of the model
let takesVoice = true;
let takesWords = false;

/** As fields of a request: {voice, sample}, one of them empty, and what else says how to speak. */
export const chosenVoice = () => ({
  voice: sample ? "" : $("voice").value,
  sample,
  voice_text: sample && takesWords ? $("words").value.trim() : "",
  instruct: $("instruct").value.trim(),
});

/** Fills the list with the server's answer; what was chosen before stays chosen if it is still there. */
export function offerVoices({ voices, default: first }) {
  const chosen = $("voice").value;
  if (voices.length) $("voice").replaceChildren(...voices.map(({ id, name }) => new Option(name ?? id, id)));
  const best = voices.some(({ id }) => id === chosen) ? chosen : first;
  if (best) $("voice").value = best;
}

/** Shows what can be asked of the model: `takes` names fields of requests. Without it, the page stays as it is. */
export function offerFields({ takes, sample_rate }) {
  rate = sample_rate;
  if (!takes) return;
  for (const part of document.querySelectorAll("[data-takes]")) {
    part.hidden = !part.dataset.takes.split(" ").some((name) => takes.includes(name));
  }
  takesVoice = takes.includes("voice");
  takesWords = takes.includes("voice_text");
  use(sample);
  const described = !takes.includes("voice") && !takes.includes("voice_wav");
  $("instruct-name").textContent = described ? "The voice, described" : "Instructions";
}

function use(value) {
  sample = value;
  $("words").disabled = !sample;
  $("sample").hidden = !sample;
  $("voice").hidden = Boolean(sample) || !takesVoice;
  $("voice").disabled = Boolean(sample);
  $("nobody").hidden = Boolean(sample) || takesVoice;
  $("preview").disabled = !sample && !takesVoice;
  $("sample-name").textContent = sample?.name;
  $("sample-length").textContent = sample && `${sample.seconds.toFixed(1)} s`;
}

async function upload([file]) {
  if (!file) return;
  complain(null);
  try {
    const heard = await voiceSample(file, file.name, rate);
    rearrange(() => use(heard));
  } catch (error) {
    complain(error);
  }
  $("file").value = ""; // the same file may be chosen again
}

async function record() {
  if (recorder.recording) return recorder.stop();
  const [label, elapsed] = $("record").children;
  complain(null);
  try {
    const blob = await recorder.record((seconds) => {
      label.textContent = "Stop";
      elapsed.textContent = clock(seconds);
      $("record").setAttribute("aria-pressed", "true");
      if (seconds === 0) say("Recording: speak for about ten seconds.");
    });
    if (blob) {
      const heard = await voiceSample(blob, "your recording", rate);
      rearrange(() => use(heard));
    }
  } catch (error) {
    complain(error);
  }
  say("");
  label.textContent = "Record";
  elapsed.textContent = "";
  $("record").setAttribute("aria-pressed", "false");
}

export const isRecording = () => recorder.recording;

/** Throws away what is being recorded. */
export function stopRecording() {
  recorder.stop(false);
}

/** onrecord(): the microphone is about to listen. */
export function setUpVoice(onrecord) {
  $("upload").addEventListener("click", () => $("file").click());
  $("file").addEventListener("change", () => upload($("file").files));
  $("record").addEventListener("click", () => {
    onrecord();
    record();
  });
  $("remove").addEventListener("click", () => {
    use(null);
    $("voice").focus();
  });
  $("record").hidden = !canRecord;
  $("unsafe").hidden = canRecord;
}
