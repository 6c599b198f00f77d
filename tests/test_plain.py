"""Plain values and JSON: what comes back, files of other versions, and what damage is called."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytest

from reilab.events import (
    Checkpointed,
    Evaluated,
    Event,
    Failed,
    Finished,
    Metrics,
    Posed,
    Refused,
    SetWeight,
    Started,
    Steered,
    Stepped,
)
from reilab.plain import from_json, read_json, to_json
from reilab.record.log import Follower
from reilab.record.pictures import Stored

#: Lines as they were written before this test was: two of them without the fields that came later,
#: and one with a field that is not known any more.
LINES: dict[str, Event] = {
    '{"is":"Posed","task":"mri","preset":"quick","noise":0.1,"noise_unit":"","device":"cpu",'
    '"n_train":8,"n_test":2,"pinv":{"array":"previews/problem-0000000-pinv.npy"},"truth":null,'
    '"pinv_metrics":null,"value_range":[0.0,1.0],"pinv_per_image":[{"is":"Metrics","psnr":20.5,'
    '"ssim":0.5,"nmse":0.1}],"measurement":null,"measurement_title":"","at_once":3}': Posed(
        *("mri", "quick", 0.1, "", "cpu", 8, 2),
        pinv=Stored(Path("previews/problem-0000000-pinv.npy")),
        truth=None,
        pinv_metrics=None,
        pinv_per_image=(Metrics(20.5, 0.5, 0.1),),
        at_once=3,
    ),
    '{"is":"Started","method":"rei","step":0,"n_steps":4,"n_parameters":9,"oracle":false,'
    '"weights":{"sure":1,"req":2.5},"learning_rate":0.001,"assumed_noise":0.1,'
    '"measurements":"online"}': Started(
        *("rei", 0, 4, 9, False), {"sure": 1.0, "req": 2.5}, 0.001, 0.1, "online"
    ),
    '{"is":"Stepped","method":"rei","step":1,"losses":{"array":0.5},"total":Infinity,'
    '"learning_rate":0.001,"seconds":0.25,"colour":"red"}': Stepped(
        "rei", 1, {"array": 0.5}, math.inf, 0.001, 0.25
    ),
    '{"is":"Evaluated","method":"rei","step":1,"metrics":{"is":"Metrics","psnr":20.5,"ssim":0.5,'
    '"nmse":0.1,"psnr_range":null,"psnr_null":21.5},"images":{"array":"previews/rei-0000001.npy"},'
    '"per_image":null}': Evaluated(
        "rei", 1, Metrics(20.5, 0.5, 0.1, None, 21.5), Stored(Path("previews/rei-0000001.npy"))
    ),
    '{"is":"Steered","method":"rei","step":1,"command":{"is":"SetWeight","term":"sure","value":2.0,'
    '"method":"*"}}': Steered("rei", 1, SetWeight("sure", 2.0)),
    '{"is":"Refused","method":"rei","step":1,"command":{"is":"SetWeight","term":"x","value":2.0},'
    '"message":"no"}': Refused("rei", 1, SetWeight("x", 2.0), "no"),
    '{"is":"Checkpointed","method":"rei","step":1,"file":"rei.safetensors"}': Checkpointed(
        "rei", 1, "rei.safetensors"
    ),
    '{"is":"Failed","method":"rei","step":2,"message":"why","term":"sure","value":-Infinity}': (
        Failed("rei", 2, "why", "sure", -math.inf)
    ),
    '{"is":"Finished","method":"rei","step":2,"ends_with":null}': Finished("rei", 2),
}


@dataclass(frozen=True)
class Several:
    """All kinds of fields."""

    pair: tuple[float, float]
    many: tuple[Metrics, ...]
    by_name: Mapping[str, float]
    count: int = 3
    known: bool = True
    note: str | None = None
    open: Any = None


SEVERAL = Several((1.0, 2.0), (Metrics(1.0, 2.0, math.inf),), {"a": 1.5}, note="α", open=[1, "x"])


@pytest.mark.parametrize("value", [SEVERAL, Metrics(-math.inf, 1.0, 2.0, 3.0)])
def test_values_come_back(value: object) -> None:
    assert from_json(type(value), to_json(value), "here") == value


def test_nan_comes_back() -> None:
    assert math.isnan(from_json(Metrics, to_json(Metrics(math.nan, 1, 1)), "here").psnr)


def test_fields_that_are_not_told_have_their_defaults() -> None:
    text = '{"pair": [1, 2], "many": [], "by_name": {}, "unknown": 1}'
    assert from_json(Several, text, "here") == Several((1.0, 2.0), (), {})


@pytest.mark.parametrize("text", LINES)
def test_lines_of_before_open(text: str, tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text(text + "\n")
    (found,) = Follower(tmp_path / "events.jsonl").poll()
    expected = LINES[text]
    for name in (one.name for one in fields(expected)):
        if isinstance(images := getattr(expected, name), Stored):
            assert getattr(found, name) == Stored(tmp_path / images.path)
            object.__setattr__(found, name, images)
    assert found == expected


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"count": "3"}, "count '3' is not a whole number"),
        ({"count": 3.5}, "count 3.5 is not a whole number"),
        ({"count": True}, "count True is not a whole number"),
        ({"known": 1}, "known 1 is not true or false"),
        ({"note": 5}, "note 5 is not a text"),
        ({"pair": [1, True]}, "pair[1] True is not a number"),
        ({"pair": [1, 2, 3]}, "pair Too many values"),
        ({"by_name": {"a": "b"}}, "by_name['a'] 'b' is not a number"),
        ({"by_name": [1]}, "by_name"),
        ({"many": [{"psnr": 1, "ssim": 2}]}, "many[0].nmse 'nmse' is missing"),
    ],
)
def test_what_does_not_fit_is_named(change: dict[str, Any], told: str, tmp_path: Path) -> None:
    whole = {"pair": [1, 2], "many": [], "by_name": {}}
    (tmp_path / "some.json").write_text(to_json({**whole, **change}))
    with pytest.raises(ValueError, match="put it right, or delete it") as error:
        read_json(Several, tmp_path / "some.json")
    assert f"{tmp_path / 'some.json'} is damaged: " in str(error.value)
    assert told in str(error.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "null", '"x"', "\x00"])
def test_what_is_no_dataclass_at_all_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="here is damaged: "):
        from_json(Several, text, "here")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b'{"is":"Finished","meth', "Unterminated string"),
        (b'{"method":"rei"}', "'is' is missing or unknown"),
        (b'{"is":"Finished","method":"rei","step":"2"}', "step '2' is not a whole number"),
        (b'{"is":"Evaluated","method":"a","step":1,"metrics":null,"images":"x"}', "images"),
        (b"\xff", "codec can't decode"),
    ],
)
def test_a_damaged_line_is_named(line: bytes, told: str, tmp_path: Path) -> None:
    log, whole = tmp_path / "events.jsonl", next(reversed(LINES)).encode()
    reader = Follower(log)
    for number in (1, 2, 3):
        log.write_bytes(number * (whole + b"\n"))
        assert len(reader.poll()) == 1
    log.write_bytes(log.read_bytes() + line + b"\n")
    log.write_bytes(log.read_bytes() + whole + b"\n")
    unread, after = reader.poll()
    assert (unread.line, unread.newer) == (4, False)
    assert f"{log}, line 4, is damaged: " in unread.reason
    assert told in unread.reason
    assert after == LINES[whole.decode()]
