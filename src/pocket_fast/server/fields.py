"""What requests may ask for: the fields and their bounds. How a body becomes them: bodies.read.

Some fields depend on the model: Forms makes the forms of requests from its settings.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import quote

from fastapi.exceptions import RequestValidationError
from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    create_model,
    model_validator,
)
from starlette.datastructures import UploadFile

from pocket_fast.api.speaking import Speaking
from pocket_fast.models.contract import Setting

_Number = Annotated[float, Field(allow_inf_nan=False)]
F = TypeVar("F", bound="Fields")

INSTRUCT, INSTRUCTIONS = "instruct", "instructions"  # the setting, and what OpenAI calls it
IGNORED = "X-Ignored-Fields"
_MOST_NAMED = 16
_LONGEST_NAME = 40


def _voice_id(value: Any) -> Any:
    """OpenAI also writes {"id": "..."}."""
    return value.get("id", value) if isinstance(value, dict) else value


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


Voice = Annotated[str | None, BeforeValidator(_voice_id)]
_AnyCase = BeforeValidator(_lower)


class _Voiced(BaseModel):
    """What is null was not given, in every form: many clients send all of their settings, whether set or not."""

    model_config = ConfigDict(extra="ignore")

    voice: Voice = Field(
        None,
        description="A name from /v1/audio/voices, or a recording: base64, bare or as a data: URL; an https:// or "
        "hf:// URL where the server allows that.",
    )
    _recording: UploadFile | None = PrivateAttr(None)
    _ignored: tuple[str, ...] = PrivateAttr(())

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {name: value for name, value in data.items() if value is not None}

    @property
    def ignored(self) -> tuple[str, ...]:
        """Names of what the request had besides, in what a header can hold: this model takes nothing of the kind."""
        return self._ignored

    @property
    def headers(self) -> dict[str, str]:
        """For the answer: what was ignored."""
        return {IGNORED: ", ".join(self._ignored)} if self._ignored else {}

    @property
    def recording(self) -> UploadFile | None:
        """The file voice_wav of a form."""
        return self._recording

    @property
    def words(self) -> str | None:
        """What the recording says; blank is nothing."""
        words = getattr(self, "voice_text", None) or ""
        return words if words.strip() else None


class Fields(_Voiced):
    """How to speak, as far as it is the same for all models. What is left out is the model's default."""

    seed: int | None = Field(None, ge=0, lt=1 << 64, description="The same seed, the same samples.")
    natural_pauses: bool = Field(False, description="Also pause at ... and at commas.")
    speed: _Number = Field(1.0, ge=0.25, le=4, description="How fast, at the same pitch.")


class SpeechFields(Fields):
    """POST /generate and /stream."""

    text: str = Field(description="What to say.")


class OfficialFields(Fields):
    """POST /tts, as pocket-tts has it."""

    text: str = Field(description="What to say.")
    voice_url: str | None = Field(None, description="As voice.")


class OpenAIFields(Fields):
    """POST /v1/audio/speech, as OpenAI has it."""

    model: str | None = Field(None, description="Any name: there is one model, see /v1/models.")
    input: str = Field(description="What to say.")
    response_format: Annotated[str, _AnyCase] = Field("mp3", description="mp3, opus, flac, wav or pcm.")
    stream_format: Annotated[Literal["audio", "sse"], _AnyCase] = "audio"


class Message(Fields):
    """What a client sends. How to speak, format and api_key count in the first one only."""

    text: str = ""
    flush: bool = False
    cancel: bool = False
    end: bool = False
    format: Annotated[str, _AnyCase] = "pcm"
    api_key: str | None = Field(None, description="For browsers, which cannot send the header.")


