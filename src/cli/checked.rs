//! Checked settings and definitions, or all mistakes in them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::failure::{Exit, Failure};
use super::global::Global;
use crate::config::{self, ConfigError, FurtherChecks, Loaded, Origin, Settings};
use crate::definition::{self, Currencies, Definitions, Inspected, Problem};
use crate::domain::EntityName;
use crate::domain::chain;
use crate::operations;

/// Checked settings and definitions; nothing has been started.
pub(super) struct Checked {
    /// The settings and their origins.
    pub(super) loaded: Loaded,
    /// The plans.
    pub(super) definitions: Arc<Definitions>,
}

/// All mistakes in settings and definitions.
#[derive(Debug, Default)]
pub(super) struct Refused {
    /// Mistakes of the configuration.
    pub(super) configuration: Vec<String>,
    /// Mistakes of the definitions.
    pub(super) definitions: Vec<String>,
    /// Whether the configuration is so wrong that the definitions could not be read.
    pub(super) unchecked: bool,
    /// The file of the settings.
    pub(super) file: Option<PathBuf>,
    /// Whether the texts name the file already.
    named: bool,
}

impl Refused {
    /// Mistakes of the configuration in this file.
    pub(super) fn configuration(file: Option<PathBuf>, problems: Vec<String>) -> Self {
        Self { configuration: problems, file, ..Self::default() }
    }

    /// Adds the mistakes that only the definitions show. While their files are not known, the shipped ones show whether a currency is needed.
    fn add_further(&mut self, further: &FurtherChecks) {
        let currencies = match &further.companies {
            Some(companies) => Currencies::Of(companies),
            None => Currencies::Common(further.currency.as_deref()),
        };
        let mut inspected = definition::inspect(further.directory.as_deref(), &further.profile, &further.entities, currencies);
        if further.files_unknown {
            inspected.problems.retain(Problem::is_of_currency);
        } else {
            self.configuration.extend(unknown_schedules(&inspected, &further.profile, &further.schedule, &further.origins));
            self.configuration.extend(missing_enet(&inspected, further.enet_url));
        }
        self.unchecked = further.files_unknown;
        self.definitions = inspected.problems.iter().map(ToString::to_string).collect();
    }
}

/// Schedules of entities that the profile does not have. An entity that is currently excluded may keep its schedule.
fn unknown_schedules(inspected: &Inspected, profile: &str, schedule: &[EntityName], origins: &BTreeMap<String, Origin>) -> Vec<String> {
    let known: Vec<&str> = inspected.entities.iter().map(EntityName::as_str).collect();
    // a profile without entities does not exist, which is reported
    let unknown = schedule.iter().filter(|entity| !known.is_empty() && !known.contains(&entity.as_str()));
    let problem = |entity: &EntityName| {
        let key = format!("schedule.{entity}");
        let origin = origins.get(&key).map(|origin| format!(" ({origin})")).unwrap_or_default();
        format!("`{key}` names no entity of profile `{profile}`; there are {}{origin}", known.join(", "))
    };
    unknown.map(problem).collect()
}

/// The missing address for an entity that is written into SYSPRO.
fn missing_enet(inspected: &Inspected, has_address: bool) -> Option<String> {
    let entity = inspected.writes_back.as_ref().filter(|_| !has_address)?;
    Some(format!(
        "`syspro.enet_url` is missing: `[setup]` of entity `{entity}` writes into SYSPRO through e.net; its REST service is at an address \
         such as `http://erp.example:31002/SYSPROWCFService/Rest`"
    ))
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        let mut parts = Vec::new();
        let file = refused.file.as_deref();
        if refused.named {
            parts.extend(refused.configuration);
        } else if !refused.configuration.is_empty() {
            parts.push(format!("{}\n  {}", config::heading(file, refused.configuration.len()), refused.configuration.join("\n  ")));
        }
        if !refused.definitions.is_empty() {
            let count = refused.definitions.len();
            let of = file.map(|file| format!(" of {}", config::shown_path(file))).unwrap_or_default();
            let plural = if count == 1 { "" } else { "s" };
            parts.push(format!("the definitions{of} have {count} problem{plural}\n  {}", refused.definitions.join("\n  ")));
        }
        if refused.unchecked {
            parts.push("the definitions can be checked once this is corrected".to_owned());
        }
        Failure::new(Exit::Configuration, parts.join("\n"))
    }
}

