"""SillyTavern's text-completion presets -> sampler settings of ours.

The format was read from SillyTavern's source (public/scripts/textgen-settings.js, which sends these
keys to servers, and default/content/presets/textgen, where they begin) and its documentation of
common settings. A sampler that the preset has switched off is switched off here too, and the
details of one that is off are not looked at: nobody minded them.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from bot.generation.config_fields import expand_home
from bot.generation.sampler_config import SamplerConfig, read_sampler

_MAX_BYTES = 1_000_000
_WHOLE_WINDOW = 131_072
"""Tokens. A range of 0 is all of the context in text-generation-webui, for which these presets were
made; a penalty that looks at nothing would be none at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplerPreset:
    """A preset that was read."""

    path: Path
    config: SamplerConfig
    notes: tuple[str, ...] = ()
    """What the preset has switched on and Troupe leaves out, a sentence each without a full
    stop."""


def open_sampler_preset(path: Path) -> SamplerPreset:
    """Read a preset from a file.

    Raises:
        ValueError: If it is none, or a value cannot be used; the text says what to mend.
    """
    path = expand_home(path)
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        message = f"{path} cannot be read ({error.strerror}): name a file, or leave it empty"
        raise ValueError(message) from error
    if len(data) > _MAX_BYTES:
        message = f"{path.name} is larger than 1 MB, so it is no preset"
        raise ValueError(message)
    try:
        value: object = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        message = f"{path.name} is not JSON: export the preset from SillyTavern again"
        raise ValueError(message) from error
    config, notes = read_sampler_preset(value, source=path.name)
    return SamplerPreset(path=path, config=config, notes=notes)


def read_sampler_preset(value: object, *, source: str) -> tuple[SamplerConfig, tuple[str, ...]]:
    """Read a preset, or the one inside a master export; with notes on what is left out.

    Raises:
        ValueError: If it is none, or a value cannot be used; the text says what to mend.
    """
    fields = _find_fields(value, source)
    try:
        chosen = _translate(_Reader(fields))
    except ValueError as error:
        message = f"{source}: {error}"
        raise ValueError(message) from error
    config, problems = read_sampler(chosen)
    if problems:
        key = _THEIR_NAMES[problems[0].name]
        message = f"{source}: {key} is {fields.get(key)!r:.60}, but {problems[0].reason}"
        raise ValueError(message)
    return config, tuple(_list_notes(fields))


def _find_fields(value: object, source: str) -> Mapping[str, object]:
    """The preset's own object: alone, or as the section `preset` of a master export."""
    fields = _as_object(value)
    if fields is not None:
        fields = _as_object(fields.get("preset")) or fields
    if fields is None or not _MARKS & fields.keys():
        message = (
            f"{source} is no text-completion preset of SillyTavern: it has none of "
            f"{', '.join(sorted(_MARKS))}"
        )
        raise ValueError(message)
    return fields


def _as_object(value: object) -> dict[str, object] | None:
    return cast("dict[str, object]", value) if isinstance(value, dict) else None


class _Reader:
    """Fields of a preset by their own names; null is as good as missing."""

    def __init__(self, fields: Mapping[str, object]) -> None:
        self._fields = fields

    def get(self, key: str) -> object:
        return self._fields.get(key)

    def number(self, key: str) -> float | None:
        """A number, also as text.

        Raises:
            ValueError: If it is something else.
        """
        value = self._fields.get(key)
        if value is None:
            return None
        try:
            if isinstance(value, int | float | str) and not isinstance(value, bool):
                return float(value)
        except (ValueError, OverflowError):
            pass
        message = f"{key} is {value!r:.60}, but it is a number"
        raise ValueError(message)

    def flag(self, key: str) -> bool | None:
        """True or false.

        Raises:
            ValueError: If it is something else.
        """
        value = self._fields.get(key)
        if value is None or isinstance(value, bool):
            return value
        message = f"{key} is {value!r:.60}, but it is true or false"
        raise ValueError(message)

    def window(self, key: str) -> float | None:
        """Tokens to look back at; none or fewer are all of them."""
        tokens = self.number(key)
        return None if tokens is None else tokens if tokens > 0 else _WHOLE_WINDOW

    def given(self, names: Mapping[str, str]) -> dict[str, object]:
        """Our names and their numbers, of those that are there."""
        return {
            ours: number
            for ours, theirs in names.items()
            if (number := self.number(theirs)) is not None
        }


_SAME: Final = {
    "typical_p": "typical_p",
    "min_p": "min_p",
    "tail_free": "tfs",
    "repetition_penalty": "rep_pen",
    "presence_penalty": "presence_pen",
    "frequency_penalty": "freq_pen",
    "mirostat": "mirostat_mode",
    "dry_multiplier": "dry_multiplier",
    "xtc_probability": "xtc_probability",
}
"""Ours to theirs, where the number means the same."""
_DRY: Final = {"dry_base": "dry_base", "dry_allowed_length": "dry_allowed_length"}
_MIROSTAT: Final = {"mirostat_tau": "mirostat_tau", "mirostat_eta": "mirostat_eta"}
_THEIR_NAMES: Final[Mapping[str, str]] = {
    **_SAME,
    **_DRY,
    **_MIROSTAT,
    "temperature": "temp",
    "dynatemp_range": "max_temp",
    "dynatemp_exponent": "dynatemp_exponent",
    "top_k": "top_k",
    "top_p": "top_p",
    "xtc_threshold": "xtc_threshold",
    "dry_penalty_window": "dry_penalty_last_n",
    "dry_sequence_breakers": "dry_sequence_breakers",
    "repetition_window": "rep_pen_range",
    "grammar": "grammar_string",
}
"""For what is said of a value that cannot be used."""
_MARKS: Final = frozenset({"temp", "top_p", "top_k", "min_p", "rep_pen"})
"""One of these is in every preset, also in those of early versions."""


