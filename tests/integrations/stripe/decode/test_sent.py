"""What Stripe sent is kept small, comes back to the byte, and what any release kept can be read."""

import json
import zlib
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.stripe.decode import sent
from integrations.stripe.decode.sent import packed, unpacked
from tests.integrations.stripe.shaped import GENERATIONS, subscription


@given(st.binary(max_size=3000))
def test_it_comes_back_to_the_byte(raw: bytes) -> None:
    """Whatever it is: JSON, rubbish, nothing."""
    assert raw == unpacked(packed(raw))
    assert raw == unpacked(packed(memoryview(raw)))


@given(st.binary(max_size=3000))
def test_what_an_older_release_kept_is_read(raw: bytes) -> None:
    """It was zlib's, of any strength."""
    assert raw == unpacked(zlib.compress(raw, 1)) == unpacked(zlib.compress(raw, 9))


def test_what_this_release_kept_is_read_by_every_later_one() -> None:
    """A subscription kept today; and the dictionary that it needs has not changed by a byte."""
    kept = "28b52ffd21013dbd0000387b31222c222c7d04fc9c61f0701447379d6673fec678"
    assert 16384 == len(Path(sent.__file__).with_name("sent.dict").read_bytes())
    assert (
        "5eef855b9b5dcf098435ec5db2852c0e652935d1221e9f62144f708aca17639f"
        == sha256(Path(sent.__file__).with_name("sent.dict").read_bytes()).hexdigest()
    )
    assert b'{"id": "sub_1", "object": "subscription", "status": "active"}' == unpacked(bytes.fromhex(kept))


def test_many_threads_keep_at_once() -> None:
    """Each has a packer of its own."""
    raws = [json.dumps(subscription("clover", id=f"sub_{n}")).encode() for n in range(400)]
    with ThreadPoolExecutor(8) as pool:
        assert raws == list(pool.map(lambda raw: unpacked(packed(raw)), raws))


@pytest.mark.parametrize("generation", GENERATIONS)
def test_it_is_far_smaller_than_by_zlib(generation: str) -> None:
    """A subscription as Stripe writes it, in every generation of its shape: at most three quarters of what zlib makes of it."""
    raw = json.dumps(subscription(generation), indent=2).encode()
    assert len(packed(raw)) < 0.75 * len(zlib.compress(raw, 1))


@pytest.mark.parametrize("body", [b"", b"neither", b"\x28\xb5\x2f\xfd\x00", zlib.compress(b"cut off" * 50)[:-8]])
def test_what_was_never_kept_is_refused(body: bytes) -> None:
    """With an error of ours."""
    with pytest.raises(ValueError, match="nothing that was kept"):
        unpacked(body)
