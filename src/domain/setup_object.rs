//! The name of a SYSPRO business object for writing reference data. Posting objects cannot be named at all.

use std::collections::BTreeMap;
use std::fmt;

use quick_xml::escape::escape;

/// A setup object: six capital letters or digits; the fourth is the class `S`.
///
/// e.net's business objects have their class as the fourth letter (Q query, S setup, T transaction, R build). A transaction object posts to
/// the ledger; no value of this type can name one, so no code that takes this type can call one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SetupObject(Box<str>);

/// The possible actions of a setup object. e.net has `Delete` too; it cannot be expressed here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SetupAction {
    /// Creates a record: `/Setup/Add`.
    Add,
    /// Changes a record: `/Setup/Update`.
    Update,
}

impl SetupObject {
    /// Reads a name and the class that the site gives for it, such as `BOMSMC` and `setup`.
    ///
    /// # Errors
    /// What is wrong: another class, or a name that is not a setup object's.
    pub fn parse(name: &str, class: &str) -> Result<Self, String> {
        if class != "setup" {
            return Err(format!("the class must be `setup`, got `{class}`: Tieline writes through no other class and never posts"));
        }
        let fits = name.len() == 6 && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        if !fits {
            return Err(format!("`{name}` is not a business object: it must have six capital letters or digits"));
        }
        match name.as_bytes()[3] {
            b'S' => Ok(Self(name.into())),
            b'T' => Err(format!("`{name}` is a transaction object (its fourth letter is `T`): it posts, and Tieline never posts")),
            other => Err(format!(
                "`{name}` is not a setup object: its fourth letter is `{}`, and that of a setup object is `S`",
                char::from(other)
            )),
        }
    }

    /// The name in the form that e.net needs.
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

/// How reference data is written to SYSPRO: the object that the site names, and its XML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetupCall {
    /// The object.
    pub object: SetupObject,
    /// The action.
    pub action: SetupAction,
    /// The document, with `{Column}` in the places of column values. Values are escaped on insertion.
    pub template: String,
    /// The parameters, with `{ValidateOnly}` in the place of `Y` or `N`.
    pub parameters: String,
    /// The maximum length of a column in characters, if the site sets it: SYSPRO's widths differ by release.
    pub lengths: BTreeMap<String, usize>,
}

/// The placeholder in the parameters for whether the call is a trial.
pub const VALIDATE_ONLY: &str = "ValidateOnly";

/// Whether a call stores anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetupMode {
    /// SYSPRO only checks the record.
    Trial,
    /// SYSPRO stores the record.
    Real,
}

impl SetupCall {
    /// The parameters for a site that sets none: no warning is ignored, all or nothing.
    ///
    /// # Errors
    /// The template has no root element to name them after.
    pub fn usual_parameters(template: &str) -> Result<String, String> {
        let root = root_element(template).ok_or("it begins with no element")?;
        Ok(format!(
            "<{root}><Parameters><IgnoreWarnings>N</IgnoreWarnings><ApplyIfEntireDocumentValid>Y</ApplyIfEntireDocumentValid>\
             <ValidateOnly>{{ValidateOnly}}</ValidateOnly></Parameters></{root}>"
        ))
    }

    /// Whether the document has a place for a column.
    pub fn writes(&self, column: &str) -> bool {
        placeholders(&self.template).any(|place| place == Ok(column))
    }

    /// The document with the values that `value` returns for its columns.
    ///
    /// # Errors
    /// The name of a column for which `value` returns none.
    pub fn document(&self, value: impl Fn(&str) -> Option<String>) -> Result<String, String> {
        fill(&self.template, value)
    }

    /// The parameters of a call: `ValidateOnly` = `Y` for a trial.
    pub fn parameters(&self, mode: SetupMode) -> String {
        let flag = match mode {
            SetupMode::Trial => "Y",
            SetupMode::Real => "N",
        };
        self.parameters.replace("{ValidateOnly}", flag)
    }

    /// Whether a text fits into a column.
    ///
    /// # Errors
    /// The maximum length.
    pub fn fits(&self, column: &str, text: &str) -> Result<(), String> {
        let length = text.trim_end().chars().count();
        match self.lengths.get(column) {
            Some(most) if length > *most => Err(format!("the value has {length} characters and SYSPRO's column `{column}` holds {most}")),
            _ => Ok(()),
        }
    }
}

/// The names in braces; `Err` has the text after an unclosed brace.
pub fn placeholders(template: &str) -> impl Iterator<Item = Result<&str, &str>> {
    template.split('{').skip(1).map(|rest| rest.split_once('}').map(|(name, _)| name).ok_or(rest))
}

/// The name of the first element; declaration and comments are skipped.
fn root_element(template: &str) -> Option<&str> {
    let named = |part: &&str| part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let part = template.split('<').skip(1).find(named)?;
    part.split(|c: char| c.is_whitespace() || c == '>' || c == '/').next()
}

fn fill(template: &str, value: impl Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut parts = template.split('{');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once('}').ok_or_else(|| part.to_owned())?;
        out.push_str(&escape(value(name).ok_or_else(|| name.to_owned())?));
        out.push_str(rest);
    }
    Ok(out)
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
        // neither with another class, nor in another spelling
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

    fn call(template: &str) -> SetupCall {
        SetupCall {
            object: SetupObject::parse("BOMSCC", "setup").expect("a setup object"),
            action: SetupAction::Update,
            template: template.to_owned(),
            parameters: SetupCall::usual_parameters(template).expect("a root element"),
            lengths: BTreeMap::from([("Description".to_owned(), 10)]),
        }
    }

    #[test]
    fn a_template_is_filled_with_escaped_values() {
        let call = call("<?xml version=\"1.0\"?><SetupX a='b'><Item><Key><Code>{Code}</Code></Key><D>{Description}</D></Item></SetupX>");
        let document = call.document(|name| Some(if name == "Code" { "042" } else { "<A> & {B} \"c\" 'd'" }.to_owned())).expect("filled");
        assert_eq!(
            document,
            "<?xml version=\"1.0\"?><SetupX a='b'><Item><Key><Code>042</Code></Key>\
             <D>&lt;A&gt; &amp; {B} &quot;c&quot; &apos;d&apos;</D></Item></SetupX>"
        );
        assert_eq!(call.document(|name| (name == "Code").then(String::new)), Err("Description".to_owned()));
        assert!(
            call.parameters(SetupMode::Trial).starts_with("<SetupX><Parameters>")
                && call.parameters(SetupMode::Trial).contains("<ValidateOnly>Y</ValidateOnly>")
        );
        assert!(
            call.parameters(SetupMode::Real).contains("<ValidateOnly>N</ValidateOnly>") && !call.parameters(SetupMode::Real).contains('{')
        );
        assert!(call.writes("Description") && !call.writes("Other"));
        assert!(call.fits("Description", "0123456789  ").is_ok() && call.fits("Code", "0123456789A").is_ok());
        assert!(call.fits("Description", "0123456789A").expect_err("too long").contains("11 characters"));
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
