// Sound files: WAV out, and a recording of a voice in.

import { Failure } from "./server.js";

const RATE = 24000; // what the models hear
const LONGEST = 30; // seconds that are used of a recording
const SHORTEST = 1;
const SILENT = 0.01; // peak, of 1

/** A 16-bit mono WAV file (Blob) of chunks of samples (Int16Array). */
export function wav(chunks, rate) {
  const bytes = chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0);
  const header = new DataView(new ArrayBuffer(44));
  const tag = (at, letters) => [...letters].forEach((c, i) => header.setUint8(at + i, c.charCodeAt(0)));
  tag(0, "RIFF");
  header.setUint32(4, 36 + bytes, true);
  tag(8, "WAVEfmt ");
  header.setUint32(16, 16, true);
  header.setUint16(20, 1, true); // PCM
  header.setUint16(22, 1, true); // channels
  header.setUint32(24, rate, true);
  header.setUint32(28, 2 * rate, true);
  header.setUint16(32, 2, true);
  header.setUint16(34, 16, true);
  tag(36, "data");
  header.setUint32(40, bytes, true);
  return new Blob([header, ...chunks], { type: "audio/wav" });
}

/** A recording in any form the browser reads -> {name, seconds, file}: mono WAV at the model's rate, its first 30 s. */
export async function voiceSample(blob, name) {
  let heard;
  try {
    heard = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(await blob.arrayBuffer());
  } catch {
    throw new Failure(`“${name}” is not a sound file that this browser can read. Try WAV or MP3.`);
  }
  if (heard.duration < SHORTEST) throw new Failure("That recording is shorter than a second. About ten are good.");
  const channels = Array.from({ length: heard.numberOfChannels }, (_, i) => heard.getChannelData(i));
  const samples = new Int16Array(Math.min(heard.length, LONGEST * RATE));
  let peak = 0;
  for (let i = 0; i < samples.length; i++) {
    const value = channels.reduce((sum, channel) => sum + channel[i], 0) / channels.length;
    samples[i] = Math.max(-1, Math.min(1, value)) * 32767;
    peak = Math.max(peak, Math.abs(value));
  }
  if (peak < SILENT) throw new Failure("There is only silence in that recording. Is the right microphone chosen?");
  return { name, seconds: samples.length / RATE, file: wav([samples], RATE) };
}
