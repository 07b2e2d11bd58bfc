//! The origin of each setting: the embedded defaults, then the site's file, then environment variables. Every value is checked separately
//! against the types of `raw`, so that all mistakes are reported at once, each with its line or the name of its variable.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use toml::de::{DeTable, DeValue};

use crate::domain::nesting::{DEEPEST, too_deep};
use crate::domain::{CompanyId, EntityName};

use super::certificates::CertificateSettings;
use super::raw::{self, COMPANY, Kind, Raw};
use super::settings::Settings;
use super::{check, validate};

/// Where the file is searched for if none is named; the first one found is used.
pub const SEARCH: &[&str] = &["/etc/tieline/tieline.toml", "./tieline.toml", "./config/tieline.toml"];

/// The prefix of every variable that overrides a setting: `TIELINE__SECTION__KEY`.
pub const PREFIX: &str = "TIELINE__";

const DEFAULTS: &str = include_str!("defaults.toml");

/// The settings, and their origins.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The resolved settings.
    pub settings: Settings,
    /// The file that was read, if there was one.
    pub file: Option<PathBuf>,
    /// The origin of each `section.key` that has a value.
    pub origins: BTreeMap<String, Origin>,
    /// Each of these values as text; `***` where it may hold a password.
    pub values: BTreeMap<String, String>,
    /// Values that are allowed but deserve attention, such as a password sent in clear.
    pub warnings: Vec<String>,
}

/// The origin of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The embedded defaults.
    Default,
    /// The site's file.
    File {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
    /// An environment variable.
    Variable {
        /// Its name.
        name: String,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File { path, line } => write!(f, "{} line {line}", path.display()),
            Origin::Variable { name } => write!(f, "variable `{name}`"),
        }
    }
}

/// A problem of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// `section.key`.
    pub key: String,
    /// What is wrong, the key included.
    pub text: String,
    /// The origin of the value; `None` when it is missing.
    pub origin: Option<Origin>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        match &self.origin {
            None | Some(Origin::Default) => Ok(()),
            Some(origin) => write!(f, " ({origin})"),
        }
    }
}

/// Why there are no settings. The texts never contain a password.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file that was named, or found, cannot be read.
    #[error("the configuration file {} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{} line {line}, column {column}: {problem}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in characters.
        column: usize,
        /// The error of the parser.
        problem: String,
    },
    /// The settings can be read, but are not valid; all problems, in the order of their keys.
    #[error("{}", list(file.as_deref(), problems))]
    Invalid {
        /// The file that was read, if there was one.
        file: Option<PathBuf>,
        /// At least one.
        problems: Vec<Problem>,
    },
}

fn list(file: Option<&Path>, problems: &[Problem]) -> String {
    let mut text = heading(file, problems.len());
    for problem in problems {
        text += &format!("\n  {problem}");
    }
    text
}

/// The heading of a list of problems: the file, or every searched place when there was none.
pub fn heading(file: Option<&Path>, count: usize) -> String {
    let many = format!("{count} problem{}", if count == 1 { "" } else { "s" });
    match file {
        Some(file) => format!("the configuration {} has {many}", shown_path(file)),
        None => format!("the configuration has {many}; {}", not_found()),
    }
}

/// A path for messages: absolute, so that files with the same name can be told apart.
pub fn shown_path(path: &Path) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    // an absolute path keeps a leading `./`
    absolute.components().collect::<PathBuf>().display().to_string()
}

/// The searched places, and how to create a file.
fn not_found() -> String {
    let places: Vec<String> = SEARCH
        .iter()
        .map(|place| {
            let why = match std::fs::metadata(place) {
                Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => " (this user may not read there)",
                _ => "",
            };
            format!("{}{why}", shown_path(Path::new(place)))
        })
        .collect();
    format!(
        "no configuration file was found at {}: write one (`config/tieline.toml` in the source and /etc/tieline/tieline.toml of the \
         package are templates; README.md has the shortest one), or name one with --config FILE or TIELINE_CONFIG",
        places.join(" or ")
    )
}

