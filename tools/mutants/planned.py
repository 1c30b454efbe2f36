"""The wrong servers that are wrappers around the right one, each with one realistic fault."""

from __future__ import annotations

from tools.mutants.planned_answers import ANSWERS
from tools.mutants.planned_authorization import AUTHORIZATION
from tools.mutants.planned_formats import FORMATS
from tools.mutants.planned_patches import PATCHES
from tools.mutants.planned_profiles import PROFILES

# By number, so that a sample of every so many is spread over all of them and stays the same.
PLANNED = sorted(
    [*FORMATS, *AUTHORIZATION, *PATCHES, *PROFILES, *ANSWERS],
    key=lambda mutant: int(mutant.id.removeprefix("M").partition("-")[0]),
)
