// Made by tools/make_web_spelling.py of text/spelling/folding.py and html.entities: change that, and run it again.

import { take } from "./rules.js";

export let KEPT, REPLACED, GREEK, LIKE_UNITS, NUMERIC, WINDOWS, _LONE_GREEK, _FOOTNOTE, _RAISED, _HEART, _STARS, _DEGREES, _PARTED, _LOST_APOSTROPHE, _LOST, _TICK, _MISREAD, BARE, ENTITIES;
take("characters", (own) => ([KEPT, REPLACED, GREEK, LIKE_UNITS, NUMERIC, WINDOWS, _LONE_GREEK, _FOOTNOTE, _RAISED, _HEART, _STARS, _DEGREES, _PARTED, _LOST_APOSTROPHE, _LOST, _TICK, _MISREAD, BARE, ENTITIES] = own));
