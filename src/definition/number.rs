//! Numbers and amounts of money in a definition: their source, their computation, and how they are written.

use super::plan::Place;

/// A number that is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberPlan {
    /// Its source.
    pub from: NumberFrom,
    /// The other source, used when `currency` is not the company's own.
    pub foreign: Option<Place>,
    /// The factor or rate that it is multiplied or divided by.
    pub convert: Option<Convert>,
    /// Discounts in percent, one after the other.
    pub less_percent: Vec<Place>,
    /// A discount that is a value.
    pub less_value: Option<ValueDiscount>,
    /// A last factor.
    pub times: Option<Place>,
    /// The number of decimals.
    pub decimals: Decimals,
    /// The place of its currency; `None`: it is not an amount of money, or its currency is not declared.
    pub currency: Option<Place>,
    /// Whether the currency's code is written before it, as in `EUR;10.00`.
    pub with_currency: bool,
}

/// The source of a number.
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

/// The number of decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decimals {
    /// As many as the number has, within limits.
    Places {
        /// The least.
        least: u32,
        /// The most.
        most: u32,
    },
    /// Those of the currency; all existing ones, if ISO 4217 does not list it.
    OfCurrency,
}

/// A factor or rate, and whether to multiply or divide by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Convert {
    /// The factor.
    pub factor: Place,
    /// `M` or `D`.
    pub way: Place,
    /// `M` divides and `D` multiplies.
    pub back: bool,
    /// Two units or currencies: if both are the same, nothing is converted.
    pub units: Option<(Place, Place)>,
}

/// A discount that is a value. A discount whose flag is in neither list is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueDiscount {
    /// The value.
    pub value: Place,
    /// The column that says what the discount applies to.
    pub flag: Place,
    /// Flags for a discount on one unit.
    pub unit: Vec<String>,
    /// Flags for a discount on the whole line.
    pub line: Vec<String>,
    /// The line's quantity.
    pub quantity: Option<Place>,
}

/// A total of the root row, compared with the rows of a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TotalControl {
    /// Offset of the total in the root row.
    pub total: usize,
    /// Offset in `ReadPlan::children`.
    pub child: usize,
    /// Offset in the child's row.
    pub at: usize,
    /// How to convert the total to the rows' currency.
    pub convert: Option<Convert>,
}

impl NumberPlan {
    /// A number as in its column.
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

    /// Whether anything is computed. Otherwise the number is written unchanged, and a lost digit causes a warning.
    pub fn is_computed(&self) -> bool {
        self.convert.is_some() || self.times.is_some() || self.less_value.is_some() || !self.less_percent.is_empty()
    }
}
