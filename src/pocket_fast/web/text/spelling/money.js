// Made by tools/make_web_spelling.py of text/spelling/money.py: change that, and run it again.

import { matchAt, partition, search, strip, stripStart, sub, table } from "../python.js";
import { number } from "./number_words.js";
import { said } from "./spoken.js";

const _NAMES = table("$: dollar|dollars|cent|cents; £: pound|pounds|penny|pence; €: euro|euros|cent|cents; ¥: yen|yen; ¢: cent|cents; ₹: rupee|rupees|paisa|paise; ₩: won|won; ₽: ruble|rubles; ฿: baht|baht; ₪: shekel|shekels; ₿: bitcoin|bitcoins; ₺: lira|lira; ₴: hryvnia|hryvnias; ₱: peso|pesos; ₦: naira|naira; ₫: dong|dong; ₡: colon|colones; ₵: cedi|cedis; ₸: tenge|tenge; ₾: lari|lari; US$: US dollar|US dollars|cent|cents; A$: Australian dollar|Australian dollars|cent|cents; C$: Canadian dollar|Canadian dollars|cent|cents; NZ$: New Zealand dollar|New Zealand dollars; HK$: Hong Kong dollar|Hong Kong dollars; S$: Singapore dollar|Singapore dollars; NT$: New Taiwan dollar|New Taiwan dollars; MX$: Mexican peso|Mexican pesos; R$: real|reais; EUR: euro|euros|cent|cents; GBP: British pound|British pounds|penny|pence; JPY: yen|yen; CHF: Swiss franc|Swiss francs|centime|centimes; CNY: yuan|yuan; RMB: yuan|yuan; KRW: won|won; BRL: real|reais; RUB: ruble|rubles; ZAR: rand|rand; SEK: Swedish krona|Swedish kronor; NOK: Norwegian krone|Norwegian kroner; DKK: Danish krone|Danish kroner; PLN: zloty|zlotys; CZK: Czech koruna|Czech korunas; HUF: forint|forints; TRY: lira|lira; THB: baht|baht; ILS: shekel|shekels; AED: dirham|dirhams; SAR: riyal|riyals; PHP: peso|pesos; IDR: rupiah|rupiah; VND: dong|dong; NGN: naira|naira; BTC: bitcoin|bitcoins; ETH: ether|ether; kr: krona|kronor; zl: zloty|zlotys; Kc: koruna|korunas; RM: ringgit|ringgit");
const _SAME = table("AU$: A$; CA$: C$; SG$: S$; USD: US$; AUD: A$; CAD: C$; NZD: NZ$; HKD: HK$; SGD: S$; TWD: NT$; MXN: MX$; INR: ₹; Rs: ₹; Rs.: ₹; RS: ₹; RS.: ₹");
const _SCALES = table("k: thousand; m: million; mn: million; mio: million; b: billion; bn: billion; t: trillion; tn: trillion; cr: crore; lakhs: lakh; crores: crore");
const _PREFIXED = /(?<![A-Za-z/])(?:((?:US|AU?|NZ|HK|CA?|SG?|NT|MX|R)?[$£€¥₹₩₽฿₪₿₺₴₱₦₫₡₵₸₾])|(AED|AUD|BRL|BTC|CAD|CHF|CNY|CZK|DKK|ETH|EUR|GBP|HKD|HUF|IDR|ILS|INR|JPY|KRW|MXN|NGN|NOK|NZD|PHP|PLN|RM|RMB|RS|RUB|Rs|SAR|SEK|SGD|THB|TRY|TWD|USD|VND|ZAR)|(R[sS]\.|kr|zl|Kc)) ?((?:\d{1,3}(?:,\d{3}){1,5}(?!\d)|\d{1,15})(?:\.\d{1,15})?|(?<![A-Za-z\d])\.\d{1,15})(?!\d|\.\d)(?: ?[\-–] ?[$£€¥₹₩₽฿₪₿₺₴₱₦₫₡₵₸₾]?((?:\d{1,3}(?:,\d{3}){1,5}(?!\d)|\d{1,15})(?:\.\d{1,15})?|(?<![A-Za-z\d])\.\d{1,15})(?!\d|\.\d))?(?:[ \-]?(hundred|thousand|million|billion|trillion|lakhs?|crores?)(?![a-z])|( ?)(mn|bn|tn|mio|[kKmMbBtT]|cr)(?![A-Za-z\d]))?/g;
const _SUFFIXED = /(?<![\d/\^])(?<!\^-)(?<!\d[.,])((?:\d{1,3}(?:,\d{3}){1,5}(?!\d)|\d{1,15})(?:\.\d{1,15})?|(?<![A-Za-z\d])\.\d{1,15})(?!\d|\.\d)(?:[ \-]?(hundred|thousand|million|billion|trillion|lakhs?|crores?)(?![a-z])|( ?)(mn|bn|tn|mio|[kKmMbBtT]|cr)(?![A-Za-z\d]))?(?: ?([$£€¥₹₩₽฿₪₿₺₴₱₦₫₡₵₸₾¢])| ?(AED|AUD|BRL|BTC|CAD|CHF|CNY|CZK|DKK|ETH|EUR|GBP|HKD|HUF|IDR|ILS|INR|JPY|KRW|MXN|NGN|NOK|NZD|PHP|PLN|RM|RMB|RS|RUB|Rs|SAR|SEK|SGD|THB|TRY|TWD|USD|VND|ZAR|kr|zl|Kc)(?![A-Za-z\d]))(?!\d)/g;
const _PENCE = /(?<![\wµ²³Ω.,])(\d{1,2})p(?![A-Za-z\d])/g;
const _NAMED_THINGS = / (?:bills?|notes?|coins?|checks?|words?|question|prize|tickets?|fine|reward)(?![a-z])/g;
const _ARTICLE = /(?:(?<=[\wµ²³Ω])(?![\wµ²³Ω])|(?<![\wµ²³Ω])(?=[\wµ²³Ω]))[Aa]n? $/g;

