// Measures this browser: every build, the same text several times, medians.

import { BUILDS, PocketTTS, loadWasm } from "../pocket-fast/index.js";

const TEXT =
  "The harbour was quiet before dawn, and the boats lay still. Nobody spoke on the pier, and far out a light moved. " +
  "Then the wind came up, and with it the day began.";

const $ = (id) => document.getElementById(id);
const here = (path) => new URL(`../${path}`, import.meta.url);
const site = await (await fetch(here("site.json"))).json();
const asked = new URLSearchParams(location.search).get("model"); // another file of this site

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/** {build, realTime, warm, cold, load, memory} of one build; null where this browser does not run it. */
async function measure(build, model, times, tell) {
  const wasm = await loadWasm({ build }).catch(() => null);
  if (!wasm) return null;
  const begun = performance.now();
  const tts = await PocketTTS.load({ model, wasm, warmUp: false });
  const load = performance.now() - begun;
  try {
    const runs = [];
    for (let i = 0; i <= times; i++) {
      tell(`${build}: ${i} of ${times}`);
      await tts.generate(TEXT, { seed: 1 });
      const { memory, last } = await tts.stats();
      runs.push({ ...last, memory });
    }
    const [cold, ...warm] = runs;
    return {
      build,
      about: tts.about,
      load,
      cold: cold.firstSound,
      warm: median(warm.map(({ firstSound }) => firstSound)),
      realTime: median(warm.map(({ realTime }) => realTime)),
      memory: Math.max(...runs.map(({ memory }) => memory)),
    };
  } finally {
    tts.close();
  }
}

function show({ build, realTime, warm, cold, load, memory }) {
  const row = $("results").tBodies[0].insertRow();
  const cells = [build, realTime.toFixed(1), ms(warm), ms(cold), ms(load), `${(memory / 1e6).toFixed(0)} MB`];
  for (const text of cells) row.insertCell().textContent = text;
  $("results").hidden = false;
}

const ms = (value) => `${value.toFixed(0)} ms`;

function lineOf(found) {
  const [{ about }] = found;
  const parts = found.map(
    ({ build, realTime, warm, memory }) =>
      `${build} ${realTime.toFixed(1)} x real time, first sound ${ms(warm)}, ${(memory / 1e6).toFixed(0)} MB`,
  );
  const machine = `${navigator.hardwareConcurrency ?? "?"} cores, ${navigator.userAgent}`;
  return `pocket-fast ${site.version}, ${about.model ?? "own model"} ${about.compute_type}: ${parts.join("; ")}; ${machine}`;
}

async function run() {
  $("start").disabled = true;
  $("error").hidden = true;
  $("results").tBodies[0].replaceChildren();
  const found = [];
  try {
    for (const build of BUILDS) {
      const model = $("file").files[0] ?? here(asked ?? site.model);
      const result = await measure(build, model, $("times").valueAsNumber, (words) => ($("status").textContent = words));
      if (!result) continue;
      show(result);
      found.push(result);
    }
    $("status").textContent = "Done.";
    $("line").value = lineOf(found);
  } catch (error) {
    $("status").textContent = "";
    $("error").textContent = error.message;
    $("error").hidden = false;
  }
  $("start").disabled = false;
}

$("start").addEventListener("click", run);
