//! The Merkle tree of RFC 6962 over the leaves of the audit, kept by its peaks: the roots of the perfect subtrees, the largest first. They
//! are enough to add leaves and to compute the root, so that nothing reads the leaves before.

use sha2::{Digest, Sha256};

/// A SHA-256.
pub type Hash = [u8; 32];

/// The hash of a leaf: SHA-256 of a zero byte and the line.
pub fn leaf_hash(line: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(line).finalize().into()
}

/// The hash of an inner node: SHA-256 of a byte 1 and both halves.
fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// A tree, by the roots of its perfect subtrees.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Peaks {
    size: u64,
    hashes: Vec<Hash>,
}

impl Peaks {
    /// The tree of this many leaves whose peaks were stored as [`Peaks::bytes`]; `None`: these are not the peaks of that many leaves.
    pub fn stored(size: u64, bytes: &[u8]) -> Option<Self> {
        let (hashes, rest) = bytes.as_chunks::<32>();
        (rest.is_empty() && hashes.len() == size.count_ones() as usize).then(|| Self { size, hashes: hashes.to_vec() })
    }

    /// How many leaves it has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The peaks, one after the other.
    pub fn bytes(&self) -> Vec<u8> {
        self.hashes.concat()
    }

    /// Adds a leaf.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        // as many subtrees are complete now as the number of leaves before ends in ones
        for _ in 0..self.size.trailing_ones() {
            let Some(left) = self.hashes.pop() else { break };
            hash = node_hash(&left, &hash);
        }
        self.hashes.push(hash);
        self.size += 1;
    }

    /// The root; of a tree without leaves, the SHA-256 of nothing.
    pub fn root(&self) -> Hash {
        let mut hashes = self.hashes.iter().rev();
        let Some(last) = hashes.next() else { return Sha256::digest([]).into() };
        hashes.fold(*last, |right, left| node_hash(left, &right))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The root as RFC 6962 defines it: split at the largest power of two below the number of leaves.
    fn defined(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Sha256::digest([]).into(),
            [one] => *one,
            many => {
                let half = many.len().next_power_of_two() / 2;
                node_hash(&defined(&many[..half]), &defined(&many[half..]))
            }
        }
    }

    #[test]
    fn the_root_is_the_one_of_the_rfc_after_every_leaf() {
        let mut peaks = Peaks::default();
        let mut leaves = Vec::new();
        for number in 0_u32..300 {
            assert_eq!(peaks.root(), defined(&leaves), "{number} leaves");
            assert_eq!(Peaks::stored(peaks.size(), &peaks.bytes()).as_ref(), Some(&peaks));
            let leaf = leaf_hash(&number.to_be_bytes());
            leaves.push(leaf);
            peaks.push(leaf);
        }
        assert_eq!(Peaks::stored(3, &[0; 32]), None, "3 leaves have 2 peaks");
        assert_eq!(Peaks::stored(1, &[0; 31]), None);
    }

    #[test]
    fn the_roots_of_the_known_tree_are_computed() {
        // the test tree of Certificate Transparency
        let leaves: [&[u8]; 4] = [b"", b"\x00", b"\x10", b"\x20\x21"];
        let mut peaks = Peaks::default();
        for leaf in leaves {
            peaks.push(leaf_hash(leaf));
        }
        assert_eq!(hex::encode(peaks.root()), "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7");
    }
}
