"""A plugin for seqgen: text that does without certain letters."""

import seqgen
from seqgen.core.hookspecs import Register

SEQGEN_CONTRACT = "1.0"


@seqgen.hookimpl
def register_samplers(register: Register) -> None:
    register("lipogram", "seqgen_lipogram.sampler:Lipogram", summary="text without certain letters")
