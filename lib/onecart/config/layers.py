"""Loads the settings in layers: conf/base.yaml < what the environment extends < the environment < conf/gpu.yaml < --set key=value.

Every value remembers the layer it came from; an unknown key is an error that names the nearest key.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from importlib.abc import Traversable
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from onecart.config.sections.section import INCOMPLETE
from onecart.config.settings import Settings
from onecart.errors import UsageError, nearest


def conf_dir() -> Traversable:
    """The folder of the YAML layers: $ONECART_CONF, else the checkout's conf/, else the one in the wheel (or its zip)."""
    if given := os.environ.get("ONECART_CONF"):
        return Path(given)
    checkout = Path(__file__).parents[3] / "conf"
    return checkout if (checkout / "base.yaml").exists() else files("onecart") / "_conf"


def load(env: str = "local", gpu: bool = False, overrides: Sequence[str] = ()) -> tuple[Settings, dict[str, str]]:
    """Merges the layers. Returns the settings and, for each dotted key that a layer gives, the layer's name.

    env: a file of the conf folder by its name, or the path of a YAML file.
    """
    folder = conf_dir()
    if not folder.is_dir():
        raise UsageError(f"no settings folder {folder}; set ONECART_CONF to a folder with base.yaml")
    layers = [("base.yaml", _read(folder / "base.yaml")), *_environment(env, folder)]
    layers += [("gpu.yaml", _read(folder / "gpu.yaml"))] if gpu else []
    tree: dict[str, Any] = {}
    origin: dict[str, str] = {}
    for name, layer in layers:
        _check(layer, name, partial=True)
        _merge(tree, layer, name, origin)
    for item in overrides:
        layer = _parse_override(item)
        _check(layer, f"--set {item}", partial=True)
        _merge(tree, layer, "--set", origin)
    return _check(tree, f"the settings of environment '{env}'", partial=False), origin


def _environment(env: str, folder: Traversable) -> list[tuple[str, dict[str, Any]]]:
    """(name, content) of the environment's file and, before it, of those it extends: `extends: x` is the file x.yaml of the
    conf folder, or a path relative to the file that says so."""
    layers: list[tuple[str, dict[str, Any]]] = []
    here: Traversable = Path()
    following, seen = env, list[str]()
    while following:
        file, here, name = _file(following, here, folder)
        if name in seen:
            raise UsageError(f"{name} extends itself: {' extends '.join([*seen, name])}")
        seen.append(name)
        content = _read(file)
        parent = content.pop("extends", None)
        if parent is not None and not isinstance(parent, str):
            raise UsageError(f"{name}: extends must name one file, found {parent!r}")
        layers.insert(0, (name, content))
        following = parent or ""
    return layers


def _file(env: str, here: Traversable, folder: Traversable) -> tuple[Traversable, Traversable, str]:
    """(the file, the folder it is in, its name in errors and origins) of an environment; relative paths start `here`."""
    if "/" in env or env.endswith((".yaml", ".yml")):
        path = Path(os.path.normpath(Path(str(here), env)))
        return path, path.parent, str(path)
    known = sorted(
        p.name[:-5] for p in folder.iterdir() if p.name.endswith(".yaml") and p.name not in ("base.yaml", "gpu.yaml")
    )
    if env not in known:
        raise UsageError(f"no environment '{env}': no path of a YAML file, and not in {folder}{nearest(env, known)}")
    return folder / f"{env}.yaml", folder, f"{env}.yaml"


def flatten(settings: Settings) -> Iterator[tuple[str, Any]]:
    """(dotted key, value) of every setting."""

    def walk(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:
        if isinstance(value, Mapping) and value:
            for key, inner in value.items():
                yield from walk(f"{prefix}.{key}" if prefix else str(key), inner)
        else:
            yield prefix, value

    return walk("", settings.model_dump(mode="json", by_alias=True))


def _read(path: Traversable) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except FileNotFoundError as e:
        raise UsageError(f"no settings file {path}") from e
    except (OSError, UnicodeDecodeError) as e:
        raise UsageError(f"{path} cannot be read as UTF-8 text: {e}") from e
    except yaml.YAMLError as e:
        raise UsageError(f"{path} is not valid YAML: {' '.join(str(e).split())}") from e
    if not isinstance(content, dict):
        raise UsageError(f"{path} must hold sections with keys, not {type(content).__name__}")
    return content


def _parse_override(item: str) -> dict[str, Any]:
    key, equals, text = item.partition("=")
    if not equals or not key:
        raise UsageError(f"--set {item}: expected key=value, as in --set forecast.top_skus=50")
    parts = key.split(".")
    is_spark = parts[:2] in (["spark", "conf"], ["spark", "secrets"])
    try:
        value = yaml.load(
            text, yaml.BaseLoader if is_spark else yaml.SafeLoader
        )  # Spark's values are text: 010 is no 8
    except yaml.YAMLError as e:
        raise UsageError(f"--set {item}: the value is not valid YAML") from e
    if is_spark and len(parts) > 2:
        parts, value = [*parts[:2], ".".join(parts[2:])], text  # its keys have dots in them
    for part in reversed(parts):
        value = {part: value}
    return dict(value)


def _merge(tree: dict[str, Any], layer: Mapping[str, Any], name: str, origin: dict[str, str], prefix: str = "") -> None:
    for key, value in layer.items():
        path = f"{prefix}{key}"
        if isinstance(value, Mapping) and isinstance(tree.get(key), dict):
            _merge(tree[key], value, name, origin, f"{path}.")
        elif isinstance(value, Mapping):
            tree[key] = {}
            _merge(tree[key], value, name, origin, f"{path}.")
        else:
            tree[key] = value
            origin[path] = name


def _check(tree: Mapping[str, Any], where: str, *, partial: bool) -> Settings:
    """partial: a layer on its own, which may leave out what another gives."""
    try:
        return Settings.model_validate(tree)
    except ValidationError as e:
        problems = [p for p in e.errors() if not (partial and p["type"] in ("missing", INCOMPLETE))]
        if not problems:
            return Settings()
        first = problems[0]
        path = ".".join(str(p) for p in first["loc"])
        if first["type"] == "extra_forbidden":
            siblings = _fields_at(first["loc"][:-1])
            message = f"unknown key '{path}'{nearest(str(first['loc'][-1]), siblings)}"
        else:
            message = f"{path}: {first['msg'].removeprefix('Value error, ')}"
            if "secret" not in path:
                message += f" (found {first['input']!r})"
        raise UsageError(f"{where}: {message}") from e


def _fields_at(location: Sequence[int | str]) -> list[str]:
    model: Any = Settings
    for part in location:
        if isinstance(model, type) and issubclass(model, BaseModel) and str(part) in model.model_fields:
            model = model.model_fields[str(part)].annotation
        elif get_origin(model) is dict:
            model = get_args(model)[1]
            model = next((m for m in get_args(model) if m is not type(None)), model)  # Source | None -> Source
    fields = model.model_fields if isinstance(model, type) and issubclass(model, BaseModel) else {}
    return [f.alias or name for name, f in fields.items()]
