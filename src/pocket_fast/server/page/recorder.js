// The microphone.

import { Failure } from "./failure.js";

const LONGEST = 30; // seconds

const REFUSALS = {
  NotAllowedError: "The browser did not allow the microphone. Allow it for this page and try again.",
  NotFoundError: "No microphone was found.",
};

/** Can this browser record on this page? Only over https and on localhost. */
export const canRecord = Boolean(navigator.mediaDevices?.getUserMedia && window.MediaRecorder);

export class Recorder {
  #recorder = null;
  #kept = false;
  recording = false; // or about to: the browser may still be asking the user

  /** Listens until stop(), at most 30 s. ontick(seconds). -> Blob, or null after stop(false). */
  async record(ontick) {
    let stream;
    this.recording = true;
    try {
      // As it is: what a telephone call takes out of a voice would be missing in its copy.
      const audio = { channelCount: 1, echoCancellation: false, noiseSuppression: false };
      stream = await navigator.mediaDevices.getUserMedia({ audio });
    } catch (error) {
      this.recording = false;
      throw new Failure(REFUSALS[error.name] ?? "The microphone could not be opened.");
    }
    const recorder = (this.#recorder = new MediaRecorder(stream));
    const parts = [];
    let seconds = 0;
    this.#kept = true;
    const timer = setInterval(() => {
      seconds += 1;
      ontick(seconds);
      if (seconds === LONGEST) this.stop();
    }, 1000);
    ontick(0);
    await new Promise((resolve) => {
      recorder.ondataavailable = ({ data }) => parts.push(data);
      recorder.onstop = resolve;
      recorder.start();
    });
    clearInterval(timer);
    stream.getTracks().forEach((track) => track.stop());
    this.recording = false;
    return this.#kept ? new Blob(parts, { type: recorder.mimeType }) : null;
  }

  stop(keep = true) {
    this.#kept = keep;
    if (this.#recorder?.state === "recording") this.#recorder.stop();
  }
}
