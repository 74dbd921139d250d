// Made by tools/make_web_spelling.py of text/spelling/acronyms.py: change that, and run it again.

import { take } from "./rules.js";

export let READ_AS, NAMES, SPELLED, ALSO_WORDS, SHORT, SHORT_AMONG_OTHERS, SOUNDS, COUNTABLE, SMALL_SOUNDS;
take("acronyms", (own) => ([READ_AS, NAMES, SPELLED, ALSO_WORDS, SHORT, SHORT_AMONG_OTHERS, SOUNDS, COUNTABLE, SMALL_SOUNDS] = own));
