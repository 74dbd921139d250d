// The player's card: what is heard, drawn and measured of one clip, and its files.

import { $, complain, say } from "./dom.js";
import { History, save } from "./history.js";
import { Player } from "./player.js";
import { mp3 } from "./server.js";
import { Wave, clock } from "./wave.js";

const player = new Player(onReport);
const wave = new Wave($("wave"), (position) => player.seek(position), toggle);
let heard = { position: 0, playing: false, sounding: false, ended: false, gaps: 0 }; // the player's latest report

export const past = new History($("past"), $("clips"), $("entry"), show, () => $("text").focus());

/** Wakes the sound up while the browser handles a click or a key. */
export const wake = (rate) => player.open(rate);

export const pause = () => player.pause();

/** Plays a clip from its start. */
export function show(clip) {
  player.load(clip);
  player.play();
  heard = { position: 0, playing: true, sounding: false, ended: false, gaps: 0 };
  $("title").textContent = `${clip.voice}: ${clip.request.text}`;
  $("seed").textContent = clip.request.seed;
  $("wave").removeAttribute("aria-disabled");
  $("play").disabled = $("save-wav").disabled = false;
  past.mark(clip);
  paint();
}

/** More of a clip has arrived. */
export function more(clip, chunk) {
  if (player.clip !== clip) return;
  player.push(chunk);
  paint();
}

/** All that will arrive of a clip has. */
export function finished(clip) {
  past.update(clip);
  if (player.clip !== clip) return;
  player.finish();
  paint();
}

function toggle() {
  if (heard.playing) return player.pause();
  if (heard.ended) player.seek(0);
  player.play();
}

function onReport(report) {
  heard = report;
  paint();
}

function paint() {
  const { clip } = player;
  const { position, playing, sounding, gaps } = heard;
  wave.show(clip, position);
  $("player").dataset.state = !playing ? "still" : sounding ? "playing" : "waiting";
  $("play").setAttribute("aria-label", playing ? "Pause" : "Play");
  $("time").textContent = `${clock(position / clip.rate)} / ${clock(clip.seconds)}`;
  $("first").textContent = `${Math.round(clip.firstAudio)} ms`;
  $("factor").textContent = `${((1000 * clip.seconds) / clip.elapsed).toFixed(1)}× real time`;
  $("gaps").textContent = gaps;
  $("save-mp3").disabled = !clip.whole; // the server would make all of a clip that was cut short
}

async function saveMp3() {
  const { clip } = player;
  complain(null);
  say("Making the MP3…");
  try {
    clip.mp3 ??= await mp3(clip.request);
    save(clip.mp3, clip.fileName("mp3"));
    say("MP3 saved.");
  } catch (error) {
    say("");
    complain(error);
  }
}

$("play").addEventListener("click", toggle);
$("save-wav").addEventListener("click", () => save(player.clip.wav(), player.clip.fileName("wav")));
$("save-mp3").addEventListener("click", saveMp3);
