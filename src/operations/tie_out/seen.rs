//! Values by key, of which a fixed number is remembered: those that were used last.

use std::collections::HashMap;

/// Remembers the last values. The memory is two tables: when the newer one is full, it becomes the older one, which is forgotten.
pub(super) struct Seen<V> {
    newer: HashMap<String, V>,
    older: HashMap<String, V>,
    half: usize,
}

impl<V: Copy> Seen<V> {
    /// Remembers at least half of `most` values, and never more than `most`.
    pub(super) fn of_most(most: usize) -> Self {
        Self { newer: HashMap::new(), older: HashMap::new(), half: (most / 2).max(1) }
    }

    /// The value of a key, which counts as used now.
    pub(super) fn get(&mut self, key: &str) -> Option<V> {
        if let Some(value) = self.newer.get(key) {
            return Some(*value);
        }
        let (key, value) = self.older.remove_entry(key)?;
        self.put(key, value);
        Some(value)
    }

    /// Remembers a value.
    pub(super) fn put(&mut self, key: String, value: V) {
        if self.newer.len() >= self.half && !self.newer.contains_key(&key) {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(key, value);
    }

    /// The number of values that are remembered.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.newer.len() + self.older.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_last_is_remembered_and_the_memory_does_not_grow() {
        let mut seen = Seen::of_most(100);
        for n in 0..100_000 {
            assert_eq!(seen.get("often").unwrap_or(7), 7, "{n}");
            if n == 0 {
                seen.put("often".to_owned(), 7);
            }
            seen.put(n.to_string(), n);
            assert!(seen.len() <= 100, "{n}: {}", seen.len());
            assert_eq!(seen.get("often"), Some(7), "{n}");
        }
        // at least half of them, the last ones
        let last = 100_000 - 40;
        assert!((last..100_000).all(|n| seen.get(&n.to_string()) == Some(n)));
        assert_eq!(seen.get("5"), None);
    }
}
