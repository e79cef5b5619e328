"""Sealed values open where they belong and nowhere else; keys are read strictly."""

import base64
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.store.vault import Place, Vault, VaultError, format_keys, new_key, parse_keys, write_keys

HERE = Place("person", "name_sealed", "0" * 32)
VAULT = Vault(dict([new_key()]))


@given(st.text(alphabet=st.characters()))
def test_every_text_comes_back_even_with_lone_surrogates(text: str) -> None:
    assert VAULT.open(HERE, VAULT.seal(HERE, text)) == text


def test_a_lone_surrogate_and_nul_survive() -> None:
    text = "half of a smile \ud83d and \x00 in the middle"
    assert VAULT.open(HERE, VAULT.seal(HERE, text)) == text
    assert VAULT.digest("\ud83d") != VAULT.digest("\ude00")


def test_the_same_text_looks_different_each_time() -> None:
    assert VAULT.seal(HERE, "yes") != VAULT.seal(HERE, "yes")


@pytest.mark.parametrize(
    "elsewhere",
    [
        Place("lapse", "name_sealed", "0" * 32),
        Place("person", "other_sealed", "0" * 32),
        Place("person", "name_sealed", "1" * 32),
    ],
)
def test_a_value_that_was_moved_does_not_open(elsewhere: Place) -> None:
    with pytest.raises(VaultError, match="changed or moved"):
        VAULT.open(elsewhere, VAULT.seal(HERE, "Nadia"))


@given(st.data())
def test_a_value_with_one_changed_bit_does_not_open(data: st.DataObject) -> None:
    sealed = bytearray(VAULT.seal(HERE, "Nadia Voss"))
    at = data.draw(st.integers(0, len(sealed) - 1))
    sealed[at] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(VaultError):
        VAULT.open(HERE, bytes(sealed))


@given(st.integers(0, 43))
def test_a_value_that_was_cut_short_is_an_error_of_the_vault(length: int) -> None:
    with pytest.raises(VaultError):
        VAULT.open(HERE, VAULT.seal(HERE, "Nadia Voss")[:length])


def test_an_unknown_key_is_named() -> None:
    key_id, key = new_key()
    sealed = Vault({key_id: key}).seal(HERE, "Nadia")
    with pytest.raises(VaultError, match=f"sealed with key {key_id}, which is not in the ring"):
        VAULT.open(HERE, sealed)


def test_the_first_key_seals_and_every_key_opens() -> None:
    old, fresh = new_key(), new_key()
    before = Vault(dict([old])).seal(HERE, "Nadia")
    both = Vault(dict([fresh, old]))
    assert both.open(HERE, before) == "Nadia"
    assert Vault.key_of(both.seal(HERE, "Nadia")) == fresh[0]


def test_an_address_is_found_under_two_keys_during_a_rotation() -> None:
    old, fresh = new_key(), new_key()
    both = Vault(dict([fresh, old]))
    assert Vault(dict([old])).digest("+15550100") in both.digests("+15550100")
    assert Vault(dict([fresh])).digest("+15550100") in both.digests("+15550100")
    assert both.digest("+15550100") == Vault(dict([fresh])).digest("+15550100")


def test_a_running_vault_follows_a_key_that_was_added_elsewhere() -> None:
    old, fresh = new_key(), new_key()
    ring = dict([old])
    running = Vault(ring, lambda: ring)
    ring = dict([fresh, old])
    assert running.open(HERE, Vault(ring).seal(HERE, "Nadia")) == "Nadia"
    assert running.current == fresh[0], "what it seals from now on stands under the new key too"


def test_the_key_for_looking_up_opens_nothing() -> None:
    key_id, key = new_key()
    assert Vault({key_id: key})._hash[key_id] != key


@given(st.dictionaries(st.binary(min_size=8, max_size=8), st.binary(min_size=32, max_size=32), min_size=1, max_size=5))
def test_keys_are_read_as_they_were_written(keys: dict[bytes, bytes]) -> None:
    ring = {key_id.hex(): key for key_id, key in keys.items()}
    assert list(parse_keys(format_keys(ring)).items()) == list(ring.items()), "the order says which is current"
    assert parse_keys(format_keys(ring).replace("\n", ",")) == ring


def test_a_key_whose_id_has_capital_letters_still_opens_what_it_sealed() -> None:
    key_id, key = "ABCDEF0123456789", base64.b64encode(b"k" * 32).decode()
    vault = Vault(parse_keys(f"{key_id}:{key}"))
    assert vault.open(HERE, vault.seal(HERE, "Nadia")) == "Nadia"


@given(st.text(max_size=80).filter(lambda text: text.strip(" \t\r\n,")))
def test_what_is_no_key_is_refused_with_what_is_expected(text: str) -> None:
    with pytest.raises(VaultError, match=r"no encryption key given|16 hexadecimal digits, a colon and 32 bytes"):
        parse_keys(text)


@pytest.mark.parametrize("length", [0, 16, 31, 33, 64])
def test_a_key_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(VaultError, match="key 2 is not"):
        parse_keys(format_keys(dict([new_key()])) + f"{'0' * 16}:{base64.b64encode(b'x' * length).decode()}")


def test_two_keys_with_one_id_are_refused() -> None:
    key_id, key = new_key()
    with pytest.raises(VaultError, match="has the id of an earlier one"):
        parse_keys(format_keys({key_id: key}) + format_keys({key_id: b"z" * 32}))


def test_a_key_file_is_for_its_owner_alone_even_where_a_worse_one_was_left_over(tmp_path: Path) -> None:
    path = tmp_path / "data" / "keys"
    path.parent.mkdir()
    path.write_text("half of a ke")
    path.chmod(0o644)
    ring = dict([new_key()])
    write_keys(path, ring)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert parse_keys(path.read_text()) == ring
    assert [each.name for each in path.parent.iterdir()] == ["keys"]
