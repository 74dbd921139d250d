// Whole numbers in words, as Python's num2words gives them, without commas and "and".

const SMALL = (
  "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen " +
  "eighteen nineteen"
).split(" ");
const TENS = "- - twenty thirty forty fifty sixty seventy eighty ninety".split(" ");
const GROUPS = " thousand million billion trillion quadrillion quintillion".split(" ");
const ORDINALS = { one: "first", two: "second", three: "third", five: "fifth", eight: "eighth", nine: "ninth", twelve: "twelfth" };

/** n: a number or a BigInt, from 0 to 10^21. */
export function cardinal(n) {
  const digits = String(n);
  if (digits === "0") return SMALL[0];
  const parts = [];
  for (let end = digits.length, group = 0; end > 0; end -= 3, group++) {
    const three = Number(digits.slice(Math.max(0, end - 3), end));
    if (three) parts.unshift([belowThousand(three), GROUPS[group]].filter(Boolean).join(" "));
  }
  return parts.join(" ");
}

export function ordinal(n) {
  const words = cardinal(n);
  const last = words.match(/[a-z]+$/)[0];
  const front = words.slice(0, words.length - last.length);
  return front + (ORDINALS[last] ?? (last.endsWith("y") ? `${last.slice(0, -1)}ieth` : `${last}th`));
}

function belowThousand(n) {
  const hundreds = Math.floor(n / 100);
  return [hundreds && `${SMALL[hundreds]} hundred`, n % 100 && belowHundred(n % 100)].filter(Boolean).join(" ");
}

function belowHundred(n) {
  if (n < 20) return SMALL[n];
  return TENS[Math.floor(n / 10)] + (n % 10 ? `-${SMALL[n % 10]}` : "");
}
