// Several channels to one, as audio/channels.py has it.

const SILENT = 1e-4; // of the loudest channel's power: -40 dB
const CANCELLED = 0.2; // of it, divided by the number of channels: what is left of those in opposite phase

/** Of several channels their mean, without silent ones; where they cancel each other, the loudest. */
export function oneVoice(channels) {
  if (channels.length === 1) return channels[0];
  const mean = meanOf(channels);
  const power = [...channels, mean].map(powerOf);
  let all = power.pop();
  const loudest = power.indexOf(Math.max(...power));
  const sounding = channels.filter((_, i) => power[i] >= SILENT * power[loudest]);
  all *= (channels.length / sounding.length) ** 2;
  if (all < (CANCELLED / sounding.length) * power[loudest]) return channels[loudest];
  return sounding.length === channels.length ? mean : meanOf(sounding);
}

const meanOf = (channels) =>
  channels[0].map((_, i) => channels.reduce((sum, channel) => sum + channel[i], 0) / channels.length);

/** About its own mean: no direct current. */
function powerOf(samples) {
  let [sum, squares] = [0, 0];
  for (const value of samples) {
    sum += value;
    squares += value * value;
  }
  const total = Math.max(samples.length, 1);
  return Math.max(squares / total - (sum / total) ** 2, 0);
}
