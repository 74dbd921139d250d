"""Who goes next: the policy of the engine, without threads or clocks of its own.

A listener needs 12.5 frames a second and notices only if they are late; a file wants them all at once, and never
slower than it would be heard. So whoever is behind goes first, alone while that is urgent and otherwise together
with everyone who wants more, because a batch reads the weights once for all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pocket_fast.engine.speech import Part, Speech

MOST_TOGETHER = 16  # frames in one step: more make newcomers wait and gain little
LEAD = 1.0  # seconds of sound a listener should have in hand
_COMFORT = 0.25  # below this, those who are behind do not share their step with others
_MOST_BEHIND = 8  # live listeners with little in hand, before newcomers have to wait
_LIVE_UNREAD = 2.0  # seconds of sound a live listener may leave untaken before it is paused
_FILE_UNREAD = 60.0
_FILE_AHEAD = 300.0  # seconds of sound made before its turn, for one text
_FILE_PARTS = 16  # parts of one text in flight
_LIVE_PARTS = 2


@dataclass
class Turn:
    """What to do next: take in some of these prompts, then draw one frame of each in step."""

    prompt: list[Part] = field(default_factory=list)
    step: list[Part] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.prompt or self.step)


def choose(speeches: Sequence[Speech], now: float, rate: int, most_parts: int) -> Turn:
    """The next turn of `speeches` (in order of arrival). most_parts: parts that may be in flight in all."""
    begun = sum(part.utterance is not None for speech in speeches for part in _in_flight(speech))
    newcomers: list[_Claim] = []
    going: list[_Claim] = []
    for arrival, speech in enumerate(speeches):
        slack = speech.slack(now)
        waited_for = speech.live or speech.given < LEAD * rate
        for place, part in enumerate(_in_flight(speech, rate, slack)):
            if part.utterance is None and place:
                if begun >= most_parts:
                    break
                begun += 1
            behind = place == 0 and slack < LEAD
            claim = _Claim(
                not behind, place, slack, arrival, part, behind and waited_for and slack < _COMFORT
            )
            if part.utterance is None or part.utterance.prompt_left:
                newcomers.append(claim)
            elif not part.utterance.done and _wants_more(speech, place, rate):
                going.append(claim)
    hurry = any(claim.urgent for claim in newcomers + going)
    return Turn(
        _first(newcomers, hurry or any(not c.ahead for c in newcomers)), _first(going, hurry)[:MOST_TOGETHER]
    )


def keeps_up(speeches: Sequence[Speech], now: float, rate: int) -> bool:
    """Whether one more may be let in: not while many who listen have little in hand, or all would hear gaps.

    Newcomers have little at first, and enough within a few steps if there is computing power left.
    """
    behind = 0
    for speech in speeches:
        to_come = (
            bool(speech.parts) and speech.unread < LEAD * rate
        )  # nobody waits for its text or its reader
        behind += speech.live and to_come and speech.slack(now) < LEAD / 2
    return behind < _MOST_BEHIND


class _Claim(NamedTuple):
    """A part that could have its turn, by what decides: behind before ahead, a text's first part before later ones,
    then whoever has least in hand, so that those who are served make way for the others."""

    ahead: bool
    place: int  # among the parts of its text in flight
    slack: float
    arrival: int
    part: Part
    urgent: bool


def _first(claims: list[_Claim], behind_only: bool) -> list[Part]:
    claims.sort(key=lambda claim: claim[:4])
    return [claim.part for claim in claims if not (behind_only and claim.ahead)]


def _in_flight(speech: Speech, rate: int = 0, slack: float = 0.0) -> list[Part]:
    """The parts of a text that are or may be in flight, in order."""
    if speech.sequential or (rate and speech.given < LEAD * rate):
        most = 1  # the first sound is waited for
    elif speech.live:
        most = _LIVE_PARTS if slack >= LEAD else 1
    else:
        most = _FILE_PARTS
    found: list[Part] = []
    for part in speech.parts:
        if isinstance(part, int) or part.over:
            continue
        if part.utterance is None and len(found) >= most:
            break
        found.append(part)
    return found


def _wants_more(speech: Speech, place: int, rate: int) -> bool:
    if place == 0:
        return speech.unread < (_LIVE_UNREAD if speech.live else _FILE_UNREAD) * rate
    return speech.unread + speech.made_ahead < (_LIVE_UNREAD if speech.live else _FILE_AHEAD) * rate
