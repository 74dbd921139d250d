// Plays one clip at a time, while it still arrives.

import { Feed } from "./feed.js";

const REST = 1000; // ms of silence after which the sound card may sleep

/** What makes the sound. -> send(method, ...values) */
async function sender(context, onreport) {
  if (!context.audioWorklet) return processor(context, onreport);
  try {
    await context.audioWorklet.addModule(new URL("worklet.js", import.meta.url));
  } catch {
    return processor(context, onreport); // its file is not there: a bundler did not take it along
  }
  return worklet(context, onreport);
}

/** Sound by an AudioWorklet. */
function worklet(context, onreport) {
  const node = new AudioWorkletNode(context, "speaker", { numberOfInputs: 0, outputChannelCount: [1] });
  node.port.onmessage = ({ data }) => onreport(data);
  node.connect(context.destination);
  return (...message) => node.port.postMessage(message);
}

/** The same on the page's own thread: browsers have worklets only over https and on localhost. */
function processor(context, onreport) {
  const feed = new Feed();
  feed.reset(0, context.sampleRate);
  const node = context.createScriptProcessor(1024, 0, 1);
  node.onaudioprocess = ({ outputBuffer }) => {
    feed.read(outputBuffer.getChannelData(0));
    onreport(feed.report());
  };
  node.connect(context.destination);
  return (method, ...values) => feed[method](...values);
}

export class Player {
  #context = null;
  #ready = null; // a promise of send()
  #id = 0;
  #rest = 0;
  clip = null;

  /** onreport({position, playing, sounding, ended, gaps, level}) of the clip that is loaded. */
  constructor(onreport) {
    this.onreport = onreport;
  }

  /** Wakes the sound up; to be called while the browser still handles a click or a key. */
  open(rate) {
    if (this.#context?.sampleRate !== rate) {
      this.#context?.close();
      this.#context = new AudioContext({ sampleRate: rate });
      this.#ready = sender(this.#context, (report) => this.#heard(report));
    }
    clearTimeout(this.#rest);
    this.#rest = 0;
    this.#context.resume();
  }

  /** Puts a clip in, from its start, still. What arrives later comes by push() and finish(). */
  load(clip) {
    this.open(clip.rate);
    this.clip = clip;
    this.#id += 1;
    this.#send("reset", this.#id, clip.rate);
    for (const chunk of clip.chunks) this.push(chunk);
    if (clip.complete) this.finish();
  }

  push(chunk) {
    this.#send("push", chunk);
  }

  finish() {
    this.#send("finish");
  }

  play() {
    this.open(this.clip.rate);
    this.#send("play");
  }

  pause() {
    this.#send("pause");
  }

  seek(position) {
    this.open(this.clip.rate); // a sleeping context would not report the new place
    this.#send("seek", position);
  }

  #send(...message) {
    this.#ready?.then((send) => send(...message));
  }

  #heard(report) {
    if (!this.clip || report.id !== this.#id) return;
    if (report.playing) {
      clearTimeout(this.#rest);
      this.#rest = 0;
    } else {
      this.#rest ||= setTimeout(() => this.#context.suspend(), REST);
    }
    this.onreport(report);
  }
}