impl Checked {
    /// Reads and checks settings and definitions.
    pub(super) fn load(global: &Global) -> Result<Self, Failure> {
        Ok(Self::read(global)?)
    }

    /// The same with the definitions of another directory, which need not be in force.
    pub(super) fn load_with_definitions(global: &Global, directory: &Path) -> Result<Self, Failure> {
        let mut loaded = config::load(global.config.as_deref(), config::environment()).map_err(|_| match Self::load(global) {
            Err(failure) => failure,
            Ok(_) => Failure::new(Exit::Configuration, "the configuration has changed while it was read; repeat the command"),
        })?;
        loaded.settings.definitions.directory = Some(directory.to_owned());
        Ok(Self::with(loaded)?)
    }

    /// The same, with the mistakes one by one; those of the definitions as well, if the configuration allows to find them.
    pub(super) fn read(global: &Global) -> Result<Self, Refused> {
        let path = global.config.as_deref();
        let error = match config::load(path, config::environment()) {
            Ok(loaded) => return Self::with(loaded),
            Err(error) => error,
        };
        let mut refused = match &error {
            ConfigError::Invalid { file, problems } => {
                Refused::configuration(file.clone(), problems.iter().map(ToString::to_string).collect())
            }
            ConfigError::Unreadable { path: file, .. } | ConfigError::Syntax { path: file, .. } => {
                let text = vec![chain(&error)];
                return Err(Refused { unchecked: true, named: true, ..Refused::configuration(Some(file.clone()), text) });
            }
        };
        match config::load_further_checks(path, config::environment()) {
            Some(further) => refused.add_further(&further),
            None => refused.unchecked = true,
        }
        Err(refused)
    }

    /// Checks the definitions of given settings.
    pub(super) fn with(loaded: Loaded) -> Result<Self, Refused> {
        let settings = &loaded.settings;
        let (directory, profile) = (settings.definitions.directory.as_deref(), &settings.servicenow.profile);
        let inspected = definition::inspect(directory, profile, &settings.flows.entities, Currencies::Of(&settings.companies));
        let schedule: Vec<EntityName> = settings.schedule.keys().cloned().collect();
        let mut configuration = unknown_schedules(&inspected, profile, &schedule, &loaded.origins);
        configuration.extend(missing_enet(&inspected, settings.syspro.enet_url.is_some()));
        if !configuration.is_empty() || !inspected.problems.is_empty() {
            let definitions = inspected.problems.iter().map(ToString::to_string).collect();
            return Err(Refused { definitions, ..Refused::configuration(loaded.file.clone(), configuration) });
        }
        let mut definitions = inspected.definitions;
        definitions.set = std::mem::take(&mut definitions.set).with_settings(settings.syspro.deciding_values());
        Ok(Self { loaded, definitions: Arc::new(definitions) })
    }

    /// The settings.
    pub(super) fn settings(&self) -> &Settings {
        &self.loaded.settings
    }

    /// The failure of a refused operation. A flow may be unknown only because another file was meant: its message names the file.
    pub(super) fn refused(&self, refused: operations::Refused) -> Failure {
        let source = matches!(refused, operations::Refused::NoFlow(_) | operations::Refused::UnknownName(_)).then(|| self.source());
        let Failure { exit, text } = refused.into();
        Failure::new(exit, text + &source.unwrap_or_default())
    }

    /// The file of the settings, for a message about them.
    pub(super) fn source(&self) -> String {
        match &self.loaded.file {
            Some(file) => format!("; this command reads {}", config::shown_path(file)),
            None => "; this command found no configuration file and has its settings from variables".to_owned(),
        }
    }
}