/// The variables of this process. In names or values that are not Unicode, invalid parts become replacement characters.
pub fn environment() -> Vec<(String, String)> {
    let text = |os: std::ffi::OsString| os.to_string_lossy().into_owned();
    std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect()
}

/// Reads the named file, or the first of [`SEARCH`] that exists, or none; applies the variables and checks everything.
///
/// # Errors
/// See [`ConfigError`].
pub fn load(path: Option<&Path>, env: impl IntoIterator<Item = (String, String)>) -> Result<Loaded, ConfigError> {
    let (text, path) = read(path)?;
    load_text(&text, path, env)
}

fn read(path: Option<&Path>) -> Result<(String, Option<PathBuf>), ConfigError> {
    let path = match path {
        Some(path) => Some(path.to_owned()),
        None => SEARCH.iter().map(PathBuf::from).find(|path| path.exists()),
    };
    let text = match &path {
        Some(path) => std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable { path: path.clone(), source })?,
        None => String::new(),
    };
    Ok((text, path))
}

/// The same for a given text; `path` is its name in messages.
///
/// # Errors
/// [`ConfigError::Syntax`] and [`ConfigError::Invalid`].
pub fn load_text(text: &str, path: Option<PathBuf>, env: impl IntoIterator<Item = (String, String)>) -> Result<Loaded, ConfigError> {
    let env: BTreeMap<String, String> = env.into_iter().collect();
    let Layers { table, mut origins, problems } = Layers::of(text, path.as_deref(), &env)?;
    let values = values(&table);
    let raw = table.try_into::<Raw>().map_err(|error| ConfigError::Invalid {
        file: path.clone(),
        problems: vec![Problem { key: String::new(), text: error.message().to_owned(), origin: None }],
    })?;
    let context = check::Context { origins: &origins, env: &env };
    let (mut settings, warnings) =
        validate::resolve(&raw, &context, problems).map_err(|problems| ConfigError::Invalid { file: path.clone(), problems })?;
    settings.fingerprint = fingerprint(&values);
    // a section itself has no value
    origins.retain(|key, _| values.contains_key(key));
    Ok(Loaded { settings, file: path, origins, values, warnings })
}

/// The settings that further checks need, from a configuration that is refused: so the mistakes that these checks find are reported in the
/// same round.
#[derive(Debug, Clone)]
pub struct FurtherChecks {
    /// `definitions.directory`
    pub directory: Option<PathBuf>,
    /// `servicenow.profile`
    pub profile: String,
    /// Whether a mistake may be about the two above; then they have their defaults.
    pub files_unknown: bool,
    /// `flows.entities`
    pub entities: Vec<EntityName>,
    /// The companies, each with its own currency if set, without those whose currency was reported; `None`: the companies are not known.
    pub companies: Option<BTreeMap<CompanyId, Option<String>>>,
    /// `syspro.currency`
    pub currency: Option<String>,
    /// The entities of `[schedule]`.
    pub schedule: Vec<EntityName>,
    /// Whether there is a `syspro.enet_url`, right or wrong.
    pub enet_url: bool,
    /// The origin of each `section.key` that has a value.
    pub origins: BTreeMap<String, Origin>,
    /// Files with certificates.
    pub certificates: CertificateSettings,
}

