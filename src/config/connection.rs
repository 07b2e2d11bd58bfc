//! Converts a database url to the environment variables of the Postgres programs.

use crate::domain::percent;

/// The variable for each parameter of a url.
const PARAMETERS: &[(&str, &str)] = &[
    ("host", "PGHOST"),
    ("hostaddr", "PGHOSTADDR"),
    ("port", "PGPORT"),
    ("user", "PGUSER"),
    ("password", "PGPASSWORD"),
    ("dbname", "PGDATABASE"),
    ("passfile", "PGPASSFILE"),
    ("service", "PGSERVICE"),
    ("options", "PGOPTIONS"),
    ("application_name", "PGAPPNAME"),
    ("connect_timeout", "PGCONNECT_TIMEOUT"),
    ("client_encoding", "PGCLIENTENCODING"),
    ("channel_binding", "PGCHANNELBINDING"),
    ("sslmode", "PGSSLMODE"),
    ("sslrootcert", "PGSSLROOTCERT"),
    ("sslcert", "PGSSLCERT"),
    ("sslkey", "PGSSLKEY"),
    ("sslcrl", "PGSSLCRL"),
    ("ssl_min_protocol_version", "PGSSLMINPROTOCOLVERSION"),
    ("gssencmode", "PGGSSENCMODE"),
    ("krbsrvname", "PGKRBSRVNAME"),
    ("target_session_attrs", "PGTARGETSESSIONATTRS"),
];

/// The time for which an idle connection is kept has no variable; a program that ends soon does not need it.
const WITHOUT: &[&str] = &[
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
    "fallback_application_name",
    "load_balance_hosts",
];

/// The variables for `postgres://user:password@host:port/database?parameter=value`.
///
/// # Errors
/// The part that has no variable; the text contains no value.
pub fn variables(url: &str) -> Result<Vec<(&'static str, String)>, String> {
    let rest = url.split_once("://").map(|(_, rest)| rest).ok_or("it has no `://`")?;
    let (rest, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    let (account, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) = account.split_once(':').unwrap_or((account, ""));
    let places: Vec<(&str, &str)> = hosts.split(',').map(place).collect();
    let list = |of: Vec<&str>| if of.iter().all(|text| text.is_empty()) { String::new() } else { of.join(",") };
    let mut found: Vec<(&'static str, String)> = Vec::new();
    let mut set = |name: &'static str, text: &str| -> Result<(), String> {
        if !text.is_empty() {
            found.retain(|(known, _)| *known != name);
            found.push((name, percent::decode(text).map_err(|problem| problem.to_string())?));
        }
        Ok(())
    };
    set("PGHOST", &list(places.iter().map(|place| place.0).collect()))?;
    set("PGPORT", &list(places.iter().map(|place| place.1).collect()))?;
    set("PGUSER", user)?;
    set("PGPASSWORD", password)?;
    set("PGDATABASE", database)?;
    for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').ok_or("a parameter has no `=`")?;
        match PARAMETERS.iter().find(|(known, _)| *known == name) {
            Some((_, variable)) => set(variable, value)?,
            None if WITHOUT.contains(&name) => {}
            None => return Err(format!("its parameter `{name}` has no environment variable; pass the connection to the program yourself")),
        }
    }
    Ok(found)
}

/// A host and its port; an IPv6 address is in brackets.
fn place(text: &str) -> (&str, &str) {
    if let Some((host, port)) = text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        return (host, port.trim_start_matches(':'));
    }
    text.split_once(':').unwrap_or((text, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(url: &str) -> Vec<String> {
        variables(url).unwrap().into_iter().map(|(name, value)| format!("{name}={value}")).collect()
    }

    #[test]
    fn a_url_says_the_same_as_variables() {
        assert_eq!(
            said("postgres://me:p%40ss%25@db.example:5433/tieline?sslmode=verify-full&sslrootcert=/etc/ca%20x.pem&keepalives=1"),
            [
                "PGHOST=db.example",
                "PGPORT=5433",
                "PGUSER=me",
                "PGPASSWORD=p@ss%",
                "PGDATABASE=tieline",
                "PGSSLMODE=verify-full",
                "PGSSLROOTCERT=/etc/ca x.pem"
            ]
        );
        assert_eq!(
            said("postgresql://tieline:s@/tieline?host=%2Fvar%2Flib%2Ftieline%2Fsock&port=5432"),
            ["PGUSER=tieline", "PGPASSWORD=s", "PGDATABASE=tieline", "PGHOST=/var/lib/tieline/sock", "PGPORT=5432"]
        );
        assert_eq!(said("postgres://a:1,[::1]:2/x"), ["PGHOST=a,::1", "PGPORT=1,2", "PGDATABASE=x"]);
        assert_eq!(said("postgres://"), Vec::<String>::new());
    }

    #[test]
    fn what_cannot_be_said_is_named_without_its_value() {
        for (url, problem) in [("postgres://h/x?requirepeer=SECRET", "requirepeer"), ("postgres://u:SECRET%2@h/x", "hexadecimal")] {
            let said = variables(url).unwrap_err();
            assert!(said.contains(problem) && !said.contains("SECRET"), "{said}");
        }
    }
}
