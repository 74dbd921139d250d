// Made by tools/make_web_spelling.py of text/spelling/quantities.py: change that, and run it again.

import { search, sub } from "../python.js";
import { say_names } from "./codes.js";
import { say_dates, say_days, say_months, say_times } from "./dates.js";
import { say_money } from "./money.js";
import { mark_minus, say_groups, say_numbers, say_series, say_verses } from "./numerals.js";
import { say_phones } from "./phones.js";
import { take } from "./rules.js";
import { said } from "./spoken.js";
import { say_lone_units, say_units } from "./units.js";

let _PLUS_MINUS, _SPAN, _PATTERN_1;
take("quantities", (own) => ([_PLUS_MINUS, _SPAN, _PATTERN_1] = own));

export function say_quantities(text) {
  return say_days(_say_digits(say_months(say_lone_units(text))));
}

function _say_digits(text) {
  if (!search(_PATTERN_1, text)) {
    return text.split("%").join(said("percent"));
  }
  text = mark_minus(sub(_SPAN, "-", sub(_PLUS_MINUS, "±", text)));
  text = say_names(say_phones(say_times(say_dates(say_verses(text)))));
  text = say_money(say_series(say_groups(text)));
  return say_numbers(say_units(text));
}