/// Reads the settings for further checks from a configuration that is refused. `None` when it cannot be read.
pub fn load_further_checks(path: Option<&Path>, env: impl IntoIterator<Item = (String, String)>) -> Option<FurtherChecks> {
    let env: BTreeMap<String, String> = env.into_iter().collect();
    let (text, path) = read(path).ok()?;
    let Layers { table, origins, problems } = Layers::of(&text, path.as_deref(), &env).ok()?;
    let raw = table.try_into::<Raw>().ok()?;
    let (directory, profile) = (raw.definitions.directory.as_deref(), raw.servicenow.profile.as_deref());
    let directory_is_path = directory.is_none_or(|text| !text.is_empty() && !text.starts_with('~'));
    let profile = profile.filter(|name| validate::is_profile_name(name));
    let files_unknown = !directory_is_path || profile.is_none() || problems.iter().any(|problem| may_name_files(&problem.key));
    let reported = |key: &str| problems.iter().any(|problem| problem.key.eq_ignore_ascii_case(key));
    let context = check::Context { origins: &origins, env: &env };
    let mut companies = validate::companies(&raw, &context);
    if reported("syspro.currency") {
        companies.get_or_insert_default().retain(|_, own| own.is_some());
    } else if let Some(companies) = &mut companies {
        companies.retain(|id, own| own.is_some() || !reported(&format!("{COMPANY}.{id}.currency")));
    }
    Some(FurtherChecks {
        directory: directory.filter(|_| !files_unknown).and_then(|text| std::path::absolute(text).ok()),
        profile: profile.filter(|_| !files_unknown).unwrap_or(DEFAULT_PROFILE).to_owned(),
        files_unknown,
        entities: raw.flows.entities.iter().flatten().map(EntityName::new).collect(),
        companies,
        currency: raw.syspro.currency.clone().filter(|code| !code.trim().is_empty()),
        schedule: raw.schedule.keys().map(EntityName::new).collect(),
        enet_url: raw.syspro.enet_url.is_some() || reported("syspro.enet_url"),
        certificates: CertificateSettings::of_raw(&raw),
        origins,
    })
}

/// The profile of checks while the site's own is not known.
const DEFAULT_PROFILE: &str = "apo";

/// Whether a wrong key may be a misspelt `definitions.directory` or `servicenow.profile`. A key without a dot is a section or a variable.
fn may_name_files(key: &str) -> bool {
    let near = |one: &str, other: &str| strsim::levenshtein(one, other) <= 3;
    match key.split_once('.') {
        Some(("definitions", name)) => name != "watch",
        Some(("servicenow", name)) => name == "profile" || (raw::kind("servicenow", name).is_none() && near(name, "profile")),
        Some(_) => false,
        None => {
            let lower = key.to_ascii_lowercase();
            let name = lower.strip_prefix("tieline_").unwrap_or(&lower);
            let section = name.split("__").next().unwrap_or_default();
            near(section, "definitions") || near(section, "servicenow")
        }
    }
}

