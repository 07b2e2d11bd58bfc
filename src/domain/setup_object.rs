//! The name of a SYSPRO business object that reference data may be written through. Posting objects cannot be named at all.

use std::fmt;

/// A setup object: six capital letters or digits, the fourth of which is the class `S`.
///
/// e.net's business objects name their class in the fourth letter (Q query, S setup, T transaction, R build). A transaction object posts to
/// the ledger; no value of this type can name one, so no code that takes this type can call one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SetupObject(Box<str>);

/// What may be done through a setup object. e.net has `Delete` too; nothing here can say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SetupAction {
    /// A new record: `/Setup/Add`.
    Add,
    /// Another content of a record: `/Setup/Update`.
    Update,
}

impl SetupObject {
    /// Reads a name and the class that its owner claims for it, such as `BOMSMC` and `setup`.
    ///
    /// # Errors
    /// What is wrong: another class, or a name that is not a setup object's.
    pub fn parse(name: &str, class: &str) -> Result<Self, String> {
        if class != "setup" {
            return Err(format!(
                "the class must be `setup`, got `{class}`: nothing else may be written through, and nothing is ever posted"
            ));
        }
        let fits = name.len() == 6 && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        if !fits {
            return Err(format!("`{name}` is no business object: six capital letters or digits"));
        }
        match name.as_bytes()[3] {
            b'S' => Ok(Self(name.into())),
            b'T' => Err(format!("`{name}` is a transaction object (its fourth letter is `T`): it posts, and tieline never posts")),
            other => {
                Err(format!("`{name}` is no setup object: its fourth letter is `{}`, that of a setup object is `S`", char::from(other)))
            }
        }
    }

    /// The name, as e.net wants it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SetupObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl SetupAction {
    /// The operation, below the service's address. There is no value for `/Transaction/Post`.
    pub fn path(self) -> &'static str {
        match self {
            SetupAction::Add => "/Setup/Add",
            SetupAction::Update => "/Setup/Update",
        }
    }
}

/// How reference data would be written into SYSPRO: the object that the site names, and the XML that it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetupCall {
    /// The object.
    pub object: SetupObject,
    /// What is done through it.
    pub action: SetupAction,
    /// The document, with `{Column}` where a column's value goes. Values are escaped when they are put in.
    pub template: String,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn setup_objects_have_names() {
        for name in ["APSSSP", "BOMSMC", "COMSFM", "GENSG1"] {
            assert_eq!(SetupObject::parse(name, "setup").map(|object| object.as_str().to_owned()), Ok(name.to_owned()));
        }
    }

    #[test]
    fn posting_objects_cannot_be_named() {
        for name in ["APSTIN", "APSTRI", "GENTJL", "PORTOI", "PORTOR", "PORTGR", "SORTOI", "INVTMR", "COMTFM"] {
            let said = SetupObject::parse(name, "setup").expect_err(name);
            assert!(said.contains("never posts"), "{said}");
            assert!(SetupObject::parse(name, "transaction").is_err(), "{name}");
        }
        // neither by another class, nor by another spelling
        for (name, class) in [
            ("APSSSP", "transaction"),
            ("APSSSP", "Setup"),
            ("APSSSP", ""),
            ("apstin", "setup"),
            ("APStIN", "setup"),
            ("APSTIN ", "setup"),
            (" APSTIN", "setup"),
            ("APSTIN\0", "setup"),
            ("XAPSSTIN", "setup"),
            ("APSQRY", "setup"),
            ("GENRXX", "setup"),
            ("", "setup"),
        ] {
            assert!(SetupObject::parse(name, class).is_err(), "{name} {class}");
        }
    }

    #[test]
    fn only_setup_operations_have_a_path() {
        for action in [SetupAction::Add, SetupAction::Update] {
            assert!(action.path().starts_with("/Setup/"));
        }
    }

    proptest! {
        #[test]
        fn whatever_passes_is_a_setup_object(name in "\\PC{0,8}", class in "(setup|transaction|query|\\PC{0,6})") {
            if let Ok(object) = SetupObject::parse(&name, &class) {
                prop_assert_eq!(class.as_str(), "setup");
                prop_assert_eq!(object.as_str().len(), 6);
                prop_assert_eq!(&object.as_str()[3..4], "S");
            }
        }
    }
}
