//! How many records of a flow may be sent again at once because a definition changed. Pure.

use std::fmt;

/// A limit: a number of records, or a share of the flow's records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeLimit {
    /// This number of records.
    Records(i64),
    /// This many per hundred, rounded up.
    Percent(i64),
}

impl ChangeLimit {
    /// Parses `500` or `10%`.
    ///
    /// # Errors
    /// The expected form.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong =
            || "must be a number of records such as `500`, or a share of a flow's records such as `10%`, from `0%` to `100%`".to_owned();
        let number = |text: &str| text.trim().parse::<u32>().map(i64::from).map_err(|_| wrong());
        match text.trim().strip_suffix('%') {
            Some(share) => number(share).and_then(|share| if share <= 100 { Ok(Self::Percent(share)) } else { Err(wrong()) }),
            None => number(text).map(Self::Records),
        }
    }

    /// The number of records that it allows for a flow with this many records.
    pub fn of(self, records: i64) -> i64 {
        match self {
            Self::Records(most) => most,
            Self::Percent(share) => i64::try_from((i128::from(records.max(0)) * i128::from(share) + 99) / 100).unwrap_or(i64::MAX),
        }
    }
}

impl fmt::Display for ChangeLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Records(most) => write!(f, "{most}"),
            Self::Percent(share) => write!(f, "{share}%"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_number_or_a_share_rounded_up() {
        assert_eq!(ChangeLimit::parse("500"), Ok(ChangeLimit::Records(500)));
        assert_eq!(ChangeLimit::parse(" 10 % "), Ok(ChangeLimit::Percent(10)));
        for wrong in ["", "%", "-1", "101%", "1.5", "ten", "10%%", "4294967296"] {
            assert!(ChangeLimit::parse(wrong).is_err(), "{wrong}");
        }
        let share = ChangeLimit::Percent(10);
        assert_eq!([0, 1, 10, 11, 708].map(|records| share.of(records)), [0, 1, 1, 2, 71]);
        assert_eq!(ChangeLimit::Percent(0).of(708), 0);
        assert_eq!(ChangeLimit::Percent(100).of(i64::MAX), i64::MAX);
        assert_eq!(ChangeLimit::Records(3).of(0), 3);
    }
}
