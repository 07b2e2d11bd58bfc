//! Checked settings and definitions, or all mistakes in them.

use std::path::PathBuf;
use std::sync::Arc;

use super::failure::{Exit, Failure};
use super::global::Global;
use crate::config::{self, ConfigError, Loaded, Settings};
use crate::definition::{self, Definitions};
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
    fn configuration(file: Option<PathBuf>, problems: Vec<String>) -> Self {
        Self { configuration: problems, file, ..Self::default() }
    }
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
        match config::load_definition_part(path, config::environment()) {
            Some(part) => {
                let problems =
                    definition::load(part.directory.as_deref(), &part.profile, &part.entities, &part.companies).err().unwrap_or_default();
                refused.definitions = problems.iter().map(ToString::to_string).collect();
            }
            None => refused.unchecked = true,
        }
        Err(refused)
    }

    /// Checks the definitions of given settings.
    pub(super) fn with(loaded: Loaded) -> Result<Self, Refused> {
        let settings = &loaded.settings;
        let load = |entities: &[EntityName]| {
            let directory = settings.definitions.directory.as_deref();
            definition::load(directory, &settings.servicenow.profile, entities, &settings.companies)
        };
        let mut definitions = load(&settings.flows.entities).map_err(|problems| Refused {
            definitions: problems.iter().map(ToString::to_string).collect(),
            file: loaded.file.clone(),
            ..Refused::default()
        })?;
        let mut strangers: Vec<&EntityName> = settings.schedule.keys().filter(|entity| definitions.plan(entity).is_none()).collect();
        let mut known: Vec<&str> = definitions.plans.iter().map(|plan| plan.entity.as_str()).collect();
        let all;
        if !strangers.is_empty() && !settings.flows.entities.is_empty() {
            // an entity that is currently excluded may keep its schedule
            all = load(&[]).unwrap_or_default();
            strangers.retain(|entity| all.plan(entity).is_none());
            known = all.plans.iter().map(|plan| plan.entity.as_str()).collect();
        }
        if !strangers.is_empty() {
            let problem = |entity: &&EntityName| {
                let key = format!("schedule.{entity}");
                let origin = loaded.origins.get(&key).map(|origin| format!(" ({origin})")).unwrap_or_default();
                let profile = &settings.servicenow.profile;
                format!("`{key}` names no entity of profile `{profile}`; there are {}{origin}", known.join(", "))
            };
            return Err(Refused::configuration(loaded.file.clone(), strangers.iter().map(problem).collect()));
        }
        let writes = definitions.plans.iter().find(|plan| plan.setup.is_some() && plan.aligned().is_some());
        if let (Some(plan), None) = (writes, &settings.syspro.enet_url) {
            let text = format!(
                "`syspro.enet_url` is missing: `[setup]` of entity `{}` writes into SYSPRO through e.net; its REST service is at an address \
                 such as `http://erp.example:31002/SYSPROWCFService/Rest`",
                plan.entity
            );
            return Err(Refused::configuration(loaded.file.clone(), vec![text]));
        }
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