class Forms:
    """The forms of requests to one model: those above, and between their fields those of the model's settings.

    takes: all fields of a request that depend on the model.
    """

    def __init__(self, model: Speaking, has_voices: bool):
        self.settings = model.settings
        fields = {setting.name: _field(setting) for setting in model.settings}
        if model.takes_words:
            fields["voice_text"] = (str | None, Field(None, description="What the recording says."))
        self._own = create_model("Settings", __base__=_Voiced, **fields)
        self.takes = [
            *(["voice"] if has_voices else []),
            *(["voice_wav"] if model.clones else []),
            *fields,
        ]
        self.speech = self.of(SpeechFields)
        self.official = self.of(OfficialFields)
        instruct = [setting for setting in model.settings if setting.name == INSTRUCT]
        self.openai = self.of(OpenAIFields, **{s.name: _field(s, INSTRUCTIONS) for s in instruct})
        self.message = self.of(Message)

    def of(self, form: type[F], **changes: Any) -> type[F]:
        """The form with the model's own fields in it. changes: to its fields, as create_model takes them."""
        return create_model(form.__name__, __base__=(form, self._own), __doc__=form.__doc__, **changes)

    def settings_of(self, fields: Fields) -> dict[str, Any]:
        """What a request asks of the model's speech, as Speaking.speak takes it. Blank instructions are none."""
        asked = {setting.name: getattr(fields, setting.name) for setting in self.settings}
        if _is_blank(asked.get(INSTRUCT)):
            asked[INSTRUCT] = None
        return {name: value for name, value in asked.items() if value is not None}


def _field(setting: Setting, first: str = "") -> tuple[Any, Any]:
    """The type and the field of a setting. first: its name in the description of the API, where it has others."""
    kind: Any = _Number if setting.type is float else setting.type
    most = setting.most if setting.most_asked is None else setting.most_asked
    if setting.type is str:
        bounds: dict[str, Any] = {"max_length": most}
    else:
        bounds = {"ge": setting.least, "gt": setting.above, "le": most}
    if setting.choices:
        kind = Annotated[
            str, AfterValidator(setting.check), Field(json_schema_extra={"enum": list(setting.choices)})
        ]
    names = [setting.name, *setting.also]
    if setting.name == INSTRUCT:
        names.append(INSTRUCTIONS)
    if len(names) > 1:
        bounds["validation_alias"] = AliasChoices(*sorted(names, key=first.__ne__))
    return kind | None, Field(None, description=setting.description, **bounds)


def check(model: type[F], data: Any, query: Iterable[str] = ()) -> F:
    """The fields of JSON. query: names of what the address has besides. Raises RequestValidationError."""
    try:
        fields = model.model_validate(data)
        fields._ignored = named([*_others(model, data), *query])
        return fields
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        raise RequestValidationError([{**p, "loc": ("body", *p["loc"])} for p in problems]) from None


def _others(model: type[Fields], data: dict[str, Any]) -> set[str]:
    """What of the data is not blank, and no field of the form."""
    given = {name for name, value in data.items() if value is not None and not _is_blank(value)}
    for name, field in model.model_fields.items():
        alias = field.validation_alias
        given -= {name, *(alias.choices if isinstance(alias, AliasChoices) else ())}
    return given


def named(names: Iterable[str]) -> tuple[str, ...]:
    """Names in what a header can hold, in order, as many as are worth telling; what is not ASCII as in addresses."""
    shown = {quote(name[:_LONGEST_NAME], safe="", errors="surrogatepass") for name in names}
    return tuple(sorted(shown - {""}))[:_MOST_NAMED]


def _is_blank(value: Any) -> bool:
    return isinstance(value, str) and not value.strip()


def described(model: type[BaseModel], *, json_too: bool = True) -> dict[str, Any]:
    """The request body of a model for OpenAPI."""
    schema = model.model_json_schema(mode="validation")
    form = {**schema, "properties": {**schema["properties"], "voice_wav": _FILE}}
    content = {"multipart/form-data": {"schema": form}}
    if json_too:
        required = schema.get("required", ())
        fields = {
            name: about if name in required else _or_null(about)
            for name, about in schema["properties"].items()
        }
        content["application/json"] = {"schema": {**schema, "properties": fields}}
    return {"requestBody": {"required": True, "content": content}}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    if _NOTHING in schema.get("anyOf", ()):
        return schema
    words = {name: schema[name] for name in ("title", "description", "default") if name in schema}
    rest = {name: value for name, value in schema.items() if name not in words}
    return {**words, "anyOf": [rest, _NOTHING]}


_NOTHING = {"type": "null"}
_FILE = {"type": "string", "format": "binary", "description": "A recording of the voice to clone."}
