"""Models of today that people play roles with, from 2B to 24B.

Sources, all stored copies: the cards where `sampler_source` says so; names, sizes, licences and
months of files from a list that its maker checked against the hub in July 2026 (Formamorph's
catalogue), from the hub's own file lists (2024 and 2025), and from what other public programs
download. What none of these had is left out.
"""

import re
from typing import Final

from bot.generation.catalogue_values import KnownModel, list_downloads
from bot.generation.types import SamplerSettings

_HERMES_SAMPLER = SamplerSettings(temperature=0.8, min_p=0.05, repetition_penalty=1.1)
_HERMES_SOURCE = "the example code of Hermes 3's card; min-p is ours"

TODAYS_MODELS: Final = (
    KnownModel(
        name="gemmasutra-mini-2b",
        title="Gemmasutra Mini 2B v1",
        parameters="2B",
        pattern=re.compile(r"gemmasutra-mini-2b", re.IGNORECASE),
        good_for="very small machines",
        prompt_format="gemma",
        card="https://huggingface.co/TheDrummer/Gemmasutra-Mini-2B-v1",
        licence="Gemma terms",
        downloads=list_downloads(
            "TheDrummer/Gemmasutra-Mini-2B-v1-GGUF",
            "Gemmasutra-Mini-2B-v1-{}.gguf",
            Q4_K_M=1.71,
            Q6_K=2.15,
        ),
    ),
    KnownModel(
        name="hermes-3-llama-3.2-3b",
        title="Hermes 3 on Llama 3.2 3B",
        parameters="3B",
        pattern=re.compile(r"hermes-3-llama-3\.2-3b", re.IGNORECASE),
        good_for="small machines; plays on a CPU",
        prompt_format="chatml",
        sampler=_HERMES_SAMPLER,
        sampler_source=_HERMES_SOURCE,
        card="https://huggingface.co/NousResearch/Hermes-3-Llama-3.2-3B",
        licence="llama3",
        downloads=list_downloads(
            "NousResearch/Hermes-3-Llama-3.2-3B-GGUF",
            "Hermes-3-Llama-3.2-3B.{}.gguf",
            Q4_K_M=2.02,
            Q5_K_M=2.32,
            Q6_K=2.64,
            Q8_0=3.42,
        ),
    ),
    KnownModel(
        name="impish-llama-4b",
        title="Impish LLAMA 4B",
        parameters="4B",
        pattern=re.compile(r"impish_llama_(?:4b|v2)", re.IGNORECASE),
        good_for="small machines; trained for roleplay",
        prompt_format="llama3",
        card="https://huggingface.co/SicariusSicariiStuff/Impish_LLAMA_4B",
        licence="Llama 3.2",
        downloads=list_downloads(
            "SicariusSicariiStuff/Impish_LLAMA_4B_GGUF", "Impish_LLAMA_V2-{}.gguf", Q4_K_M=2.78
        ),
    ),
    KnownModel(
        name="hermes-3-llama-3.1-8b",
        title="Hermes 3 on Llama 3.1 8B",
        parameters="8B",
        pattern=re.compile(r"hermes-3-llama-3\.1-8b", re.IGNORECASE),
        good_for="an all-rounder with a long memory; much better at roles than Hermes 2",
        prompt_format="chatml",
        sampler=_HERMES_SAMPLER,
        sampler_source=_HERMES_SOURCE,
        card="https://huggingface.co/NousResearch/Hermes-3-Llama-3.1-8B",
        licence="llama3",
        downloads=list_downloads(
            "NousResearch/Hermes-3-Llama-3.1-8B-GGUF",
            "Hermes-3-Llama-3.1-8B.{}.gguf",
            Q4_K_M=4.92,
        ),
    ),
    KnownModel(
        name="stheno-v3.2-8b",
        title="L3 8B Stheno v3.2",
        parameters="8B",
        pattern=re.compile(r"l3-8b-stheno-v3\.2", re.IGNORECASE),
        good_for="roleplay with one person; lively",
        prompt_format="llama3",
        sampler=SamplerSettings(temperature=1.12, min_p=0.075, top_k=50, repetition_penalty=1.1),
        sampler_source="its card, which has 1.12 to 1.22 for the temperature",
        card="https://huggingface.co/Sao10K/L3-8B-Stheno-v3.2",
        licence="cc-by-nc-4.0",
        downloads=list_downloads(
            "bartowski/L3-8B-Stheno-v3.2-GGUF", "L3-8B-Stheno-v3.2-{}.gguf", Q4_K_M=4.92
        ),
    ),
    KnownModel(
        name="mag-mell-12b",
        title="MN 12B Mag Mell R1",
        parameters="12B",
        pattern=re.compile(r"mn-12b-mag-mell", re.IGNORECASE),
        good_for="worlds and prose; steady for about 10,000 tokens, says its author",
        prompt_format="chatml",
        sampler=SamplerSettings(temperature=1.25, min_p=0.2),
        sampler_source="its card",
        card="https://huggingface.co/inflatebot/MN-12B-Mag-Mell-R1",
        licence="none named",
        downloads=list_downloads(
            "inflatebot/MN-12B-Mag-Mell-R1-GGUF", "MN-12B-Mag-Mell-{}.gguf", Q4_K_M=7.48
        ),
    ),
    KnownModel(
        name="rocinante-12b",
        title="Rocinante 12B v1.1",
        parameters="12B",
        pattern=re.compile(r"rocinante-12b-v1\.1", re.IGNORECASE),
        good_for="adventures that go on for long",
        prompt_format="chatml",
        sampler=SamplerSettings(temperature=1.0, min_p=0.05, dry_multiplier=0.8),
        sampler_source="between the 0.7 and 1.2 of its card, and DRY as there; min-p is ours",
        card="https://huggingface.co/TheDrummer/Rocinante-12B-v1.1",
        licence="other",
        downloads=list_downloads(
            "TheDrummer/Rocinante-12B-v1.1-GGUF",
            "Rocinante-12B-v1.1-{}.gguf",
            Q4_K_M=7.48,
            Q8_0=13.0,
        ),
    ),
    KnownModel(
        name="rocinante-x-12b",
        title="Rocinante X 12B v1",
        parameters="12B",
        pattern=re.compile(r"rocinante-x-12b-v1", re.IGNORECASE),
        good_for="the Rocinante of January 2026",
        prompt_format="mistral_tekken",
        card="https://huggingface.co/TheDrummer/Rocinante-X-12B-v1",
        licence="Apache 2.0",
        downloads=list_downloads(
            "TheDrummer/Rocinante-X-12B-v1-GGUF",
            "Rocinante-X-12B-v1b-{}.gguf",
            Q4_K_M=7.48,
            Q6_K=10.1,
        ),
    ),
    KnownModel(
        name="dans-personalityengine-24b",
        title="Dans PersonalityEngine V1.3.0 24B",
        parameters="24B",
        pattern=re.compile(r"dans-personalityengine-v1\.3\.0-24b", re.IGNORECASE),
        good_for="roles and everything else, in ten languages",
        prompt_format="",
        trained_on="DanChat-2",
        sampler=SamplerSettings(temperature=1.0, top_p=0.9),
        sampler_source="its card",
        card="https://huggingface.co/PocketDoc/Dans-PersonalityEngine-V1.3.0-24b",
        licence="apache-2.0",
        context_length=32768,
        downloads=list_downloads(
            "bartowski/PocketDoc_Dans-PersonalityEngine-V1.3.0-24b-GGUF",
            "PocketDoc_Dans-PersonalityEngine-V1.3.0-24b-{}.gguf",
            Q4_K_M=14.3,  # by the architecture: other Mistral Small 24B at this quantization
        ),
    ),
    KnownModel(
        name="cydonia-24b",
        title="Cydonia 24B v4.3",
        parameters="24B",
        pattern=re.compile(r"cydonia-24b-v4(?:\.3|zg)", re.IGNORECASE),
        good_for="roleplay, where 16 GB of GPU memory are at hand",
        prompt_format="mistral_v7_tekken",
        card="https://huggingface.co/TheDrummer/Cydonia-24B-v4.3",
        licence="Apache 2.0",
        downloads=list_downloads(
            "bartowski/TheDrummer_Cydonia-24B-v4.3-GGUF",
            "TheDrummer_Cydonia-24B-v4.3-{}.gguf",
            Q4_K_M=14.3,
            Q5_K_M=16.8,
        ),
    ),
)
