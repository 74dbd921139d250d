// Made by tools/make_web_spelling.py of text/spelling/symbols.py: change that, and run it again.

import { has, sub, table } from "../python.js";
import { said } from "./spoken.js";

const _SYMBOLS = table("&: and; @: at; +: plus; =: equals; −: minus; ±: plus or minus; ×: times; ÷: divided by; <: less than; >: greater than; ≠: is not equal to; ≈: about; ≤: less than or equal to; ≥: greater than or equal to; §: section; ©: copyright; ®: registered; ™: trademark; °: degrees; ∞: infinity; √: the square root of; →: to; €: euros; £: pounds; ¥: yen; ¢: cents; ₹: rupees; ₩: won; ₽: rubles; $: dollars; %: percent; µ: micro; ฿: baht; ₪: shekels; ₿: bitcoins; ₺: lira; ₴: hryvnias; ₱: pesos; ₦: naira; ₫: dong; ₡: colones; ₵: cedis; ₸: tenge; ₾: lari; Ω: omega; ²: squared; ³: cubed; ↑: up; ↓: down; ∑: the sum of; ∏: the product of; ∫: the integral of; ∂: partial; ∇: del; ∈: in; ∉: not in; ∀: for all; ∃: there is; ∅: the empty set; ∪: union; ∩: intersection; ⊂: a subset of; ⊆: a subset of; ∝: is proportional to; ∴: therefore; ∵: because; ⊥: is perpendicular to; ≡: is equivalent to; ≅: is congruent to; ∧: and; ∨: or; ♯: sharp; ♭: flat");
const _OR = /(?:(?<=[\wµ²³Ω])(?![\wµ²³Ω])|(?<![\wµ²³Ω])(?=[\wµ²³Ω]))(?:he\/she|she\/he|his\/hers?|him\/her|yes\/no|true\/false|on\/off|either\/or)(?:(?<=[\wµ²³Ω])(?![\wµ²³Ω])|(?<![\wµ²³Ω])(?=[\wµ²³Ω]))/gi;
const _COMPOUND = [[/(?:(?<=[\wµ²³Ω])(?![\wµ²³Ω])|(?<![\wµ²³Ω])(?=[\wµ²³Ω]))TL;DR(?:(?<=[\wµ²³Ω])(?![\wµ²³Ω])|(?<![\wµ²³Ω])(?=[\wµ²³Ω]))/g, "TLDR"], [/\+ ?\/ ?-/g, "±"], [/<?-{1,3}>/g, "→"], [/(?:<=|=<)/g, "≤"], [/(?:>=|=>)/g, "≥"], [/(?:!=|=\/=)/g, "≠"], [/={2,}/g, "="], [/ \/ /g, ", "], [/(?:'n'|(?<= )'n(?= ))/gi, "and"], [/(?:(?<=[\wµ²³Ω])(?![\wµ²³Ω])|(?<![\wµ²³Ω])(?=[\wµ²³Ω]))and\/or(?:(?<=[\wµ²³Ω])(?![\wµ²³Ω])|(?<![\wµ²³Ω])(?=[\wµ²³Ω]))/gi, "and or"], [/(?<=[A-Z])\/(?=[A-Z])/g, " "], [/(?<=[A-Za-z\x03])\/(?=[A-Za-z\x02])/g, "\x02slash\x03"], [/(?<=[a-z]{3})[®™©]/g, ""], [/[®™]+(?=[A-Za-z\t-\r\x1c- .,;:!?]|$)/g, " "], [/\([cC]\)(?= ?\x02)/g, "©"], [/\((?:[rR]|[tT][mM])\)/g, " "], [/(?<![\wµ²³Ω'\-])([A-D])-(?=[\t-\r\x1c- .,;!?)]|$)/g, "\\1\x02minus\x03"], [/(?<![\wµ²³Ω'\-])[Aa][\-–][Zz](?![\wµ²³Ω'\-])/g, "\x02ay to zee\x03"], [/\$(?=[A-Z])/g, ""], [/#(?=[\x02\d])/g, "\x02number\x03"], [/(?<=[A-Za-z])#(?![A-Za-z])/g, "\x02sharp\x03"], [/#(?=[A-Za-z])/g, "\x02hashtag\x03 "], [/~(?= ?[\x02\d])/g, "\x02about\x03"], [/(?<=\x03)(?:-| ?– ?)(?=\x02)/g, "\x02to\x03"], [/(?<=\x03) ?[xX×] ?(?=\x02)/g, "\x02by\x03"]];
const _SYMBOL = /[&@+=−±×÷<>≠≈≤≥§©®™°∞√→€£¥¢₹₩₽$%µ฿₪₿₺₴₱₦₫₡₵₸₾Ω²³↑↓∑∏∫∂∇∈∉∀∃∅∪∩⊂⊆∝∴∵⊥≡≅∧∨♯♭]/g;

export function say_symbols(text) {
  let pattern, words;
  if (has(text, "/")) {
    text = sub(_OR, (pair) => pair[0].split("/").join(" or "), text);
  }
  for ([pattern, words] of _COMPOUND) {
    text = sub(pattern, words, text);
  }
  return sub(_SYMBOL, (symbol) => said(_SYMBOLS.get(symbol[0])), text);
}