def _translate(preset: _Reader) -> dict[str, object]:
    """Our fields.

    Raises:
        ValueError: If a value is of the wrong kind.
    """
    chosen = {**preset.given(_SAME), **_read_temperature(preset), **_read_cuts(preset)}
    if chosen.get("mirostat"):
        chosen |= preset.given(_MIROSTAT)
    if chosen.get("xtc_probability"):
        chosen |= preset.given({"xtc_threshold": "xtc_threshold"})
    if chosen.get("dry_multiplier"):
        chosen |= preset.given(_DRY)
        chosen["dry_penalty_window"] = preset.window("dry_penalty_last_n")
        chosen["dry_sequence_breakers"] = _read_breakers(preset.get("dry_sequence_breakers"))
    chosen["repetition_window"] = preset.window("rep_pen_range")
    grammar = preset.get("grammar_string")
    if isinstance(grammar, str) and grammar.strip():
        chosen["grammar"] = grammar
    return chosen


def _read_temperature(preset: _Reader) -> dict[str, object]:
    """Theirs is one number, or the lowest and the highest; ours is the middle and how far off."""
    dynamic = preset.flag("dynatemp")
    temperature = preset.number("temp")
    if preset.flag("do_sample") is False:
        return {"temperature": 0.0, "dynatemp_range": 0.0}
    if not dynamic:
        return {"temperature": temperature, "dynatemp_range": None if dynamic is None else 0.0}
    lowest, highest = preset.number("min_temp") or 0.0, preset.number("max_temp")
    if highest is None or highest < lowest:
        message = "dynatemp is on, but max_temp is missing or below min_temp"
        raise ValueError(message)
    return {
        "temperature": round((lowest + highest) / 2, 6),
        "dynatemp_range": round((highest - lowest) / 2, 6),
        **preset.given({"dynatemp_exponent": "dynatemp_exponent"}),
    }


def _read_cuts(preset: _Reader) -> dict[str, object]:
    """Top-k is also off at -1; a top-p of 0 keeps one token, which is ours to say with top-k."""
    top_k, top_p = preset.number("top_k"), preset.number("top_p")
    if top_p == 0:
        return {"top_k": 1, "top_p": 1.0}
    return {"top_k": None if top_k is None else 0 if top_k == -1 else top_k, "top_p": top_p}


def _read_breakers(value: object) -> object:
    """A JSON list as text; if it is none, SillyTavern splits it at commas."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return [part.strip() for part in value.split(",") if part.strip()] or None


def _is_on(off: float) -> Callable[[object], bool]:
    def check(value: object) -> bool:
        return isinstance(value, int | float) and value != off

    return check


def _is_above_zero(value: object) -> bool:
    return isinstance(value, int | float) and value > 0


_HAS_NO_PLACE: Final[tuple[tuple[str, Callable[[object], bool], str], ...]] = (
    ("smoothing_factor", _is_above_zero, "smoothed sampling"),
    ("top_a", _is_above_zero, "top-a"),
    ("nsigma", _is_above_zero, "top-n-sigma"),
    ("epsilon_cutoff", _is_above_zero, "the epsilon cut-off"),
    ("eta_cutoff", _is_above_zero, "the eta cut-off"),
    ("adaptive_target", _is_above_zero, "adaptive-p"),
    ("skew", _is_on(0), "skew"),
    ("no_repeat_ngram_size", _is_above_zero, "the ban on repeated n-grams"),
    ("encoder_rep_pen", _is_on(1), "the encoder's repetition penalty"),
    ("penalty_alpha", _is_above_zero, "contrastive search"),
    ("num_beams", _is_on(1), "beam search"),
    ("guidance_scale", _is_on(1), "guidance by a negative prompt"),
    ("min_length", _is_above_zero, "a least length; length words are what Troupe has"),
    ("ban_eos_token", bool, "the ban on ending; a reply ends where the model ends it"),
    ("banned_tokens", bool, "banned tokens"),
    ("logit_bias", bool, "logit bias"),
    ("json_schema", bool, "a JSON schema"),
)
"""Their key, when it is on, and how it is called."""


def _list_notes(fields: Mapping[str, object]) -> Iterator[str]:
    for key, is_on, words in _HAS_NO_PLACE:
        if is_on(fields.get(key)):
            yield f"{key} is left out: Troupe does not have {words}"
    if _has_own_order(fields):
        yield "the order of the samplers is left out: temperature is always the last"


def _has_own_order(fields: Mapping[str, object]) -> bool:
    """Whether temperature comes before another sampler: llama.cpp's and KoboldCpp's lists."""
    if fields.get("temperature_last") is False:
        return True
    for key, temperature in (("samplers", "temperature"), ("sampler_order", 5)):
        order = fields.get(key)
        if isinstance(order, list) and temperature in cast("list[object]", order)[:-1]:
            return True
    return False
