// Made by tools/make_web_spelling.py of text/spelling/units.py: change that, and run it again.

import { has, partition, removeSuffix, search, strip, sub, table } from "../python.js";
import { amount, is_singular, number } from "./number_words.js";
import { END, ends_sentence, said } from "./spoken.js";

const _COUNTED = table("k: thousand; K: thousand; M: million; mn: million; bn: billion; tn: trillion");
const _COUNT = /(?<![A-Za-z])(?<![\d/\^])(?<!\^-)(?<!\d[.,])(?![248]K)((?:\d{1,3}(?:,\d{3}){1,5}(?!\d)|\d{1,15})(?:\.\d{1,15})?|(?<![A-Za-z\d])\.\d{1,15})(?!\d|\.\d)(k|K|M|mn|bn|tn)(?![A-Za-z\d²³/])/g;
const _MILLIONS = /(?<![A-Za-z])(?<![\d/\^])(?<!\^-)(?<!\d[.,])((?:\d{1,3}(?:,\d{3}){1,5}(?!\d)|\d{1,15})(?:\.\d{1,15})?|(?<![A-Za-z\d])\.\d{1,15})(?!\d|\.\d)m(?= (?:people|users|views|viewers|followers|subscribers|dollars|euros|pounds|copies|downloads|customers|jobs|homes)(?![a-z]))/g;
const _SPORTS = /(?<![\wµ²³Ω.,])(\d{1,2})K(?= (?:race|run|walk|TV|video|monitor|display|screen|resolution|camera))/g;
const _UNITS = table("km: kilometer+; m: meter+; dm: decimeter+; cm: centimeter+; mm: millimeter+; µm: micrometer+; nm: nanometer+; mi: mile+; ft: foot|feet; yd: yard+; yds: yard+; kg: kilogram+; g: gram+; mg: milligram+; µg: microgram+; mcg: microgram+; lb: pound+; lbs: pound+; oz: ounce+; l: liter+; L: liter+; dl: deciliter+; dL: deciliter+; cl: centiliter+; ml: milliliter+; mL: milliliter+; gal: gallon+; qt: quart+; tsp: teaspoon+; tbsp: tablespoon+; cc: cubic centimeter+; mmHg: millimeter+ of mercury; ha: hectare+; px: pixel+; pcs: piece+; ns: nanosecond+; µs: microsecond+; ms: millisecond+; s: second+; sec: second+; secs: second+; min: minute+; mins: minute+; h: hour+; hr: hour+; hrs: hour+; yr: year+; yrs: year+; wk: week+; wks: week+; mo: month+; mos: month+; yo: year old; mph: mile+ per hour; kph: kilometer+ per hour; kmh: kilometer+ per hour; mpg: mile+ per gallon; rpm: revolution+ per minute; bpm: beat+ per minute; fps: frame+ per second; dpi: dot+ per inch; ppm: part+ per million; psi: pound+ per square inch; Mbit: megabit+; Gbit: gigabit+; bit/s: bit+ per second; bps: bit+ per second; kbps: kilobit+ per second; kbit/s: kilobit+ per second; Mbps: megabit+ per second; Mbit/s: megabit+ per second; Gbps: gigabit+ per second; Gbit/s: gigabit+ per second; Mb/s: megabit+ per second; Gb/s: gigabit+ per second; kB: kilobyte+; KB: kilobyte+; MB: megabyte+; GB: gigabyte+; TB: terabyte+; PB: petabyte+; kb: kilobyte+; mb: megabyte+; gb: gigabyte+; tb: terabyte+; KiB: kibibyte+; MiB: mebibyte+; GiB: gibibyte+; TiB: tebibyte+; Hz: hertz; kHz: kilohertz; MHz: megahertz; GHz: gigahertz; hz: hertz; khz: kilohertz; mhz: megahertz; ghz: gigahertz; V: volt+; mV: millivolt+; kV: kilovolt+; W: watt+; mW: milliwatt+; kW: kilowatt+; MW: megawatt+; GW: gigawatt+; Wh: watt-hour+; kWh: kilowatt-hour+; kwh: kilowatt-hour+; MWh: megawatt-hour+; mA: milliamp+; mAh: milliamp-hour+; Ah: amp-hour+; Ω: ohm+; kΩ: kilohm+; MΩ: megohm+; J: joule+; kJ: kilojoule+; kcal: kilocalorie+; cal: calorie+; N: newton+; Nm: newton-meter+; Pa: pascal+; hPa: hectopascal+; kPa: kilopascal+; MPa: megapascal+; mbar: millibar+; bar: bar+; hp: horsepower; mol: mole+; mmol: millimole+; rad: radian+; lx: lux; lm: lumen+; dB: decibel+; °: degree+; °C: degree+ Celsius; ° C: degree+ Celsius; °F: degree+ Fahrenheit; ° F: degree+ Fahrenheit; °K: kelvin; KM: kilometer+; KG: kilogram+; Kg: kilogram+; CM: centimeter+; ML: milliliter+; KMH: kilometer+ per hour; MPH: mile+ per hour; LBS: pound+; kms: kilometer+; kgs: kilogram+; sqft: square foot|square feet; sqm: square meter+");
const _SINGLE_CAPITALS = "VWJN";
const _LABEL = /(?:[A-Z][a-z]*\.? |# ?)$/g;
const _MEASURED = /((?:(?<=[\wµ²³Ω])(?![\wµ²³Ω])|(?<![\wµ²³Ω])(?=[\wµ²³Ω]))[Aa]n? )?(?<![A-Za-z])(?<![\d/\^])(?<!\^-)(?<!\d[.,])((?:\d{1,4} )?\d{1,4}\/\d{1,4}(?![\d/])|(?:(?:\d{1,3}(?:,\d{3}){1,5}(?!\d)|\d{1,15})(?:\.\d{1,15})?|(?<![A-Za-z\d])\.\d{1,15}))(?: ?(?:[\-–]|to) ?((?:\d{1,4} )?\d{1,4}\/\d{1,4}(?![\d/])|(?:(?:\d{1,3}(?:,\d{3}){1,5}(?!\d)|\d{1,15})(?:\.\d{1,15})?|(?<![A-Za-z\d])\.\d{1,15})))?(?!\d|\.\d)([ \-]?)(sq\.? ?|cu\.? ?)?(?:(kbit\/s|Mbit\/s|Gbit\/s|bit\/s|tbsp|mmHg|secs|mins|Mbit|Gbit|kbps|Mbps|Gbps|Mb\/s|Gb\/s|kcal|mbar|mmol|sqft|yds|mcg|lbs|gal|tsp|pcs|sec|min|hrs|yrs|wks|mos|mph|kph|kmh|mpg|rpm|bpm|fps|dpi|ppm|psi|bps|KiB|MiB|GiB|TiB|kHz|MHz|GHz|khz|mhz|ghz|kWh|kwh|MWh|mAh|cal|hPa|kPa|MPa|bar|mol|rad|° C|° F|KMH|MPH|LBS|kms|kgs|sqm|km|dm|cm|mm|µm|nm|mi|ft|yd|kg|mg|µg|lb|oz|dl|dL|cl|ml|mL|qt|cc|ha|px|ns|µs|ms|hr|yr|wk|mo|yo|kB|KB|MB|GB|TB|PB|kb|mb|gb|tb|Hz|hz|mV|kV|mW|kW|MW|GW|Wh|mA|Ah|kΩ|MΩ|kJ|Nm|Pa|hp|lx|lm|dB|°C|°F|°K|KM|KG|Kg|CM|ML|m|g|l|L|s|h|V|W|Ω|J|N|°)([²³])?|(km|dm|cm|mm|m|ft|in|yd|mi|s)(\^?[23]))(?:\/ ?((?:10{1,3} ?)?)(kbit\/s|Mbit\/s|Gbit\/s|bit\/s|tbsp|mmHg|secs|mins|Mbit|Gbit|kbps|Mbps|Gbps|Mb\/s|Gb\/s|kcal|mbar|mmol|sqft|yds|mcg|lbs|gal|tsp|pcs|sec|min|hrs|yrs|wks|mos|mph|kph|kmh|mpg|rpm|bpm|fps|dpi|ppm|psi|bps|KiB|MiB|GiB|TiB|kHz|MHz|GHz|khz|mhz|ghz|kWh|kwh|MWh|mAh|cal|hPa|kPa|MPa|bar|mol|rad|° C|° F|KMH|MPH|LBS|kms|kgs|sqm|km|dm|cm|mm|µm|nm|mi|ft|yd|kg|mg|µg|lb|oz|dl|dL|cl|ml|mL|qt|cc|ha|px|ns|µs|ms|hr|yr|wk|mo|yo|kB|KB|MB|GB|TB|PB|kb|mb|gb|tb|Hz|hz|mV|kV|mW|kW|MW|GW|Wh|mA|Ah|kΩ|MΩ|kJ|Nm|Pa|hp|lx|lm|dB|°C|°F|°K|KM|KG|Kg|CM|ML|m|g|l|L|s|h|V|W|Ω|J|N|°)(²|³|\^?[23](?![\d.]*\d))?)?(?![A-Za-z\d²³'\^])(\.(?![A-Za-z\d.]))?/g;
const _TWO = /(?<=\d)( ?(?:kbit\/s|Mbit\/s|Gbit\/s|bit\/s|tbsp|mmHg|secs|mins|Mbit|Gbit|kbps|Mbps|Gbps|Mb\/s|Gb\/s|kcal|mbar|mmol|sqft|yds|mcg|lbs|gal|tsp|pcs|sec|min|hrs|yrs|wks|mos|mph|kph|kmh|mpg|rpm|bpm|fps|dpi|ppm|psi|bps|KiB|MiB|GiB|TiB|kHz|MHz|GHz|khz|mhz|ghz|kWh|kwh|MWh|mAh|cal|hPa|kPa|MPa|bar|mol|rad|° C|° F|KMH|MPH|LBS|kms|kgs|sqm|km|dm|cm|mm|µm|nm|mi|ft|yd|kg|mg|µg|lb|oz|dl|dL|cl|ml|mL|qt|cc|ha|px|ns|µs|ms|hr|yr|wk|mo|yo|kB|KB|MB|GB|TB|PB|kb|mb|gb|tb|Hz|hz|mV|kV|mW|kW|MW|GW|Wh|mA|Ah|kΩ|MΩ|kJ|Nm|Pa|hp|lx|lm|dB|°C|°F|°K|KM|KG|Kg|CM|ML|m|g|l|L|s|h|V|W|Ω|J|N|°))\/(?=\d)(?!10{1,3} ?(?:kbit\/s|Mbit\/s|Gbit\/s|bit\/s|tbsp|mmHg|secs|mins|Mbit|Gbit|kbps|Mbps|Gbps|Mb\/s|Gb\/s|kcal|mbar|mmol|sqft|yds|mcg|lbs|gal|tsp|pcs|sec|min|hrs|yrs|wks|mos|mph|kph|kmh|mpg|rpm|bpm|fps|dpi|ppm|psi|bps|KiB|MiB|GiB|TiB|kHz|MHz|GHz|khz|mhz|ghz|kWh|kwh|MWh|mAh|cal|hPa|kPa|MPa|bar|mol|rad|° C|° F|KMH|MPH|LBS|kms|kgs|sqm|km|dm|cm|mm|µm|nm|mi|ft|yd|kg|mg|µg|lb|oz|dl|dL|cl|ml|mL|qt|cc|ha|px|ns|µs|ms|hr|yr|wk|mo|yo|kB|KB|MB|GB|TB|PB|kb|mb|gb|tb|Hz|hz|mV|kV|mW|kW|MW|GW|Wh|mA|Ah|kΩ|MΩ|kJ|Nm|Pa|hp|lx|lm|dB|°C|°F|°K|KM|KG|Kg|CM|ML|m|g|l|L|s|h|V|W|Ω|J|N|°))/g;
const _RATE = /(?<![\wµ²³Ω/°.'\-])(?<!\d )((?:km|kg|cm|mg|ml|mL|kWh|MWh|kHz|MHz|GHz|mph|kph|MB|GB|Mbit|kcal|kJ|kW|µg)|[mgl$€£]|[LJWN](?!\/[LJWNV])|rad|m?mol)(²|³|\^?[23](?![\d.]*\d))?\/((?:100 ?)?)(kbit\/s|Mbit\/s|Gbit\/s|bit\/s|tbsp|mmHg|secs|mins|Mbit|Gbit|kbps|Mbps|Gbps|Mb\/s|Gb\/s|kcal|mbar|mmol|sqft|yds|mcg|lbs|gal|tsp|pcs|sec|min|hrs|yrs|wks|mos|mph|kph|kmh|mpg|rpm|bpm|fps|dpi|ppm|psi|bps|KiB|MiB|GiB|TiB|kHz|MHz|GHz|khz|mhz|ghz|kWh|kwh|MWh|mAh|cal|hPa|kPa|MPa|bar|mol|rad|° C|° F|KMH|MPH|LBS|kms|kgs|sqm|km|dm|cm|mm|µm|nm|mi|ft|yd|kg|mg|µg|lb|oz|dl|dL|cl|ml|mL|qt|cc|ha|px|ns|µs|ms|hr|yr|wk|mo|yo|kB|KB|MB|GB|TB|PB|kb|mb|gb|tb|Hz|hz|mV|kV|mW|kW|MW|GW|Wh|mA|Ah|kΩ|MΩ|kJ|Nm|Pa|hp|lx|lm|dB|°C|°F|°K|KM|KG|Kg|CM|ML|m|g|l|L|s|h|V|W|Ω|J|N|°|K|d|a)(²|³|\^?[23](?![\d.]*\d))?(?![\wµ²³Ω/²³'\-])/g;
const _LONE = /(?<![\wµ²³Ω/.'\-])(?<!\d )(per |each )?(km|kg|cm|mg|µg|µm|kWh|kHz|MHz|GHz|mph|kph)([²³]|\^?[23])?(?![\wµ²³Ω'\-])/g;
const _SQUARES = /(?<![\wµ²³Ω/.'\-])(?<!\d )(per |each )?(?:(km|cm|mm|ft|yd|mi|m(?=[²³]))([²³]|\^?[23])(?![\wµ²³Ω/'\-])|sq\.? (ft|km|mi|m|yd|in)(?:(?<=[\wµ²³Ω])(?![\wµ²³Ω])|(?<![\wµ²³Ω])(?=[\wµ²³Ω]))\.?(?! [A-Z]))/g;
const _MORE_NAMES = table("K: kelvin; d: day; a: year; $: dollars; €: euros; £: pounds");
const _HEIGHT = /(?<![\wµ²³Ω.,])([3-8])'(1[01]|\d)(?![\wµ²³Ω'"])/g;
const _FEET_INCHES = /(?<![\wµ²³Ω.])(\d{1,2})(?:' ?(\d{1,2}(?: ?1\/2|\.5)?)(?:"|'')| ?f(?:t\.?|eet|oot) (\d{1,2}) ?in\.?(?![A-Za-z]))/g;
const _INCHES = /(?<![\d/\^])(?<!\^-)(?<!\d[.,])((?:\d{1,4} )?\d{1,4}\/\d{1,4}(?![\d/])|(?:(?:\d{1,3}(?:,\d{3}){1,5}(?!\d)|\d{1,15})(?:\.\d{1,15})?|(?<![A-Za-z\d])\.\d{1,15}))(?: ?in\.(?= [a-z])|"(?= (?:tall|wide|long|deep|thick|high)))/g;
const _VOLTS_AMPS = /(?<![\d/\^])(?<!\^-)(?<!\d[.,])((?:\d{1,3}(?:,\d{3}){1,5}(?!\d)|\d{1,15})(?:\.\d{1,15})?|(?<![A-Za-z\d])\.\d{1,15}) ?V ?[/,] ?((?:\d{1,3}(?:,\d{3}){1,5}(?!\d)|\d{1,15})(?:\.\d{1,15})?|(?<![A-Za-z\d])\.\d{1,15}) ?A(?![A-Za-z\d])/g;
const _DEGREES = /(?<!\d)(?<!\d )° ?([CF])(?![A-Za-z])/g;
const _SIZED = /(?:(?<![\d/\^])(?<!\^-)(?<!\d[.,])((?:\d{1,4} )?\d{1,4}\/\d{1,4}(?![\d/])|(?:(?:\d{1,3}(?:,\d{3}){1,5}(?!\d)|\d{1,15})(?:\.\d{1,15})?|(?<![A-Za-z\d])\.\d{1,15}))"(?= (?:monitor|screen|TV|display|laptop|tablet|pipe|wheel|record|vinyl|pizza|ruler))|(?<![\d/\^])(?<!\^-)(?<!\d[.,])((?:\d{1,4} )?\d{1,4}\/\d{1,4}(?![\d/]))")/g;
const _FEET = /(?<![\wµ²³Ω.,'])(\d{1,3})'(?: ?[x×] ?(\d{1,3})'|(?= (?:tall|wide|long|deep|high)(?![a-z])))/g;
const _SIZE = /(?<![\d/\^])(?<!\^-)(?<!\d[.,])((?:\d{1,4} )?\d{1,4}\/\d{1,4}(?![\d/])|(?:(?:\d{1,3}(?:,\d{3}){1,5}(?!\d)|\d{1,15})(?:\.\d{1,15})?|(?<![A-Za-z\d])\.\d{1,15}))" ?[xX×] ?((?:\d{1,4} )?\d{1,4}\/\d{1,4}(?![\d/])|(?:(?:\d{1,3}(?:,\d{3}){1,5}(?!\d)|\d{1,15})(?:\.\d{1,15})?|(?<![A-Za-z\d])\.\d{1,15}))"(?: ?[xX×] ?((?:\d{1,4} )?\d{1,4}\/\d{1,4}(?![\d/])|(?:(?:\d{1,3}(?:,\d{3}){1,5}(?!\d)|\d{1,15})(?:\.\d{1,15})?|(?<![A-Za-z\d])\.\d{1,15}))")?/g;
const _ANGLE = /(?<![\wµ²³Ω.])(\d{1,3}(?:\.\d{1,9})?)°(?: ?(\d{1,2}(?:\.\d{1,9})?)')?(?: ?(\d{1,2}(?:\.\d{1,9})?)(?:"|''))? ?([NSEW])?(?![A-Za-z])/g;
const _WINDS = table("N: north; S: south; E: east; W: west");
const _PER = /\x03(?:\/(kbit\/s|Mbit\/s|Gbit\/s|bit\/s|tbsp|mmHg|secs|mins|Mbit|Gbit|kbps|Mbps|Gbps|Mb\/s|Gb\/s|kcal|mbar|mmol|sqft|yds|mcg|lbs|gal|tsp|pcs|sec|min|hrs|yrs|wks|mos|mph|kph|kmh|mpg|rpm|bpm|fps|dpi|ppm|psi|bps|KiB|MiB|GiB|TiB|kHz|MHz|GHz|khz|mhz|ghz|kWh|kwh|MWh|mAh|cal|hPa|kPa|MPa|bar|mol|rad|° C|° F|KMH|MPH|LBS|kms|kgs|sqm|km|dm|cm|mm|µm|nm|mi|ft|yd|kg|mg|µg|lb|oz|dl|dL|cl|ml|mL|qt|cc|ha|px|ns|µs|ms|hr|yr|wk|mo|yo|kB|KB|MB|GB|TB|PB|kb|mb|gb|tb|Hz|hz|mV|kV|mW|kW|MW|GW|Wh|mA|Ah|kΩ|MΩ|kJ|Nm|Pa|hp|lx|lm|dB|°C|°F|°K|KM|KG|Kg|CM|ML|m|g|l|L|s|h|V|W|Ω|J|N|°|[a-z]+)| \/ (acre|adult|bag|bottle|box|can|capita|child|click|customer|day|employee|family|gallon|game|head|hectare|hour|household|hr|item|kilogram|kilometer|kilometre|liter|litre|match|meter|metre|mile|min|minute|mo|month|night|ounce|pack|page|patient|person|piece|pound|quarter|room|season|seat|sec|second|session|student|team|ton|unit|user|visit|week|wk|word|year|yr))(?![\wµ²³Ω])/g;
const _SHARES = /((?<=\d )[a-z]{2,20}(?= ?\/)|(?<![A-Za-z])[a-z]{2,20}s(?<!ss)|people|once|twice) ?\/ ?(?:(acre|adult|bag|bottle|box|can|capita|child|click|customer|day|employee|family|gallon|game|head|hectare|hour|household|hr|item|kilogram|kilometer|kilometre|liter|litre|match|meter|metre|mile|min|minute|mo|month|night|ounce|pack|page|patient|person|piece|pound|quarter|room|season|seat|sec|second|session|student|team|ton|unit|user|visit|week|wk|word|year|yr)|((?:km|kg|cm|mg|ml|mL|kWh|MWh|kHz|MHz|GHz|mph|kph|MB|GB|Mbit|kcal|kJ|kW|µg)|L|m)(²|³|\^?[23](?![\d.]*\d))?|(?<=\/)([sh]))(?![\wµ²³Ω'/\-])/g;
const _PRICE = /(?<![\wµ²³Ω])([$€£]) ?\/ ?(acre|adult|bag|bottle|box|can|capita|child|click|customer|day|employee|family|gallon|game|head|hectare|hour|household|hr|item|kilogram|kilometer|kilometre|liter|litre|match|meter|metre|mile|min|minute|mo|month|night|ounce|pack|page|patient|person|piece|pound|quarter|room|season|seat|sec|second|session|student|team|ton|unit|user|visit|week|wk|word|year|yr)(?![\wµ²³Ω'/\-])/g;
const _SHORT_PERIODS = table("mo: month; wk: week; yr: year");

export function say_units(text) {
  text = sub(_ANGLE, _angle, sub(_TWO, "\\1 / ", text));
  text = sub(_FEET_INCHES, _feet_inches, sub(_HEIGHT, "\\1'\\2''", text));
  text = sub(_FEET, (m) => said(([...[...[...m.slice(1)].filter(Boolean)].map((each) => number(each))].join(" by ") + " feet")), text);
  text = sub(_SIZE, (m) => said(([...[...[...m.slice(1)].filter(Boolean)].map((each) => amount(each))].join(" by ") + " inches")), text);
  text = sub(_INCHES, (m) => said(`${amount(m[1])} inch${(is_singular(m[1]) ? "" : "es")}`), text);
  text = sub(_SIZED, (m) => said(`${amount((m[1] || m[2]))} inch`), text);
  text = sub(_VOLTS_AMPS, (m) => said(`${number(m[1])} volts, ${number(m[2])} amps`), text);
  text = sub(_SPORTS, (m) => said(`${number(m[1])} kay`), text);
  text = sub(_MILLIONS, (m) => said(`${number(m[1])} million`), text);
  text = sub(_COUNT, (m) => said(`${number(m[1])} ${_COUNTED.get(m[2])}`), text);
  text = sub(_MEASURED, _measured, text);
  text = text.split("%").join(said("percent"));
  return sub(_PER, (m) => `${END} per ${_one((m[1] || m[2]))}`, text);
}

export function say_lone_units(text) {
  if (has(text, "/")) {
    text = sub(_RATE, _rate, text);
    text = sub(_PRICE, (m) => `${said(_MORE_NAMES.get(m[1]))} per ${_one(m[2])}`, text);
    text = sub(_SHARES, _share, text);
  }
  text = sub(_DEGREES, (m) => said(`degrees ${((m[1] === "C") ? "Celsius" : "Fahrenheit")}`), text);
  text = sub(_SQUARES, (m) => ((m[1] || "") + said(_name((m[2] || m[4]), (m[3] || "²"), Boolean(m[1])))), text);
  return sub(_LONE, (m) => ((m[1] || "") + said(_name(m[2], m[3], Boolean(m[1])))), text);
}

function _one(unit) {
  if (_SHORT_PERIODS.has(unit)) {
    return _SHORT_PERIODS.get(unit);
  }
  return (_UNITS.has(unit) ? _name(unit, null, true) : unit);
}

function _share(found) {
  let each, power, thing, time, unit;
  [thing, each, unit, power, time] = found.slice(1);
  return (`${thing} per ` + (each ? _one(each) : said(_raised(_name((unit || time), null, true), (unit || time), power))));
}

function _rate(found) {
  let below, below_power, count, over, power, under, unit;
  [unit, power, count, below, below_power] = found.slice(1);
  over = (_MORE_NAMES.get(unit) || _name(unit, power, false));
  under = (_MORE_NAMES.get(below) || _name(below, null, !count));
  return said(`${over} per ${(count ? "one hundred " : "")}${_raised(under, below, below_power)}`);
}

function _angle(found) {
  let degrees, minutes, parts, seconds, wind, words;
  [degrees, minutes, seconds, wind] = found.slice(1);
  if (!(minutes || wind)) {
    return found[0];
  }
  parts = [[degrees, "degree"], [minutes, "minute"], [seconds, "second"]];
  words = [...[...parts].filter(([n, unit]) => n).map(([n, unit]) => `${number(n)} ${unit}${((n === "1") ? "" : "s")}`)].join(" ");
  return said((wind ? `${words} ${_WINDS.get(wind)}` : words));
}

function _feet_inches(length) {
  let feet, half, inches, whole;
  [feet, inches] = [length[1], (length[2] || length[3])];
  inches = inches.split(" 1/2").join(".5").split("1/2").join(".5");
  half = (inches.endsWith(".5") ? " and a half" : "");
  whole = removeSuffix(inches, ".5");
  return said(`${number(feet)} ${((feet === "1") ? "foot" : "feet")} ${number(whole)}${half} inch${(((whole === "1") && !half) ? "" : "es")}`);
}

function _measured(found) {
  let an, article, before, below, below_power, count, digit, full_stop, glue, high, is_bare_capital, is_one, is_part, length, low, many, name, period, power, shape, unit, words;
  [article, low, high, glue, shape, unit, power, length, digit, count, below, below_power, period] = found.slice(1);
  [unit, power] = [(unit || length), (power || digit)];
  is_bare_capital = (Boolean(glue) && _SINGLE_CAPITALS.includes(unit) && !(below || power));
  before = found.input.slice(Math.max(0, (found.index - 20)), found.index);
  if ((is_bare_capital && ("JN".includes(unit) || search(_LABEL, before)))) {
    return found[0];
  }
  words = (high ? `${amount(low)} to ${amount(high)}` : amount(low));
  is_part = (has(low, "/") && !has(low, " ") && !high);
  if ((is_part && has(words, " over "))) {
    [words, is_part] = [((unit === "mmHg") ? words : words.split(" over ").join(" or ")), false];
    is_one = false;
  }
  is_one = (is_part || Boolean(article) || (glue === "-") || (!high && is_singular(low)));
  if (shape) {
    power = ((shape[0] === "s") ? "²" : "³");
  }
  name = _name(unit, power, is_one);
  if ((is_part && (glue !== "-"))) {
    words = ((low === "1/2") ? "half" : words);
    an = (("aeio".includes(name[0]) || name.startsWith("hour")) ? "an" : "a");
    name = ((words === "half") ? `${an} ${name}` : `of ${an} ${name}`);
  }
  if (below) {
    many = (count ? `${number(strip(count))} ` : "");
    name += ` per ${many}${_raised(_name(below, null, !many), below, below_power)}`;
  }
  full_stop = (period && ends_sentence(found.input, (found.index + found[0].length), true));
  return (((article || "") + said(`${words}${((glue === "-") ? "-" : " ")}${name}`)) + (full_stop ? "." : ""));
}

function _name(unit, power, is_one) {
  let _, many, name, one;
  if ((unit === "in")) {
    name = (is_one ? "inch" : "inches");
  } else {
    [one, _, many] = partition(_UNITS.get(unit), "|");
    name = (is_one ? one.split("+").join("") : (many || one).split("+").join("s"));
  }
  if (!power) {
    return name;
  }
  if ((unit === "s")) {
    return `${name} ${("²2".includes(power.at(-1)) ? "squared" : "cubed")}`;
  }
  return `${("²2".includes(power.at(-1)) ? "square" : "cubic")} ${name}`;
}

function _raised(name, unit, power) {
  if (!power) {
    return name;
  }
  if (["s", "h", "min"].includes(unit)) {
    return `${name} ${("²2".includes(power.at(-1)) ? "squared" : "cubed")}`;
  }
  return `${("²2".includes(power.at(-1)) ? "square" : "cubic")} ${name}`;
}
