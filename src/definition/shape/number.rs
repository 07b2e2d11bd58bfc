//! The computation of a number, in both kinds of files.

use toml::Spanned;
use toml::de::DeValue;

use super::super::parse::{Flag, Read, Reader, Text, Words};

shape! {
    /// A number is multiplied or divided by another.
    ConvertShape {
        /// The column with the factor or rate.
        factor = "factor": Text,
        /// The column with the direction: `M` multiplies, `D` divides.
        way = "way": Text,
        /// The other way round: `M` divides, `D` multiplies.
        back = "back": Option<Flag>,
        /// Two columns with units or currencies. If both are the same, nothing is converted.
        units = "units": Option<Words>,
    }
}

shape! {
    /// A discount that is a value. If its flag is in neither list, it is refused, because it is not known what it applies to.
    ValueDiscountShape {
        /// The column with the value.
        value = "value": Text,
        /// The column that says what the discount applies to.
        flag = "flag": Text,
        /// Flags for a discount on the price of one unit.
        of_unit = "unit": Option<Words>,
        /// Flags for a discount on the whole line.
        of_line = "line": Option<Words>,
        /// The column with the line's quantity, for `line`.
        quantity = "quantity": Option<Text>,
    }
}
