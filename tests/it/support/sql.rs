//! Statements of the tests themselves, over connections that stay open.

use std::collections::HashMap;
use std::sync::Mutex;

use postgres::error::SqlState;
use postgres::{Client, Config, Error, NoTls, SimpleQueryMessage};
use secrecy::{ExposeSecret, SecretString};

type Answer = Vec<SimpleQueryMessage>;

/// Asks the databases of one server. A new connection costs more than what is asked through it, so each is kept for the next statement.
pub struct Sql {
    server: Config,
    idle: Mutex<HashMap<String, Vec<Client>>>,
}

impl Sql {
    /// For a server with the URL of one of its databases.
    pub fn new(url: &SecretString) -> Self {
        let mut server: Config = url.expose_secret().parse().unwrap();
        server.application_name("test");
        Self { server, idle: Mutex::default() }
    }

    /// The rows of all statements, as `psql -A -t` prints them: a line per row, the columns joined by `|`, null as nothing. Statements that
    /// are sent together are one transaction.
    ///
    /// # Errors
    ///
    /// What the server says of the statement that failed.
    pub fn ask(&self, database: &str, sql: &str) -> Result<String, String> {
        // a connection has the settings that its database had when it began
        let for_new_ones = sql.contains("ALTER DATABASE");
        self.apart(|| {
            let (client, result) = self.answer(database, sql)?;
            let mut idle = self.idle.lock().unwrap();
            let kept = idle.entry(database.to_owned()).or_default();
            kept.push(client);
            if for_new_ones {
                kept.clear();
            }
            result
        })
    }

    /// The same on a connection that has done nothing else, as for what the server counts per connection.
    ///
    /// # Errors
    ///
    /// As [`Sql::ask`].
    pub fn ask_first(&self, database: &str, sql: &str) -> Result<String, String> {
        self.apart(|| self.first(database, sql)?.1)
    }

    /// The client has a runtime of its own, which cannot start on a thread that has one.
    fn apart(&self, work: impl FnOnce() -> Result<Answer, Error> + Send) -> Result<String, String> {
        let answer = std::thread::scope(|scope| scope.spawn(work).join().unwrap());
        answer.map(|answer| lines(&answer)).map_err(|error| said(&error))
    }

    fn answer(&self, database: &str, sql: &str) -> Result<(Client, Result<Answer, Error>), Error> {
        let kept = self.idle.lock().unwrap().get_mut(database).and_then(Vec::pop);
        let Some(mut client) = kept else { return self.first(database, sql) };
        match client.simple_query(sql) {
            // the server ended the connection while nothing was asked, so this statement was not begun
            Err(error) if error.is_closed() || error.code() == Some(&SqlState::ADMIN_SHUTDOWN) => self.first(database, sql),
            result => Ok((client, result)),
        }
    }

    fn first(&self, database: &str, sql: &str) -> Result<(Client, Result<Answer, Error>), Error> {
        let mut client = self.server.clone().dbname(database).connect(NoTls)?;
        let result = client.simple_query(sql);
        Ok((client, result))
    }
}

impl Drop for Sql {
    fn drop(&mut self) {
        let left = self.idle.get_mut().map(std::mem::take);
        // a client ends its connection with the runtime of its own
        std::thread::scope(|scope| {
            scope.spawn(|| drop(left));
        });
    }
}

fn lines(answer: &[SimpleQueryMessage]) -> String {
    let rows = answer.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some((0..row.len()).map(|at| row.get(at).unwrap_or_default()).collect::<Vec<_>>().join("|")),
        _ => None,
    });
    rows.collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

fn said(error: &Error) -> String {
    error.as_db_error().map_or_else(|| format!("{error:?}"), |error| format!("{}: {}", error.code().code(), error.message()))
}
