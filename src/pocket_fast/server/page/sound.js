// A recording of a voice, as it is sent.

import { oneVoice } from "./channels.js";
import { Failure } from "./failure.js";
import { flac } from "./flac.js";

const LONGEST = 30; // seconds that are used of a recording
const SHORTEST = 1;
const SILENT = 0.01; // peak, of 1
const MOST = 900_000; // bytes: many a proxy lets no more than 1 MiB through, and the text is there too

const peakOf = (channel) => channel.reduce((peak, value) => Math.max(peak, Math.abs(value)), 0);

/** A recording in any form the browser reads -> {name, seconds, file}: mono FLAC at the model's rate, its first 30 s. */
export async function voiceSample(blob, name, rate) {
  let heard;
  try {
    heard = await new OfflineAudioContext(1, 1, rate).decodeAudioData(await blob.arrayBuffer());
  } catch {
    throw new Failure(`“${name}” is not a sound file that this browser can read. Try WAV or MP3.`);
  }
  if (heard.duration < SHORTEST) throw new Failure("That recording is shorter than a second. About ten are good.");
  const channels = Array.from({ length: heard.numberOfChannels }, (_, i) =>
    heard.getChannelData(i).subarray(0, LONGEST * rate),
  );
  const sound = oneVoice(channels);
  if (peakOf(sound) < SILENT) {
    throw new Failure("There is only silence in that recording. Is the right microphone chosen?");
  }
  const samples = Int16Array.from(sound, (value) => Math.max(-1, Math.min(1, value)) * 32767);
  return { name, seconds: samples.length / rate, file: flac(samples, rate, MOST) };
}
