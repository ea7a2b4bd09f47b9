"""A plugin for seqgen: text that does without certain letters."""

import seqgen

SEQGEN_CONTRACT = "1.0"


@seqgen.hookimpl
def register_samplers(register):
    register("lipogram", "seqgen_lipogram.sampler:Lipogram", summary="text without certain letters")
