//! The settings that name files with certificates. Their content is checked where it is used, and by `tieline check`.

use std::path::{Path, PathBuf};

use super::raw::Raw;
use super::settings::{CertificateFiles, Settings};

/// The files, without those that the configuration does not name.
#[derive(Debug, Clone, Default)]
pub struct CertificateSettings {
    /// The service's own certificate and its key.
    pub own: Option<CertificateFiles>,
    /// Files with further certificate authorities, each with its setting.
    pub authorities: Vec<(&'static str, PathBuf)>,
}

impl CertificateSettings {
    fn new(own: Option<CertificateFiles>, authorities: [(&'static str, Option<&Path>); 4]) -> Self {
        let authorities = authorities.into_iter().filter_map(|(key, path)| Some((key, path?.to_owned())));
        Self { own, authorities: authorities.collect() }
    }

    /// Those of a configuration that is refused. A file that is not there was reported already.
    pub(super) fn of_raw(raw: &Raw) -> Self {
        let path = |text: &Option<String>| text.as_ref().filter(|text| !text.is_empty()).map(PathBuf::from);
        let own = path(&raw.http.certificate).zip(path(&raw.http.certificate_key));
        let there = |text: &Option<String>| path(text).filter(|path| path.is_file());
        let (syspro, servicenow) = (there(&raw.syspro.ca_file), there(&raw.servicenow.ca_file));
        let (notices, sign_in) = (there(&raw.notices.ca_file), there(&raw.sign_in.ca_file));
        Self::new(
            own.map(|(certificate, key)| CertificateFiles { certificate, key }),
            [
                ("syspro.ca_file", syspro.as_deref()),
                ("servicenow.ca_file", servicenow.as_deref()),
                ("notices.ca_file", notices.as_deref()),
                ("sign_in.ca_file", sign_in.as_deref()),
            ],
        )
    }

    /// Those of valid settings.
    pub fn of(settings: &Settings) -> Self {
        Self::new(
            settings.http.certificate.clone(),
            [
                ("syspro.ca_file", settings.syspro.connection.ca_file.as_deref()),
                ("servicenow.ca_file", settings.servicenow.connection.ca_file.as_deref()),
                ("notices.ca_file", settings.notices.ca_file.as_deref()),
                ("sign_in.ca_file", settings.sign_in.provider.as_ref().and_then(|provider| provider.connection.ca_file.as_deref())),
            ],
        )
    }
}
