"""Synthesis of tilts: `synthesize` is the job; stages and settings have their own modules."""

from __future__ import annotations

from .encoding import Latents
from .job import encode, on_device, synthesize
from .settings import Synthesis, SynthesisSettings

__all__ = ["Latents", "Synthesis", "SynthesisSettings", "encode", "on_device", "synthesize"]
