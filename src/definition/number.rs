//! Numbers and amounts of money in a definition: where they come from, what is computed of them, and how they are written.

use super::plan::Place;

/// A number that is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberPlan {
    /// Where it comes from.
    pub from: NumberFrom,
    /// Where it comes from instead when `currency` is not the company's own.
    pub foreign: Option<Place>,
    /// The factor or rate that it is multiplied or divided by.
    pub convert: Option<Convert>,
    /// Discounts in percent, one after the other.
    pub less_percent: Vec<Place>,
    /// A discount that is a value.
    pub less_value: Option<ValueDiscount>,
    /// What it is multiplied by at last.
    pub times: Option<Place>,
    /// How many decimals are written.
    pub decimals: Decimals,
    /// Where its currency stands; `None`: it is no amount of money, or no one said of which.
    pub currency: Option<Place>,
    /// Whether the currency's code is written before it, as in `EUR;10.00`.
    pub with_currency: bool,
}

/// Where a number comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberFrom {
    /// One column.
    Column(Place),
    /// The rows of a child that are delivered, added up.
    Sum {
        /// Offset in `ReadPlan::children`.
        child: usize,
        /// Offset in the child's row.
        at: usize,
    },
}

/// How many decimals are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decimals {
    /// As many as the number has, within bounds.
    Places {
        /// At least.
        least: u32,
        /// At most.
        most: u32,
    },
    /// Those of the currency; all that there are, where ISO 4217 does not list it.
    OfCurrency,
}

/// A factor or rate, and whether to multiply or to divide by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Convert {
    /// The factor.
    pub factor: Place,
    /// `M` or `D`.
    pub way: Place,
    /// `M` divides and `D` multiplies.
    pub back: bool,
    /// Two units or currencies: where both say the same, nothing is converted.
    pub units: Option<(Place, Place)>,
}

/// A discount that is a value. One whose flag is in neither list is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueDiscount {
    /// The value.
    pub value: Place,
    /// What it is off.
    pub flag: Place,
    /// Flags with which it is off one unit.
    pub unit: Vec<String>,
    /// Flags with which it is off the whole line.
    pub line: Vec<String>,
    /// The line's quantity.
    pub quantity: Option<Place>,
}

/// A total of the root row that is compared with the rows of a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Control {
    /// Offset of the total in the root row.
    pub total: usize,
    /// Offset in `ReadPlan::children`.
    pub child: usize,
    /// Offset in the child's row.
    pub at: usize,
    /// How the total becomes an amount in the rows' currency.
    pub convert: Option<Convert>,
}

impl NumberPlan {
    /// A number as it stands in a column.
    pub fn plain(from: NumberFrom, decimals: Decimals, currency: Option<Place>) -> Self {
        Self {
            from,
            foreign: None,
            convert: None,
            less_percent: Vec::new(),
            less_value: None,
            times: None,
            decimals,
            currency,
            with_currency: false,
        }
    }

    /// Whether anything is computed. What is not, is written as it stands, and a digit that is cut off is said.
    pub fn is_computed(&self) -> bool {
        self.convert.is_some() || self.times.is_some() || self.less_value.is_some() || !self.less_percent.is_empty()
    }
}
