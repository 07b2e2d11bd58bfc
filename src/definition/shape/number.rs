//! What is computed of a number, in files of both kinds.

use toml::Spanned;
use toml::de::DeValue;

use super::super::parse::{Flag, Read, Reader, Text, Words};

shape! {
    /// A number is multiplied or divided by another.
    ConvertShape {
        /// The column with the factor or rate.
        factor = "factor": Text,
        /// The column that says which: `M` multiplies, `D` divides.
        way = "way": Text,
        /// The other way round: `M` divides, `D` multiplies.
        back = "back": Option<Flag>,
        /// Two columns with units or currencies. Where both say the same, nothing is converted.
        units = "units": Option<Words>,
    }
}

shape! {
    /// A discount that is a value. One whose flag is in neither list is refused: what it is off is not known.
    ValueDiscountShape {
        /// The column with the value.
        value = "value": Text,
        /// The column that says what it is off.
        flag = "flag": Text,
        /// Flags with which it is off the price of one unit.
        of_unit = "unit": Option<Words>,
        /// Flags with which it is off the whole line.
        of_line = "line": Option<Words>,
        /// The column with the line's quantity, for `line`.
        quantity = "quantity": Option<Text>,
    }
}