/// SHA-256 of all values. Those that may hold a password are in it as `***`.
fn fingerprint(values: &BTreeMap<String, String>) -> String {
    let mut hash = Sha256::new();
    for text in values.iter().flat_map(|(key, value)| [key, value]) {
        // with its length, so that two different sequences of texts never give the same input
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    hex::encode(hash.finalize())
}

/// Every value as text, by `section.key`.
fn values(table: &toml::Table) -> BTreeMap<String, String> {
    let sections = table.iter().filter_map(|(section, inner)| Some((section, inner.as_table()?)));
    let all = sections.flat_map(|(section, inner)| inner.iter().map(move |(key, value)| (format!("{section}.{key}"), value)));
    let all = all.flat_map(|(key, value)| match value {
        toml::Value::Table(inner) => inner.iter().map(|(last, value)| (format!("{key}.{last}"), value)).collect(),
        value => vec![(key, value)],
    });
    all.map(|(key, value)| {
        let text = match value {
            // an empty value is no password
            toml::Value::String(text) if text.is_empty() => String::new(),
            toml::Value::Array(all) if all.is_empty() => "[]".to_owned(),
            _ if is_secret(&key) => "***".to_owned(),
            toml::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        (key, text)
    })
    .collect()
}

/// The result of reading so far: valid values with their origins, and problems.
#[derive(Default)]
struct Layers {
    table: toml::Table,
    origins: BTreeMap<String, Origin>,
    problems: Vec<Problem>,
}

impl Layers {
    /// Reads the defaults, the file's text and the variables, each over the one before.
    fn of(text: &str, path: Option<&Path>, env: &BTreeMap<String, String>) -> Result<Self, ConfigError> {
        let mut layers = Self::default();
        layers.add_file(DEFAULTS, Path::new("defaults"))?;
        layers.origins.values_mut().for_each(|origin| *origin = Origin::Default);
        layers.add_file(text, path.unwrap_or(Path::new("the configuration")))?;
        layers.add_variables(env);
        Ok(layers)
    }

    fn add_file(&mut self, text: &str, path: &Path) -> Result<(), ConfigError> {
        let syntax = |error: toml::de::Error| {
            let (line, column) = position(text, error.span().map_or(0, |span| span.start));
            ConfigError::Syntax { path: path.to_owned(), line, column, problem: error.message().trim().replace('\n', ", ") }
        };
        if let Some(line) = too_deep(text) {
            let problem = format!("more than {DEEPEST} brackets are open at once: one is not closed");
            return Err(ConfigError::Syntax { path: path.to_owned(), line, column: 1, problem });
        }
        let values: toml::Table = text.parse().map_err(syntax)?;
        let lines = lines(text).map_err(syntax)?;
        let at = |key: &str| Origin::File { path: path.to_owned(), line: lines.get(key).copied().unwrap_or(1) };
        for (section, value) in values {
            let problem = |text: String| Problem { key: section.clone(), text, origin: Some(at(&section)) };
            if !raw::is_section(&section) {
                let hint = suggestion(&section);
                let what = if value.is_table() { "section" } else { "key" };
                self.problems.push(problem(format!("unknown {what} `{section}`{hint}")));
                continue;
            }
            let toml::Value::Table(inner) = value else {
                self.problems.push(problem(format!("`{section}` is a section: write `[{section}]`, and its keys below")));
                continue;
            };
            for (key, value) in inner {
                let path = format!("{section}.{key}");
                match value {
                    toml::Value::Table(of_company) if section == COMPANY => {
                        let section = format!("{COMPANY}.{key}");
                        self.origins.insert(section.clone(), at(&path));
                        for (key, value) in of_company {
                            self.set(&section, &key, value, at(&format!("{path}.{key}")));
                        }
                    }
                    _ if section == COMPANY => {
                        let text = format!("`{path}` is a section: write `[{COMPANY}.ID]` with the company's id, and its keys below");
                        self.problems.push(Problem { origin: Some(at(&path)), key: path, text });
                    }
                    value => self.set(&section, &key, value, at(&path)),
                }
            }
        }
        Ok(())
    }

    /// The section of a company that a variable names. Names of variables ignore case, so an existing id in other letters is the same one.
    /// Two sections of the file are two companies.
    fn company(&self, id: &str) -> String {
        let known = || self.table.get(COMPANY).and_then(toml::Value::as_table).into_iter().flat_map(toml::Table::keys).map(String::as_str);
        let section = known().find(|known| *known == id).or_else(|| known().find(|known| known.eq_ignore_ascii_case(id)));
        format!("{COMPANY}.{}", section.unwrap_or(id))
    }

    fn add_variables(&mut self, env: &BTreeMap<String, String>) {
        for (name, value) in env {
            let origin = Origin::Variable { name: name.clone() };
            let Some(path) = name.strip_prefix(PREFIX) else {
                // a likely mistake, which would otherwise be ignored silently
                if let Some(rest) = name.strip_prefix("TIELINE_").filter(|rest| rest.contains("__")) {
                    let text = format!("the variable is not read: a setting's variable begins with two underscores, `{PREFIX}{rest}`");
                    self.problems.push(Problem { key: name.clone(), text, origin: Some(origin) });
                }
                continue;
            };
            // compose files pass `${NAME:-}` as an empty text: not set
            if value.is_empty() {
                continue;
            }
            let path = path.to_ascii_lowercase();
            let Some((section, key)) = path.split_once("__").filter(|(section, _)| raw::is_section(section)) else {
                let text = format!("the variable names no setting; its form is `{PREFIX}SECTION__KEY`{}", suggestion(&path));
                self.problems.push(Problem { key: path, text, origin: Some(origin) });
                continue;
            };
            let (section, key) = match key.split_once("__").filter(|_| section == COMPANY) {
                Some((id, key)) => (self.company(&id.to_ascii_uppercase()), key),
                None => (section.to_owned(), key),
            };
            let value = read_variable(&section, key, value);
            self.set(&section, key, value, origin);
        }
    }

    fn set(&mut self, section: &str, key: &str, value: toml::Value, origin: Origin) {
        let path = format!("{section}.{key}");
        let Some(kind) = raw::kind(section, key) else {
            let hint =
                if section.starts_with(COMPANY) { format!("; a company may have {}", raw::company_keys()) } else { suggestion(&path) };
            let text = format!("unknown key `{path}`{hint}");
            self.problems.push(Problem { key: path, text, origin: Some(origin) });
            return;
        };
        if !raw::fits(section, key, value.clone()) {
            let got = if is_secret(&path) { String::new() } else { format!(", got `{}`", shown(&value)) };
            let text = format!("`{path}` must be {}{got}", kind.describe());
            self.problems.push(Problem { key: path, text, origin: Some(origin) });
            return;
        }
        let mut inner = &mut self.table;
        for name in section.split('.') {
            let next = inner.entry(name).or_insert_with(|| toml::Value::Table(toml::Table::new()));
            match next {
                toml::Value::Table(next) => inner = next,
                // a section always contains a table
                _ => return,
            }
        }
        inner.insert(key.to_owned(), value);
        self.origins.insert(path, origin);
    }
}

/// The text of a variable, parsed as the kind of its key. A text that cannot be parsed stays text, and is reported.
fn read_variable(section: &str, key: &str, text: &str) -> toml::Value {
    let parsed = || if too_deep(text).is_some() { None } else { format!("v = {text}").parse::<toml::Table>().ok()?.remove("v") };
    match raw::kind(section, key) {
        Some(Kind::Number | Kind::Flag) => parsed().unwrap_or_else(|| toml::Value::String(text.to_owned())),
        Some(Kind::List) => parsed().filter(toml::Value::is_array).unwrap_or_else(|| {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            toml::Value::Array(items.map(|item| toml::Value::String(item.to_owned())).collect())
        }),
        _ => toml::Value::String(text.to_owned()),
    }
}

/// Keys whose values may hold a password.
pub(super) fn is_secret(key: &str) -> bool {
    key == "database.url" || key == "notices.webhook_urls" || key.ends_with(".proxy")
}

fn shown(value: &toml::Value) -> String {
    let text = match value {
        toml::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// The line of every section and key.
fn lines(text: &str) -> Result<HashMap<String, usize>, toml::de::Error> {
    let mut lines = HashMap::new();
    let root = DeTable::parse(text)?;
    for (section, value) in root.get_ref() {
        lines.insert(section.get_ref().to_string(), position(text, section.span().start).0);
        if let DeValue::Table(inner) = value.get_ref() {
            for (key, value) in inner {
                let path = format!("{}.{}", section.get_ref(), key.get_ref());
                if let DeValue::Table(of_company) = value.get_ref() {
                    for key in of_company.keys() {
                        lines.insert(format!("{path}.{}", key.get_ref()), position(text, key.span().start).0);
                    }
                }
                lines.insert(path, position(text, key.span().start).0);
            }
        }
    }
    Ok(lines)
}

/// Line and column, both from 1, of a byte offset.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = &text.as_bytes()[..offset.min(text.len())];
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    (line, String::from_utf8_lossy(&before[start..]).chars().count() + 1)
}

/// "; did you mean `…`?", or empty when no key is similar.
fn suggestion(wrong: &str) -> String {
    let wrong = wrong.replace("__", ".");
    let last = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
    let mut keys = raw::all_keys();
    if !wrong.contains('.') {
        keys = keys.into_iter().map(|key| key.split('.').next().unwrap_or_default().to_owned()).collect();
    }
    // the same key in another section, or else the one with the fewest different letters
    let moved = keys.iter().find(|key| key.contains('.') && last(key) == last(&wrong));
    let near =
        keys.iter().map(|key| (strsim::levenshtein(key, &wrong), key)).min().filter(|(distance, key)| *distance <= 1 + key.len() / 6);
    match near.map(|(_, key)| key).or(moved) {
        Some(key) => format!("; did you mean `{key}`?"),
        None => String::new(),
    }
}
