"""Synthesis of tilts: `synthesize` is the job; stages and settings have their own modules."""

from __future__ import annotations

from .job import encode, on_device, synthesize
from .settings import Synthesis, SynthesisSettings
from .stages import Latents

__all__ = ["Latents", "Synthesis", "SynthesisSettings", "encode", "on_device", "synthesize"]
