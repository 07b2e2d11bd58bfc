//! Options that take one word of a closed list: the help lists the words, and the type refuses another word, in the same words as the API.

use std::error::Error;
use std::ffi::OsStr;
use std::marker::PhantomData;
use std::str::FromStr;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, Command};

/// The parser of such an option.
#[derive(Clone)]
pub(super) struct Closed<T> {
    words: Vec<&'static str>,
    parsed: PhantomData<fn() -> T>,
}

/// Parses one of these words, which are those that the type itself accepts.
pub(super) fn closed<T>(words: impl IntoIterator<Item = &'static str>) -> Closed<T> {
    Closed { words: words.into_iter().collect(), parsed: PhantomData }
}

impl<T> TypedValueParser for Closed<T>
where
    T: FromStr + Clone + Send + Sync + 'static,
    T::Err: Into<Box<dyn Error + Send + Sync + 'static>> + 'static,
{
    type Value = T;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<T, clap::Error> {
        StringValueParser::new().try_map(|word| word.parse::<T>()).parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.words.iter().map(|word| PossibleValue::new(*word))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::delivery::FailureWord;

    #[test]
    fn the_help_lists_the_words_and_a_wrong_one_is_refused_with_the_nearest() {
        let command = || Command::new("x").arg(Arg::new("reason").long("reason").value_parser(closed::<FailureWord>(FailureWord::words())));
        let help = command().render_help().to_string();
        assert!(FailureWord::words().all(|word| help.contains(word)), "{help}");
        let refused = command().try_get_matches_from(["x", "--reason", "waitng"]).expect_err("no reason").to_string();
        assert!(refused.contains("did you mean `waiting`?"), "{refused}");
    }
}
