//! The end of the audit, in one line that somebody outside can keep.

use std::fmt;
use std::str::FromStr;

use super::merkle::Hash;

/// The end of the audit at some time, as somebody outside keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditHead {
    /// The last leaf.
    pub leaf: i64,
    /// The root of the Merkle tree there.
    pub root: Hash,
}

impl fmt::Display for AuditHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.leaf, hex::encode(self.root))
    }
}

impl FromStr for AuditHead {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let problem = || format!("`{text}` is no head of an audit, such as 1043:ab12… with 64 hexadecimal digits");
        let (leaf, root) = text.split_once(':').ok_or_else(problem)?;
        let mut hash = [0; 32];
        hex::decode_to_slice(root, &mut hash).map_err(|_| problem())?;
        let leaf = leaf.parse().ok().filter(|leaf| *leaf >= 0).ok_or_else(problem)?;
        Ok(Self { leaf, root: hash })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_reads_back() {
        let head = AuditHead { leaf: 1043, root: [0xab; 32] };
        assert_eq!(head.to_string().parse(), Ok(head));
        for wrong in ["", "7", "7:ab", "-1:ab", &format!("x:{}", "0".repeat(64))] {
            assert!(wrong.parse::<AuditHead>().is_err(), "{wrong}");
        }
    }
}
