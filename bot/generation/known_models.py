"""The models of 2023 that Troupe is made for: where to get them, and what their makers say.

Nothing was read on the live hub. Sizes and names of files are from stored copies of the hub's own
file lists (2024 and 2025); formats, samplers and trained lengths from the cards; licences are the
word that the hub shows. What no stored copy had is left out.
"""

import re
from typing import Final

from bot.generation.catalogue_values import Download, DownloadKind, KnownModel, list_downloads
from bot.generation.types import SamplerSettings

NOUS_HERMES_SAMPLER: Final = SamplerSettings(temperature=0.7, min_p=0.05, repetition_penalty=1.1)
"""The example command of Nous-Hermes-Llama2-70B-GGML's card; min-p is ours."""
LIMARP_SAMPLER: Final = SamplerSettings(
    temperature=0.7, tail_free=0.92, repetition_penalty=1.1, repetition_window=2048
)
"""LimaRP-Mistral-7B's card."""

MODELS_OF_2023: Final = (
    KnownModel(
        name="openhermes-2.5-mistral-7b",
        title="OpenHermes 2.5 Mistral 7B",
        parameters="7B",
        pattern=re.compile(r"(?<![a-z])openhermes[-_ ]2\.5[-_ ]mistral", re.IGNORECASE),
        good_for="an all-rounder that keeps to its card; a good first model",
        prompt_format="chatml",
        card="https://huggingface.co/teknium/OpenHermes-2.5-Mistral-7B",
        licence="apache-2.0",
        context_length=8192,  # Mistral 7B v0.1's, by its makers' list of open models
        downloads=list_downloads(
            "TheBloke/OpenHermes-2.5-Mistral-7B-GGUF",
            "openhermes-2.5-mistral-7b.{}.gguf",
            Q4_K_M=4.37,
            Q5_K_M=5.13,  # named by many who run it; this size by the same model elsewhere
            Q5_0=5.0,
            Q4_K_S=4.14,
            Q4_0=4.11,
            Q3_K_M=3.52,
            Q2_K=3.08,
        ),
    ),
    KnownModel(
        name="dpopenhermes-7b",
        title="DPOpenHermes 7B",
        parameters="7B",
        pattern=re.compile(r"dpopenhermes[-_ ]7b", re.IGNORECASE),
        good_for="OpenHermes 2.5, trained further on preferred answers",
        prompt_format="chatml",
        card="https://huggingface.co/openaccess-ai-collective/DPOpenHermes-7B",
        licence="apache-2.0",
        context_length=8192,  # as above
        downloads=list_downloads(
            "TheBloke/DPOpenHermes-7B-GGUF",
            "dpopenhermes-7b.{}.gguf",
            Q4_K_M=4.37,
            Q5_0=5.0,
            Q4_K_S=4.14,
            Q4_0=4.11,
            Q3_K_M=3.52,
            Q2_K=3.08,
        ),
    ),
    KnownModel(
        name="limarp-mistral-7b",
        title="LimaRP on Mistral 7B, merged at a weight of 0.75",
        parameters="7B",
        pattern=re.compile(r"mistral[-_ ]limarp|(?<![a-z])limarp[-_ ]mistral", re.IGNORECASE),
        good_for="long, novel-like replies; obeys length words",
        prompt_format="limarp",
        sampler=LIMARP_SAMPLER,
        sampler_source="LimaRP-Mistral-7B's card",
        card="https://huggingface.co/lemonilia/LimaRP-Mistral-7B-v0.1",
        licence="apache-2.0",
        context_length=8750,
        has_length_words=True,
        # The author published the merge as PyTorch weights only; this is of the version of
        # September 2023.
        downloads=list_downloads(
            "kalomaze/Mistral-LimaRP-0.75w-7B-GGUF",
            "Mistral-LimaRP-075w-7B.{}.gguf",
            q5_K_M=5.13,
            q8_0=7.7,
        ),
    ),
    KnownModel(
        name="ashhlimarp-mistral-7b",
        title="AshhLimaRP Mistral 7B",
        parameters="7B",
        pattern=re.compile(r"ashhlimarp[-_ ]mistral[-_ ]7b", re.IGNORECASE),
        good_for="LimaRP by its own author on a model trained on stories; obeys length words",
        prompt_format="limarp",
        sampler=SamplerSettings(
            temperature=0.7, tail_free=0.9, repetition_penalty=1.11, repetition_window=2048
        ),
        sampler_source="its card",
        card="https://huggingface.co/lemonilia/AshhLimaRP-Mistral-7B",
        licence="apache-2.0",
        context_length=8192,  # about 9,000 tokens of training, on Mistral 7B v0.1
        has_length_words=True,
        downloads=list_downloads(
            "TheBloke/AshhLimaRP-Mistral-7B-GGUF",
            "ashhlimarp-mistral-7b.{}.gguf",
            Q4_K_M=4.37,  # by the architecture: the file's page was stored, its size was not
        ),
    ),
    KnownModel(
        name="limarp-mistral-7b-lora",
        title="LimaRP on Mistral 7B, the adapter alone",
        parameters="7B",
        pattern=re.compile(r"limarp[-_ ]mistral[-_ ]7b.*lora", re.IGNORECASE),
        good_for="put LimaRP on another Mistral 7B, such as OpenHermes, as strong as you like",
        prompt_format="limarp",
        sampler=LIMARP_SAMPLER,
        sampler_source="LimaRP-Mistral-7B's card",
        card="https://huggingface.co/lemonilia/LimaRP-Mistral-7B-v0.1",
        licence="apache-2.0",
        context_length=8750,
        has_length_words=True,
        downloads=(
            Download(
                repository="lemonilia/LimaRP-Mistral-7B-v0.1",
                files=("LoRA Adapter/adapter_model.bin", "LoRA Adapter/adapter_config.json"),
                kind=DownloadKind.LORA,
                quantization="",
                size_bytes=None,
            ),
        ),
    ),
    KnownModel(
        name="nous-hermes-13b",
        title="Nous-Hermes 13B",
        parameters="13B",
        pattern=re.compile(r"nous-hermes-13b", re.IGNORECASE),
        good_for="the first Nous-Hermes, on Llama 1; short memory",
        prompt_format="alpaca",
        sampler=NOUS_HERMES_SAMPLER,
        sampler_source="Nous-Hermes-Llama2-70B-GGML's card",
        card="https://huggingface.co/NousResearch/Nous-Hermes-13b",
        licence="other",
        context_length=2048,  # trained on 2,000, says the card; Llama 1's window
        downloads=(
            *list_downloads(
                "TheBloke/Nous-Hermes-13B-GGUF",
                "Nous-Hermes-13B.{}.gguf",
                Q4_K_M=7.87,
                Q5_K_M=9.23,
                Q5_0=8.97,
                Q4_K_S=7.41,
                Q4_0=7.37,
                Q3_K_M=6.34,
                Q2_K=5.43,
            ),
            *list_downloads(
                "TheBloke/Nous-Hermes-13B-GGML",
                "nous-hermes-13b.ggmlv3.{}.bin",
                DownloadKind.GGML,
                q4_0=7.32,
                q4_1=8.14,
                q5_0=8.95,
                q5_1=9.76,
                q8_0=13.8,
                q3_K_S=5.59,
                q2_K=5.43,
            ),
        ),
    ),
    KnownModel(
        name="nous-hermes-llama2-70b",
        title="Nous-Hermes Llama2 70B",
        parameters="70B",
        pattern=re.compile(r"nous-hermes-llama-?2-70b", re.IGNORECASE),
        good_for="the largest here, for servers; the prose that 13B models lack",
        prompt_format="alpaca",
        sampler=NOUS_HERMES_SAMPLER,
        sampler_source="the example command of the GGML files' card; min-p is ours",
        card="https://huggingface.co/NousResearch/Nous-Hermes-Llama2-70b",
        licence="llama2",
        context_length=4096,
        downloads=(
            *list_downloads(
                "TheBloke/Nous-Hermes-Llama2-70B-GGUF",
                "nous-hermes-llama2-70b.{}.gguf",
                Q4_K_M=41.7,
                Q5_K_M=49.0,
                Q5_K_S=47.7,
                Q4_K_S=39.3,
                Q3_K_L=36.5,
                Q3_K_M=33.4,
                Q3_K_S=30.1,
                Q2_K=29.5,
            ),
            *list_downloads(
                "TheBloke/Nous-Hermes-Llama2-70B-GGML",
                "nous-hermes-llama2-70b.ggmlv3.{}.bin",
                DownloadKind.GGML,
                Q4_K_M=41.7,
                Q5_K_M=49.0,
                Q5_K_S=47.7,
                Q5_0=47.4,
                Q4_1=43.1,
                Q4_K_S=39.2,
                Q4_0=38.8,
                Q3_K_L=36.5,
                Q3_K_M=33.4,
                Q3_K_S=30.1,
                Q2_K=29.0,
            ),
        ),
        elsewhere=(
            "EXL2: qeternity/Nous-Hermes-Llama2-70b-5bpw-exl2 (and 2.55bpw), served by TabbyAPI on "
            "a GPU: see docs/servers.md"
        ),
    ),
)
