// FLAC files (RFC 9639) of one channel: a recording at half its size, every sample as it was.

const BLOCK = 4096; // samples of a frame
const MOST_PARTITIONS = 6; // as a power of two
const MOST_RICE = 14; // 15 would mean something else

/** Bits, the highest first. */
class Bits {
  #bytes = new Uint8Array(1 << 16);
  #held = 0; // bits that are no whole byte yet
  #count = 0; // how many
  length = 0; // bytes

  /** The lowest `count` bits of value, at most 24. */
  put(value, count) {
    this.#held = (this.#held << count) | (value & (2 ** count - 1));
    this.#count += count;
    while (this.#count >= 8) {
      this.#count -= 8;
      this.#byte(this.#held >>> this.#count);
    }
    this.#held &= (1 << this.#count) - 1;
  }

  /** That many zeros and a one. */
  unary(zeros) {
    for (; zeros >= 16; zeros -= 16) this.put(0, 16);
    this.put(1, zeros + 1);
  }

  align() {
    if (this.#count) this.put(0, 8 - this.#count);
  }

  /** What was written from a byte on; a view, until more is. */
  from(start) {
    return this.#bytes.subarray(start, this.length);
  }

  #byte(value) {
    if (this.length === this.#bytes.length) {
      const more = new Uint8Array(2 * this.length);
      more.set(this.#bytes);
      this.#bytes = more;
    }
    this.#bytes[this.length++] = value;
  }
}

/** A cyclic redundancy check of `width` bits. */
function crc(bytes, polynomial, width) {
  const top = 1 << (width - 1);
  let sum = 0;
  for (const byte of bytes) {
    sum ^= byte << (width - 8);
    for (let i = 0; i < 8; i++) sum = sum & top ? (sum << 1) ^ polynomial : sum << 1;
  }
  return sum & (2 * top - 1);
}

/** What is left of samples when each is predicted from the `order` before it: their differences, so many times. */
function residuals(samples) {
  const all = [samples];
  for (let order = 1; order <= Math.min(4, samples.length - 1); order++) {
    const last = all.at(-1);
    const next = new Int32Array(last.length);
    for (let i = order; i < last.length; i++) next[i] = last[i] - last[i - 1];
    all.push(next);
  }
  return all;
}

const unsigned = (value) => (value < 0 ? -2 * value - 1 : 2 * value);

/** The Rice parameter for values of this sum, and about how many bits they take with it. */
function rice(sum, count) {
  let best = { parameter: 0, bits: count + sum };
  for (let parameter = 1; parameter <= MOST_RICE; parameter++) {
    const bits = count * (parameter + 1) + Math.floor(sum / 2 ** parameter);
    if (bits < best.bits) best = { parameter, bits };
  }
  return best;
}

/** How best to write the residuals of one order -> {bits, partitions: a power of two, parameters}. */
function plan(values, order) {
  let best = null;
  for (let power = 0; power <= MOST_PARTITIONS; power++) {
    const size = values.length >> power;
    if (size << power !== values.length || size <= order) break;
    const parameters = [];
    let bits = 0;
    for (let start = 0; start < values.length; start += size) {
      const from = Math.max(start, order);
      let sum = 0;
      for (let i = from; i < start + size; i++) sum += unsigned(values[i]);
      const found = rice(sum, start + size - from);
      parameters.push(found.parameter);
      bits += 4 + found.bits;
    }
    if (!best || bits < best.bits) best = { bits, partitions: power, parameters };
  }
  return best;
}

function frame(bits, samples, number, wasted) {
  const start = bits.length;
  bits.put(0xfff8, 16); // of blocks of one size
  bits.put(samples.length === BLOCK ? 0xc0 : 0x70, 8); // the size, here or below; the rate is as at the front
  bits.put(0x08, 8); // one channel of 16 bits
  if (number < 0x80) bits.put(number, 8);
  else bits.put(0xc080 | ((number >> 6) << 8) | (number & 63), 16); // as UTF-8 has it
  if (samples.length !== BLOCK) bits.put(samples.length - 1, 16);
  bits.put(crc(bits.from(start), 0x07, 8), 8);

  const all = residuals(samples);
  const plans = all.map((values, order) => plan(values, order));
  const cost = (order) => plans[order].bits + order * (16 - wasted);
  const order = plans.reduce((best, _, i) => (cost(i) < cost(best) ? i : best), 0);
  bits.put(0x10 | (order << 1) | (wasted ? 1 : 0), 8);
  if (wasted) bits.unary(wasted - 1);
  for (let i = 0; i < order; i++) bits.put(samples[i], 16 - wasted);
  const { partitions, parameters } = plans[order];
  bits.put(partitions, 6); // after two bits: parameters of four
  const size = samples.length >> partitions;
  parameters.forEach((parameter, i) => {
    bits.put(parameter, 4);
    for (let at = Math.max(i * size, order); at < (i + 1) * size; at++) {
      const value = unsigned(all[order][at]);
      bits.unary(value >>> parameter);
      bits.put(value, parameter);
    }
  });
  bits.align();
  bits.put(crc(bits.from(start), 0x8005, 16), 16);
}

function encode(samples, rate, wasted) {
  const bits = new Bits();
  for (const letter of "fLaC") bits.put(letter.charCodeAt(0), 8);
  bits.put(0x80, 8); // the one block in front of the frames, its bytes
  bits.put(34, 24);
  bits.put(BLOCK, 16); // least and most samples of a frame
  bits.put(BLOCK, 16);
  for (let i = 0; i < 6; i++) bits.put(0, 8); // and bytes: unknown
  bits.put(rate, 20);
  bits.put(0, 3); // one channel
  bits.put(15, 5); // of 16 bits
  bits.put(0, 4);
  bits.put(samples.length >>> 16, 16);
  bits.put(samples.length, 16);
  for (let i = 0; i < 16; i++) bits.put(0, 8); // no digest
  const highest = (1 << (15 - wasted)) - 1;
  for (let start = 0; start < samples.length; start += BLOCK) {
    const block = Int32Array.from(samples.subarray(start, start + BLOCK));
    if (wasted) block.forEach((v, i) => (block[i] = Math.min((v + (1 << (wasted - 1))) >> wasted, highest)));
    frame(bits, block, start / BLOCK, wasted);
  }
  return bits.from(0);
}

/**
 * A FLAC file (Blob) of samples (Int16Array), of at most `most` bytes: of one that would be larger, as noise is, the
 * lowest bits are left out, which are far below that noise.
 */
export function flac(samples, rate, most = Infinity) {
  let wasted = 0;
  let file = encode(samples, rate, wasted);
  while (file.length > most && wasted < 15) {
    const bits = Math.ceil((8 * (file.length - most)) / samples.length);
    wasted = Math.min(15, wasted + Math.max(1, bits));
    file = encode(samples, rate, wasted);
  }
  return new Blob([file], { type: "audio/flac" });
}
