"""Who goes next: the policy of the engine, without threads or clocks of its own.

A listener needs 12.5 frames a second and notices only if they are late; a file wants them all at once, and never
slower than it would be heard. So whoever is behind goes first, alone while that is urgent and otherwise together
with everyone who wants more, because a batch reads the weights once for all.

Only so many are computed for at a time. Who waits for more text, or has a reader who does not read, needs none of
these places; whoever then wants one gets it in turn, but sound that somebody is listening to must not run out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pocket_fast.engine.speech import Part, Speech

LEAD = 1.0  # seconds of sound a listener should have in hand
_COMFORT = 0.25  # below this, those who are behind share no step with others, and their frames wait for none
_PLENTY = 2 * LEAD  # with this in hand, a place can be given to one whose sound runs out
_MOST_BEHIND = 8  # live listeners with little in hand, before newcomers have to wait
_LIVE_UNREAD = 2.0  # seconds of sound a live listener may leave untaken before it is paused
_FILE_UNREAD = 60.0
_FILE_AHEAD = 300.0  # seconds of sound made before its turn, for one text
_FILE_PARTS = 16  # parts of one text in flight
_LIVE_PARTS = 2


@dataclass
class Turn:
    """What to do next: begin some of these, draw one frame of each in step, take in some of these prompts.

    idle: of the speeches, those for whom there is nothing to compute. urgent: somebody's sound is about to run out.
    can_wait: nobody waits for a first sound, and whoever could have a frame has enough in hand without it.
    """

    begin: list[Part] = field(default_factory=list)
    step: list[Part] = field(default_factory=list)
    prompt: list[Part] = field(default_factory=list)
    idle: list[Speech] = field(default_factory=list)
    urgent: bool = False
    can_wait: bool = False

    def __bool__(self) -> bool:
        return bool(self.begin or self.step or self.prompt)


def choose(speeches: Sequence[Speech], now: float, rate: int, most_parts: int, most_together: int) -> Turn:
    """The next turn of `speeches` (in order of arrival). most_parts: parts that may be in flight in all; most_together:
    frames in one step."""
    begun = sum(part.utterance is not None for speech in speeches for part in _in_flight(speech))
    idle: list[Speech] = []
    fresh: list[_Claim] = []
    taking_in: list[_Claim] = []
    going: list[_Claim] = []
    for arrival, speech in enumerate(speeches):
        if not wants(speech, rate):
            idle.append(speech)
            continue
        slack = speech.slack(now)
        waited_for = speech.live or speech.given < LEAD * rate
        for place, part in enumerate(_in_flight(speech, rate, slack)):
            utterance = part.utterance
            if utterance is None and place:
                if begun >= most_parts:
                    break
                begun += 1
            behind = place == 0 and slack < LEAD
            urgent = behind and waited_for and slack < _COMFORT
            if utterance is None:
                fresh.append(_Claim(not behind, place, slack, arrival, part, urgent))
            elif utterance.done:  # its last frame is still being decoded
                continue
            elif rows := utterance.prompt_left:
                order = -(LEAD - slack) / rows if behind else slack
                taking_in.append(_Claim(not behind, place, order, arrival, part, urgent))
            elif not place or _wants_ahead(speech, rate):
                going.append(_Claim(not behind, place, slack, arrival, part, urgent))
    urgent = any(claim.urgent for claim in fresh + taking_in + going)
    hurry = urgent or any(not claim.ahead for claim in fresh + taking_in)
    can_wait = not urgent and all(claim.order >= _COMFORT for claim in going)
    step = _first(going, urgent)[:most_together]
    return Turn(_first(fresh, hurry), step, _first(taking_in, hurry), idle, urgent, can_wait)


def wants(speech: Speech, rate: int) -> bool:
    """Whether there is something to compute for it: not while it waits for its text, or for its reader."""
    if not speech.parts or speech.cancelled:  # which have none once they have ended
        return False
    return speech.unread < (_LIVE_UNREAD if speech.live else _FILE_UNREAD) * rate


def keeps_up(speeches: Sequence[Speech], now: float, rate: int) -> bool:
    """Whether one more may be let in: not while many who listen have little in hand, or all would hear gaps.

    Newcomers have little at first, and enough within a few steps if there is computing power left.
    """
    behind = 0
    for speech in speeches:
        behind += speech.live and wants(speech, rate) and speech.slack(now) < LEAD / 2
    return behind < _MOST_BEHIND


def runs_dry(back: Sequence[Speech], now: float) -> Speech | None:
    """Of those who wait for a place again: whose listener, who had sound in hand, needs it first, if anyone's does."""
    dry = [(slack, i) for i, s in enumerate(back) if s.in_sound and (slack := s.slack(now)) < LEAD]
    return back[min(dry)[1]] if dry else None


def has_plenty(running: Sequence[Speech], now: float) -> Speech | None:
    """Who can wait best, if anyone can at all."""
    slack, _, fullest = max((s.slack(now), -i, s) for i, s in enumerate(running))
    return fullest if slack > _PLENTY else None


class _Claim(NamedTuple):
    """A part that could have its turn, by what decides: behind before ahead, a text's first part before later ones.

    Then whoever has least in hand, so that those who are served make way for the others. Of prompts, whoever
    misses most for every row that is left: a short one goes before a long one, which in time goes before them too.
    """

    ahead: bool
    place: int  # among the parts of its text in flight
    order: float
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


def _wants_ahead(speech: Speech, rate: int) -> bool:
    """Whether a later part than the first is to be made, too."""
    return speech.unread + speech.made_ahead < (_LIVE_UNREAD if speech.live else _FILE_AHEAD) * rate
