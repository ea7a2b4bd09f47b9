"""The bundled parts, registered through the same hooks as any third party's."""

from __future__ import annotations

from seqgen.core.hookspecs import Register, hookimpl


@hookimpl
def register_tokenizers(register: Register) -> None:
    register("char", "seqgen.tokenizers.char:CharTokenizer", summary="one token a character")
    register("byte", "seqgen.tokenizers.byte:ByteTokenizer", summary="one token a byte of UTF-8; nothing is unknown")
    register("word", "seqgen.tokenizers.word:WordTokenizer", summary="words, punctuation and white space")
    register(
        "bpe",
        "seqgen.tokenizers.bpe:BpeTokenizer",
        summary="byte-pair encoding, learned from the corpus",
        requires="tokenizers",
        extra="bpe",
    )


@hookimpl
def register_datasets(register: Register) -> None:
    register("text", "seqgen.datasets.text:TextDataset", summary="text files, each one document")
    register("lines", "seqgen.datasets.lines:LinesDataset", summary="text files, each line one document")
    register("rows", "seqgen.datasets.rows:RowsDataset", summary="CSV, TSV and JSON, each row one document")


@hookimpl
def register_backends(register: Register) -> None:
    register(
        "torch",
        "seqgen.backends.torch.backend:TorchBackend",
        summary="PyTorch: trains and generates; CUDA, ROCm, MPS, XPU, CPU",
        requires="torch",
        extra="torch",
    )
    register(
        "keras",
        "seqgen.backends.keras.backend:KerasBackend",
        summary="Keras 3: trains and generates, on TensorFlow or another engine",
        requires="keras",
        extra="keras",
    )
    register(
        "numpy",
        "seqgen.backends.numpy.backend:NumpyBackend",
        summary="NumPy: generates and evaluates, with no framework to load",
    )
    register(
        "numba",
        "seqgen.backends.numba.backend:NumbaBackend",
        summary="Numba: generates and evaluates, with weights rounded to 8 bits",
        requires="numba",
        extra="numba",
    )


@hookimpl
def register_samplers(register: Register) -> None:
    register("greedy", "seqgen.samplers.greedy:Greedy", summary="always the most likely token")
    register("temperature", "seqgen.samplers.temperature:Temperature", summary="sharper below 1, flatter above")
    register("top-k", "seqgen.samplers.top_k:TopK", summary="only the k most likely tokens")
    register("top-p", "seqgen.samplers.top_p:TopP", summary="the likeliest tokens that together reach p")
    register("min-p", "seqgen.samplers.min_p:MinP", summary="tokens at least p times as likely as the likeliest")
    register("typical", "seqgen.samplers.typical:Typical", summary="tokens of about the expected surprise")
    register(
        "repetition-penalty",
        "seqgen.samplers.repetition_penalty:RepetitionPenalty",
        summary="make tokens that occurred lately less likely",
    )
    register(
        "no-repeat-ngram",
        "seqgen.samplers.no_repeat_ngram:NoRepeatNgram",
        summary="no run of so many tokens comes twice",
    )
    register("grammar", "seqgen.samplers.grammar:GrammarSampler", summary="what the tokenizer's own grammar allows")
    register("regex", "seqgen.samplers.regex:Regex", summary="text that matches a regular expression")
    register("dry", "seqgen.samplers.dry:Dry", summary="the longer a run that would repeat, the less likely it goes on")
    register("logit-bias", "seqgen.samplers.logit_bias:LogitBias", summary="chosen texts likelier or less likely")
    register("mirostat", "seqgen.samplers.mirostat:Mirostat", summary="tokens of a wanted mean surprise")


@hookimpl
def register_callbacks(register: Register) -> None:
    register("csv", "seqgen.callbacks.csv_log:CsvLog", summary="a table in metrics.csv, or another file")
    register(
        "tensorboard",
        "seqgen.callbacks.tensorboard_log:TensorboardLog",
        summary="curves in TensorBoard",
        requires="tensorboard",
        extra="tensorboard",
    )
    register(
        "mlflow",
        "seqgen.callbacks.mlflow_log:MlflowLog",
        summary="runs in MLflow: a folder, or a server",
        requires="mlflow",
        extra="mlflow",
    )
    register(
        "wandb",
        "seqgen.callbacks.wandb_log:WandbLog",
        summary="runs on Weights & Biases",
        requires="wandb",
        extra="wandb",
    )
