"""The tree against RFC 6962's definition written out, and proofs against every wrong claim."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from venturalitica.ledger.formats.merkle import (
    EMPTY_ROOT,
    MemoryTree,
    Proofs,
    RunningRoot,
    Tree,
    leaf_hash,
    still_begins,
    stored_count,
    verify_inclusion,
)

REFERENCE_LEAVES = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
]
REFERENCE_ROOTS = {
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    4: "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


def mth(items: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, word for word."""
    if not items:
        return hashlib.sha256(b"").digest()
    if len(items) == 1:
        return hashlib.sha256(b"\x00" + items[0]).digest()
    k = 1
    while k * 2 < len(items):
        k *= 2
    return hashlib.sha256(b"\x01" + mth(items[:k]) + mth(items[k:])).digest()


def tree_of(items: list[bytes]) -> MemoryTree:
    return MemoryTree([leaf_hash(item) for item in items])


def test_reference_roots() -> None:
    items = [bytes.fromhex(text) for text in REFERENCE_LEAVES]
    for size, root in REFERENCE_ROOTS.items():
        assert tree_of(items[:size]).root().hex() == root


@pytest.mark.parametrize("size", range(40))
def test_roots_and_proofs_of_every_size(size: int) -> None:
    items = [b"%d" % number for number in range(size)]
    tree, root = tree_of(items), mth(items)
    running = RunningRoot()
    for item in items:
        running.append(leaf_hash(item))
    assert tree.root() == running.root() == root
    for index in range(size):
        proof = tree.inclusion(index)
        leaf = leaf_hash(items[index])
        assert verify_inclusion(leaf=leaf, index=index, size=size, proof=proof, root=root)


@given(st.integers(1, 60), st.data())
@settings(max_examples=150, deadline=None)
def test_no_other_claim_verifies(size: int, data: st.DataObject) -> None:
    tree = tree_of([b"%d" % number for number in range(size)])
    root, index = tree.root(), data.draw(st.integers(0, size - 1))
    leaf, proof = tree.leaf(index), tree.inclusion(index)
    claims: dict[str, Any] = {
        "leaf": leaf,
        "index": index,
        "size": size,
        "proof": proof,
        "root": root,
    }
    other = data.draw(st.integers(0, size + 3).filter(lambda n: n != index))
    assert not verify_inclusion(**claims | {"index": other})
    assert not verify_inclusion(**claims | {"leaf": hashlib.sha256(leaf).digest()})
    assert not verify_inclusion(**claims | {"proof": [*proof, root]})
    assert not verify_inclusion(**claims | {"root": hashlib.sha256(root).digest()})
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        changed = [*proof[:at], hashlib.sha256(proof[at]).digest(), *proof[at + 1 :]]
        assert not verify_inclusion(**claims | {"proof": changed})
        assert not verify_inclusion(**claims | {"proof": proof[:-1]})


def test_growing_stores_nothing() -> None:
    tree = tree_of([b"a", b"b", b"c"])
    grown = tree.grown(leaf_hash(b"d")).grown(leaf_hash(b"e"))
    assert grown.root() == mth([b"a", b"b", b"c", b"d", b"e"])
    assert (tree.size, tree.root()) == (3, mth([b"a", b"b", b"c"]))


def test_no_proof_outside_the_tree() -> None:
    tree = tree_of([b"a"])
    for call in (lambda: tree.inclusion(1), lambda: tree.inclusion(-1)):
        with pytest.raises(IndexError):
            call()
    assert MemoryTree().root() == EMPTY_ROOT
    assert not verify_inclusion(leaf=EMPTY_ROOT, index=0, size=0, proof=[], root=EMPTY_ROOT)


def test_stored_count_is_the_number_of_complete_subtrees() -> None:
    for size in range(70):
        assert stored_count(size) == sum(size >> level for level in range(8))


@given(st.integers(1, 40), st.lists(st.integers(0, 39), min_size=1, max_size=60))
def test_leaves_are_proven_in_any_order(size: int, asked: list[int]) -> None:
    leaves = [leaf_hash(b"%d" % number) for number in range(size)]
    tree = MemoryTree(leaves)
    proofs = Proofs(tree, tree.root())
    for index in (number % size for number in asked):
        assert proofs.holds(index, leaves[index])
        assert not proofs.holds(index, leaf_hash(b"another"))


@given(st.integers(1, 40), st.integers(0, 39), st.integers(0, 100))
def test_a_stored_hash_that_was_edited_proves_no_other_leaf(
    size: int, index: int, position: int
) -> None:
    leaves = [leaf_hash(b"%d" % number) for number in range(size)]
    edited = [*MemoryTree(leaves)._stored]
    edited[position % len(edited)] = leaf_hash(b"edited")
    proofs = Proofs(Tree(size, edited.__getitem__), mth([b"%d" % n for n in range(size)]))
    for number in range(size):
        proofs.holds(number, leaves[number])
    assert not proofs.holds(index % size, leaf_hash(b"edited"))


@given(st.integers(1, 70), st.integers(0, 40), st.integers(0, 69), st.integers(0, 200))
def test_a_tree_that_grew_begins_with_the_one_before(
    size: int, more: int, other: int, spoiled: int
) -> None:
    """Whatever is stored: only where both roots are made of the same hashes."""
    leaves = [leaf_hash(b"%d" % number) for number in range(size + more)]
    then, now = MemoryTree(leaves[:size]), MemoryTree(leaves)
    assert still_begins(now, now.root(), before=(size, then.root()))
    edited = [*leaves]
    edited[other % size] = leaf_hash(b"another")
    changed = MemoryTree(edited)
    assert not still_begins(changed, changed.root(), before=(size, then.root()))
    if more:
        assert not still_begins(then, then.root(), before=(size + more, now.root()))
    # The store may be edited in any place: it is never believed for what it says.
    stored = [*changed._stored]
    stored[spoiled % len(stored)] = leaf_hash(b"spoiled")
    tree = Tree(len(leaves), stored.__getitem__)
    assert not still_begins(tree, changed.root(), before=(size, then.root()))
