"""Every text that a person reads, by key: one place to change the tone, one file to translate."""

from typing import Final

WORDS: Final[dict[str, str]] = {
    # Replies that do not come, or not yet
    "engine_loading": "*The model is still loading. Your answer will come by itself.*",
    "engine_restarting": "*The model stopped. Your answer will come by itself when it is back.*",
    "engine_ready": "*The model does not answer yet. Your answer will come by itself.*",
    "engine_failed": "*The model does not run. Your answer will come by itself when it is back.*",
    "engine_unavailable": "*The model cannot be reached. Please tell whoever hosts me; code {code}.*",
    "engine_kept_dying": "*The model stopped each time I tried to answer this. Try other words; code {code}.*",
    "queue_place": "*{number} in the queue, {wait}. Your answer will come by itself.*",
    "queue_cancel": "Cancel",
    "queue_full": "*Too many are waiting for the model: you would be number {place}, {wait}. Write again in a while; code {code}.*",
    "wait_unknown": "I cannot tell yet how long",
    "wait_seconds": "about {seconds} s",
    "wait_minutes": "about {minutes} min",
    "generation_failed": "*That answer failed. Please try again; code {code}.*",
    "generation_timeout": "*The model took too long over this answer. Please try again; code {code}.*",
    "context_overflow": "*That is more than the model can take in at once ({prompt_tokens} of "
    "{context_length} tokens, and the reply needs its share). Shorten the message, or use a persona with a shorter card.*",
    "persona_overflow": "*This persona is larger than the model's window: its card takes {prompt_tokens} of {context_length} "
    "tokens, and the reply needs its share. The largest part is its {part} with {part_tokens}: shorten that, or choose another persona with `/play`.*",
    "empty_reply": "*No words came. Try `/scene reset`, or say it differently.*",
    "status_model": "**Model** {model}: {state}",
    "status_ready": "ready",
    "status_loading": "loading",
    "status_loading_progress": "loading, {percent} %",
    "status_restarting": "stopped, and being started again",
    "status_failed": "not running",
    "status_load": "**Now** {running} being written, {waiting} waiting",
    "status_place": "**Here** number {number} in the queue, {wait}",
    "status_no_scene": "**Here** nobody is playing",
    "status_playing": "**Here** {persona} is playing",
    "status_last": "**Last reply** {tokens} tokens, {speed} a second, waited {waited} s; {reused} % of the prompt was in the cache",
    "status_format": "**Format** {format}: {reason}",
    "status_sampler": "**Samplers** {settings}",
    "status_window": "**Window** `{bar}` {used} of {window} tokens: persona {head}, examples {examples}, story {turns}, kept for the reply {reply}, free {free}",
    "nameless": "Nameless",
    "stopped": "Stopped.",
    "nothing_to_stop": "Nothing is being written here.",
    "nothing_to_read": "*There is nothing in that for me to answer. Write something, or start a scene with `/play`.*",
    # On a reply
    "no_reply": "That is no reply of the scene that is played here now.",
    "reply_is_older": "That is not the newest reply any more.",
    "reply_not_yours": "Only who was answered, {opener}, who opened this scene, or somebody who manages the server can change that.",
    "reply_being_written": "Another one is being written already, or is there by now.",
    "regenerating": "Another one is coming.",
    "continuing": "More is coming.",
    "panel_title": "This reply:",
    "panel_continue": "Continue",
    "panel_shorter": "Shorter",
    "panel_longer": "Longer",
    "panel_hint": "Again, with a hint",
    "panel_edit": "Edit",
    "hint_label": "What should it be like?",
    "edit_label": "What should it say?",
    "edit_empty": "A reply needs words.",
    "edit_too_long": "Discord's form takes {limit:,} characters, and this reply has more: ask for a shorter one.",
    # Commands
    "playing": "{persona} is here. Just write; `/help` shows what else there is.",
    "resumed": "{persona} is back, and the scene goes on where it stopped. `/scene reset` begins anew.",
    "already_playing": "{persona} is already playing here. `/scene reset` begins anew.",
    "no_scene": "Nobody is playing here. Start with `/play`.",
    "persona_unknown": "I know no persona called “{name}”. `/persona list` shows them all.",
    "persona_unknown_nearest": "I know no persona called “{name}”. Did you mean “{nearest}”?",
    "persona_gone": "The persona of this scene, “{key}”, is no longer here. Choose another with `/play`.",
    "persona_list_title": "**Personas** (start one with `/play`)",
    "persona_list_line": "- **{name}**: {summary}",
    "persona_list_more": "…and {count} more. `/play` finds every one of them as you type.",
    "persona_show": "**{name}**\n{description}\n\n**Scenario** {scenario}\n\n**Greeting**\n{greeting}",
    "persona_show_nothing": "(none)",
    "length_set": "Replies here are now **{word}**.",
    "length_auto": "The model now chooses how long replies are here.",
    "admin_only": "That is for administrators of this server.",
    "admin_model": "Played on **{model}**.",
    "admin_model_changed": "Now played on **{model}**, with a window of {window} tokens.",
    "admin_model_failed": "That model could not be loaded, so the former one goes on. Its reason: {reason}",
    "admin_model_unknown": "There is no **{file}** in the present model's folder. There are: {files}",
    "admin_model_elsewhere": "The model runs elsewhere ({model}): change it there.",
    "reset_question": "Begin the scene with {persona} anew? What was said so far is put away.",
    "reset_yes": "Begin anew",
    "reset_no": "Keep it",
    "reset_done": "The scene begins anew.",
    "reset_kept": "Nothing was changed.",
    "reset_not_allowed": "Only {opener}, who opened this scene, or somebody who manages the server "
    "can begin it anew.",
    "format_set": "Prompts here are written as **{format}**: {reason}.",
    "format_unknown": "I know no prompt format called “{name}”. Did you mean “{nearest}”?",
    "format_elsewhere": "The server that runs the model writes the prompts itself, so there is no format to choose here.",
    "format_managers_only": "Only somebody who manages the server can change how prompts are written.",
    "model_not_there": "The model is not there at the moment. Try again when `/status` says that it is ready.",
    "sampler_title": "**How words are chosen here**",
    "sampler_line": "- {name} {value}, {source}",
    "sampler_from_catalogue": "by what is known of the model",
    "sampler_from_preset": "by the preset",
    "sampler_from_settings": "by the settings",
    "sampler_from_persona": "by the persona",
    "sampler_from_scene": "by this scene",
    "sampler_set": "Here **{name}** is now {value}.",
    "sampler_cleared": "This scene has no **{name}** of its own any more.",
    "sampler_bad": "“{value}” does not do for **{name}**: {reason}.",
    "sampler_which": "Choose a setting for that value.",
    "sampler_not_allowed": "Only {opener}, who opened this scene, or somebody who manages the server can change how words are chosen here.",
    "scene_changed": "That scene is not the one that is played here now.",
    "command_failed": "That did not work. Please try again; code {code}.",
    "cannot_write_here": "I may not write in this channel. Somebody who manages the server can "
    "allow “View Channel” and “Send Messages” for me.",
    "not_here": "That works only in a channel.",
    "help": (
        "I play characters, and you play with them.\n\n"
        "`/play` starts a scene here; then just write. Elsewhere, mention me or answer one of my "
        "messages. In direct messages I always answer.\n"
        "`/persona list` and `/persona show` tell who can be played.\n"
        "Under my newest reply: `◀ ▶` show its alternatives, `↻` makes another, `⋯` has more; `/regenerate` and `/continue` do the same.\n"
        "`/length` sets how long replies are.\n"
        "`/stop` ends the reply that is being written; `/status` tells how busy I am.\n"
        "`/scene reset` begins the scene anew (asks first); `/scene sampler` and `/scene format` "
        "change how it is written.\n\n"
        "`((like this))` or a line that starts with `//` is out of character: I do not read it."
    ),
    # Terminal
    "chat_opening": "{persona} · {model} · prompt format {format}\n"
    "/persona NAME   /length WORD   /reset   /quit",
    "chat_demo": "This is the demo model: 6 MB, made to show how Troupe works, not to write well.\n"
    "For a real one, put a GGUF file's path in TROUPE_ENGINE__MODEL (see .env.example).",
    "chat_loading": "Loading the model…",
    "chat_loading_progress": "Loading the model… {percent} %",
    "chat_resumed": "(the scene goes on; /reset begins anew)",
    "chat_unknown_command": "There is no command {command}. There are /persona, /length, /reset and /quit.",
    "chat_personas": "Personas: {names}",
    "chat_persona_unknown": "There is no persona called “{name}”.",
    "chat_lengths": "Lengths: {words}",
    "chat_reset": "(the scene begins anew)",
    "chat_length": "(replies are now {word})",
    # Starting
    "no_token": "No Discord token: create a bot at https://discord.com/developers/applications, "
    "copy its token from the page “Bot”, and put it in .env as TROUPE_DISCORD_TOKEN=…",
    "no_discord": "Discord cannot be reached at {address} ({reason}): check the network, or TROUPE_DISCORD_API_BASE and TROUPE_DISCORD_GATEWAY",
    "bad_token": "Discord refuses the token in TROUPE_DISCORD_TOKEN: copy it anew from the page "
    "“Bot” at https://discord.com/developers/applications",
    "no_intent": "Discord refuses the message content intent: switch on “Message Content Intent” "
    "on the page “Bot” at https://discord.com/developers/applications",
}


def say(key: str, /, **facts: object) -> str:
    """The text of a key with its facts put in.

    Raises:
        KeyError: If there is no such key, or a fact is missing.
    """
    return WORDS[key].format(**facts)