export function say_money(text) {
  text = sub(_PREFIXED, _prefixed, text);
  text = sub(_SUFFIXED, _suffixed, text);
  return sub(_PENCE, (m) => said(`${number(m[1])} ${((m[1] === "1") ? "penny" : "pence")}`), text);
}

function _prefixed(money) {
  let _, code, high, is_adjective, low, many, name, one, other, scale, short, symbol, words;
  [symbol, code, other, low, high, scale, _, short] = money.slice(1);
  scale = (scale || _SCALES.get((short || "").toLowerCase()));
  name = (symbol || code || other);
  [one, many, ..._] = _currency(name);
  is_adjective = (Boolean(search(_ARTICLE, money.input.slice(Math.max(0, (money.index - 4)), money.index))) || (money.input.slice((money.index + money[0].length), ((money.index + money[0].length) + 1)) === "-") || Boolean(matchAt(_NAMED_THINGS, money.input, (money.index + money[0].length))));
  if (!(high || scale || is_adjective)) {
    return said(_money(low, name));
  }
  words = number(low);
  if (high) {
    words += ` to ${number(high)}`;
  }
  if (scale) {
    words += ` ${(_SCALES.get(scale) ?? scale)}`;
  }
  return said(`${words} ${((is_adjective || ((low === "1") && !(high || scale))) ? one : many)}`);
}

function _suffixed(money) {
  let _, amount, code, scale, short, symbol;
  [amount, scale, _, short, symbol, code] = money.slice(1);
  scale = (scale || _SCALES.get((short || "").toLowerCase()));
  if (scale) {
    return said(`${number(amount)} ${(_SCALES.get(scale) ?? scale)} ${_currency((symbol || code))[1]}`);
  }
  return said(_money(amount, (symbol || code)));
}

function _currency(name) {
  let known;
  known = (_NAMES.get((_SAME.get(name) ?? name)) || _NAMES.get(name.at(-1)));
  return known.split("|");
}

function _money(written, name) {
  let _, cent, cents, decimals, hundredths, many, one, whole, words;
  [one, many, ...hundredths] = _currency(name);
  [whole, _, decimals] = partition(written, ".");
  if ((!hundredths.length && !strip(decimals, "0"))) {
    written = whole;
  }
  if (((decimals.length !== 2) || !hundredths.length)) {
    return `${number(written)} ${((written === "1") ? one : many)}`;
  }
  [cent, cents] = hundredths;
  words = [];
  if ((strip(whole, "0") || (decimals === "00"))) {
    words.push(`${number(whole)} ${((whole === "1") ? one : many)}`);
  }
  if ((decimals !== "00")) {
    words.push(`${number(stripStart(decimals, "0"))} ${((decimals === "01") ? cent : cents)}`);
  }
  return [...words].join(" and ");
}
